/// A share with its 95 % confidence interval.
public struct Proportion: Sendable, Equatable {
    /// The estimate; NaN of nothing.
    public let mean: Double
    /// Lower end of the interval.
    public let low: Double
    /// Upper end of the interval.
    public let high: Double
    /// As how many independent yes-or-no observations the data count.
    public let effectiveCount: Double

    /// The 97.5 % quantile of the normal distribution.
    private static let z = 1.959963984540054

    /// Wilson's interval for a share of so many observations: right at small counts and near 0 and 1, where the usual one is
    /// not.
    ///
    ///     ( p + z²/2n ± z·√( p(1−p)/n + z²/4n² ) ) / ( 1 + z²/n )
    ///
    /// Source: Wilson 1927, J. Am. Stat. Assoc. 22(158).
    /// - Parameter count: Of observations; need not be whole.
    public init(mean p: Double, count n: Double) {
        effectiveCount = n
        guard n > 0, p.isFinite else {
            (mean, low, high) = (.nan, 0, 1)
            return
        }
        let z = Self.z
        let centre = p + z * z / (2 * n)
        let margin = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        let scale = 1 + z * z / n
        mean = p
        // At the ends the exact bound is the estimate itself; rounding must not cross it.
        low = p <= 0 ? 0 : min(p, (centre - margin) / scale)
        high = p >= 1 ? 1 : max(p, (centre + margin) / scale)
    }

    /// Wilson's interval for a count of successes.
    public init(successes: Int, of count: Int) {
        self.init(mean: count > 0 ? Double(successes) / Double(count) : .nan, count: Double(count))
    }

    /// The interval of the mean over problems, each with a share of its own: samples of one problem are not independent,
    /// problems are. Wilson's formula with the number of yes-or-no observations that would have the same variance:
    ///
    ///     n = p(1−p) / (s²/N)        s² = mean of (share − p)²
    ///
    /// With one sample a problem that is N itself. It is at least N, and at most N · samples, which it is when the shares
    /// happen to be all equal; where p is 0 or 1 it is N, since nothing is known of how shares vary.
    ///
    /// Source: the effective sample size of Kish 1965 (Survey Sampling) in Wilson's interval; compared with others by Dean and
    /// Pagano 2015, J. Surv. Stat. Methodol. 3(4).
    /// - Parameter samples: Of each problem.
    public init(shares: [Double], samples: Int = 1) {
        guard !shares.isEmpty else {
            self.init(mean: .nan, count: 0)
            return
        }
        let n = Double(shares.count)
        let mean = min(1, max(0, shares.reduce(0, +) / n))
        let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
        let bernoulli = mean * (1 - mean)
        let effective = bernoulli <= 0 ? n : variance <= 0 ? .infinity : n * bernoulli / variance
        self.init(mean: mean, count: max(n, min(effective, n * Double(max(1, samples)))))
    }

    /// The interval of the plain mean of several independent sets' shares, whatever their sizes.
    ///
    /// The variances of the sets add up; where p is 0 or 1 the observations of all sets count.
    public init(meanOf sets: [Proportion]) {
        let sets = sets.filter { $0.mean.isFinite }
        guard !sets.isEmpty else {
            self.init(mean: .nan, count: 0)
            return
        }
        let count = Double(sets.count)
        let mean = sets.reduce(0) { $0 + $1.mean } / count
        let variance = sets.reduce(0) { $0 + $1.mean * (1 - $1.mean) / $1.effectiveCount } / (count * count)
        let all = sets.reduce(0) { $0 + $1.effectiveCount }
        self.init(mean: mean, count: variance > 0 ? min(all, mean * (1 - mean) / variance) : all)
    }
}
