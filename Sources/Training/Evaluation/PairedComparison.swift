import Foundation
import Randomness

/// Whether two policies differ on the same problems.
///
/// The mean difference of the problems' shares, first minus second, with a 95 % interval, and the chance p of a difference
/// at least as large, either way, if the two were equal: for each problem the sign of its difference would then be a coin's.
/// Chances are exact where the shares have a common denominator, as they have unless completions could not be judged; with
/// one completion a problem the test is McNemar's exact one.
///
/// Source: Fisher 1935 (The Design of Experiments, section 21) for the sign-flip test; McNemar 1947, Psychometrika 12(2).
public struct PairedComparison: Sendable, Equatable {
    /// Which test gave p.
    public enum Test: String, Sendable {
        /// One completion a problem: the binomial test of the problems that differ.
        case mcNemar = "mcnemar_exact"
        /// All sign patterns, by their sums.
        case exact = "sign_flip_exact"
        /// A sample of sign patterns.
        case sampled = "sign_flip_sampled"
    }

    /// Problems that both have a share of.
    public let problems: Int
    /// Problems at which the first is better.
    public let wins: Int
    /// Problems at which the second is better.
    public let losses: Int
    /// The mean difference.
    public let difference: Double
    /// Lower end of its interval: the 2.5 % quantile over 10,000 resamplings of the problems (bootstrap).
    public let low: Double
    /// Upper end, the 97.5 % quantile.
    public let high: Double
    /// The chance of such a difference between equals.
    public let p: Double
    /// The test.
    public let test: Test

    private static let resamplings = 10_000
    private static let flips = 100_000

    /// Compares two lists of shares, problem by problem; a problem that either lacks is left out.
    ///
    /// - Parameter samples: Completions of each problem, the shares' common denominator where all were judged.
    public init(_ first: [Double?], _ second: [Double?], samples: Int) {
        let pairs = zip(first, second).compactMap { a, b in a.flatMap { a in b.map { (a, $0) } } }
        let differences = pairs.map { $0 - $1 }
        problems = pairs.count
        wins = differences.count { $0 > 0 }
        losses = differences.count { $0 < 0 }
        difference = differences.isEmpty ? .nan : differences.reduce(0, +) / Double(differences.count)
        (low, high) = Self.interval(differences)
        let scaled = differences.map { ($0 * Double(samples)).rounded() }
        let isWhole = zip(differences, scaled).allSatisfy { abs($0 * Double(samples) - $1) < 1e-9 }
        if isWhole, samples == 1 {
            (test, p) = (.mcNemar, Self.binomial(min(wins, losses), of: wins + losses))
        } else if isWhole, let exact = Self.signFlip(scaled.map { Int($0) }) {
            (test, p) = (.exact, exact)
        } else {
            (test, p) = (.sampled, Self.sampledSignFlip(differences))
        }
    }

    /// The two-sided chance of at most so many heads, or as many tails, among n tosses: min(1, 2·Σ_{i ≤ few} C(n, i) / 2ⁿ).
    static func binomial(_ few: Int, of n: Int) -> Double {
        guard n > 0, 2 * few < n else { return 1 }
        // In logarithms, since 2ⁿ overflows at n = 1024.
        func term(_ i: Int) -> Double {
            lgamma(Double(n + 1)) - lgamma(Double(i + 1)) - lgamma(Double(n - i + 1)) - Double(n) * log(2)
        }
        return min(1, 2 * (0...few).reduce(0) { $0 + exp(term($1)) })
    }

    /// The exact two-sided sign-flip test of whole differences, by convolution: which sums do all sign patterns give, and how
    /// often. `nil` where that would be too long.
    static func signFlip(_ differences: [Int]) -> Double? {
        let sizes = differences.map { abs($0) }.filter { $0 > 0 }
        let total = sizes.reduce(0, +)
        guard sizes.count * (total + 1) <= 200_000_000 else { return nil }
        // chances[s]: that the positive ones add up to s.
        var chances = [Double](repeating: 0, count: total + 1)
        chances[0] = 1
        var reached = 0
        for size in sizes {
            reached += size
            for sum in stride(from: reached, through: 0, by: -1) {
                chances[sum] = 0.5 * (chances[sum] + (sum >= size ? chances[sum - size] : 0))
            }
        }
        let observed = abs(differences.reduce(0, +))
        return min(1, chances.enumerated().reduce(0) { $0 + (abs(2 * $1.offset - total) >= observed ? $1.element : 0) })
    }

    /// The sign-flip test over patterns that are drawn; the observed one counts, so that p is never 0.
    static func sampledSignFlip(_ differences: [Double]) -> Double {
        let changed = differences.filter { $0 != 0 }
        guard !changed.isEmpty else { return 1 }
        let observed = abs(changed.reduce(0, +)) - 1e-9
        var hits = 1
        for flip in 0..<flips {
            var generator = RandomAddress(seed: 0, purpose: .resampling, step: 1, prompt: flip).generator()
            var (sum, bits) = (0.0, UInt64(0))
            for (index, value) in changed.enumerated() {
                if index % 64 == 0 { bits = generator.next() }
                sum += bits >> UInt64(index % 64) & 1 == 1 ? value : -value
            }
            if abs(sum) >= observed { hits += 1 }
        }
        return Double(hits) / Double(flips + 1)
    }

    /// Percentile bootstrap of the mean.
    private static func interval(_ values: [Double]) -> (Double, Double) {
        guard !values.isEmpty else { return (-1, 1) }
        let means = (0..<resamplings).map { round in
            var generator = RandomAddress(seed: 0, purpose: .resampling, prompt: round).generator()
            var sum = 0.0
            for _ in values { sum += values[Int(generator.next().multipliedFullWidth(by: UInt64(values.count)).high)] }
            return sum / Double(values.count)
        }.sorted()
        return (means[resamplings / 40], means[resamplings - 1 - resamplings / 40])
    }
}
