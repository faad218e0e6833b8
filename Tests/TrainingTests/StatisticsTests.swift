import Testing

@testable import Training

/// The figures of an evaluation, against their definitions.
@Suite("Statistics")
struct StatisticsTests {
    @Test("pass@k is the share of k-subsets that hold a right sample", arguments: [1, 2, 5, 9])
    func passAtK(samples: Int) throws {
        for right in 0...samples {
            for k in 1...samples {
                let subsets = (0..<1 << samples).filter { $0.nonzeroBitCount == k }
                let hits = subsets.count { $0 & ((1 << right) - 1) != 0 }
                let estimate = try #require(PassAtK.estimate(right: right, of: samples, k: k))
                #expect(abs(estimate - Double(hits) / Double(subsets.count)) < 1e-12, "\(right) of \(samples), k \(k)")
            }
        }
    }

    @Test("pass@k of many samples neither overflows nor leaves 0…1, and falls to the exact ends")
    func passAtKOfMany() throws {
        let many = try #require(PassAtK.estimate(right: 500_000, of: 1_000_000, k: 20))
        #expect(abs(many - (1 - 0x1p-20)) < 1e-8)
        #expect(PassAtK.estimate(right: 0, of: 1_000_000, k: 1000) == 0)
        #expect(PassAtK.estimate(right: 1, of: 1_000_000, k: 1_000_000) == 1)
        let one = try #require(PassAtK.estimate(right: 1, of: 4096, k: 512))
        #expect(abs(one - 0.125) < 1e-12)
        for (right, samples, k) in [(0, 0, 1), (1, 1, 0), (2, 1, 1), (-1, 4, 1), (1, 4, 5)] {
            #expect(PassAtK.estimate(right: right, of: samples, k: k) == nil)
        }
        #expect(PassAtK.reported(samples: 1) == [] && PassAtK.reported(samples: 2) == [2])
        #expect(PassAtK.reported(samples: 12) == [2, 4, 8, 12])
    }

    @Test("intervals of counts are Wilson's")
    func wilson() {
        let half = Proportion(successes: 5, of: 10)
        #expect(abs(half.low - 0.236593) < 1e-6 && abs(half.high - 0.763407) < 1e-6)
        let none = Proportion(successes: 0, of: 10)
        #expect(none.low == 0 && abs(none.high - 0.277533) < 1e-6)
        #expect(Proportion(successes: 10, of: 10).high == 1)
        #expect(Proportion(successes: 0, of: 0).mean.isNaN && Proportion(shares: []).mean.isNaN)
    }

    @Test("shares of one sample give the interval of their count; more samples narrow it, but never below independence")
    func shares() {
        #expect(Proportion(shares: [0, 1, 1, 0, 1]) == Proportion(successes: 3, of: 5))
        let spread = Proportion(shares: [0, 0.5, 1, 0.5], samples: 2)
        #expect(spread.mean == 0.5 && abs(spread.effectiveCount - 8) < 1e-12)
        // The same rate everywhere: no more than all samples count.
        #expect(Proportion(shares: [0.5, 0.5, 0.5], samples: 4).effectiveCount == 12)
        // Nothing right: problems count, not samples.
        let none = Proportion(shares: [0, 0, 0, 0], samples: 8)
        #expect(none == Proportion(successes: 0, of: 4) && none.high > 0.4)
    }

    @Test("the mean of sets weighs them equally and is surer than the least sure of them")
    func sets() {
        let (large, small) = (Proportion(successes: 90, of: 100), Proportion(successes: 1, of: 4))
        let mean = Proportion(meanOf: [large, small])
        #expect(abs(mean.mean - 0.575) < 1e-12)
        #expect(mean.high - mean.low < small.high - small.low && mean.high - mean.low > large.high - large.low)
        #expect(Proportion(meanOf: [large]).low == large.low)
    }

    @Test(
        "McNemar's test is the exact binomial one",
        arguments: [
            (1, 9, 0.021484375), (0, 5, 0.0625), (3, 3, 1), (0, 0, 1), (0, 1, 1), (2, 10, 0.03857421875),
        ])
    func mcNemar(wins: Int, losses: Int, p: Double) {
        let first = Array(repeating: 1.0, count: wins) + Array(repeating: 0, count: losses) + [1, 0]
        let second = Array(repeating: 0.0, count: wins) + Array(repeating: 1, count: losses) + [1, 0]
        let paired = PairedComparison(first, second, samples: 1)
        #expect(paired.test == .mcNemar && abs(paired.p - p) < 1e-12)
        #expect((paired.wins, paired.losses, paired.problems) == (wins, losses, wins + losses + 2))
        let exact = PairedComparison.signFlip(zip(first, second).map { Int($0 - $1) })
        #expect(abs((exact ?? 0) - p) < 1e-12, "the sign-flip test of one sample is McNemar's")
    }

    @Test("binomial chances of thousands do not overflow")
    func manyTosses() {
        #expect(PairedComparison.binomial(4900, of: 10_000) < 0.05)
        #expect(PairedComparison.binomial(4950, of: 10_000) > 0.3)
        #expect(PairedComparison.binomial(0, of: 100_000) == 0)
    }

    @Test("the sign-flip test counts every pattern, and drawing them comes close")
    func signFlip() throws {
        for differences in [[3, -1, 2, 0, 4], [1, 1, 1, -4], [2, 2, 2, 2, 2, 2], [0, 0]] {
            let changed = differences.filter { $0 != 0 }
            let observed = abs(differences.reduce(0, +))
            let patterns = 0..<1 << changed.count
            let hits = patterns.count { bits in
                abs(changed.enumerated().reduce(0) { $0 + (bits >> $1.offset & 1 == 1 ? $1.element : -$1.element) })
                    >= observed
            }
            let expected = Double(hits) / Double(patterns.count)
            let exact = try #require(PairedComparison.signFlip(differences))
            #expect(abs(exact - expected) < 1e-12, "\(differences)")
            let sampled = PairedComparison.sampledSignFlip(differences.map { Double($0) })
            #expect(abs(sampled - expected) < 0.01, "\(differences)")
        }
    }

    @Test("problems that either could not judge are left out, and shares without a common denominator are sampled")
    func unjudged() {
        let paired = PairedComparison([1, nil, 0.5, 1.0 / 3], [0, 1, nil, 0], samples: 4)
        #expect(paired.problems == 2 && paired.test == .sampled)
        #expect(abs(paired.difference - 2.0 / 3) < 1e-12 && paired.p == 0.5 || abs(paired.p - 0.5) < 0.01)
        let none = PairedComparison([], [], samples: 2)
        #expect(none.p == 1 && none.difference.isNaN)
    }

    @Test("the interval of a difference holds it, and is one point where nothing varies")
    func interval() {
        let first = (0..<50).map { Double($0 % 4) / 4 }
        let paired = PairedComparison(first, first.map { $0 / 2 }, samples: 8)
        #expect(paired.low < paired.difference && paired.difference < paired.high && paired.low > 0)
        #expect(paired.p < 1e-6)
        let same = PairedComparison(first, first, samples: 4)
        #expect(same.low == 0 && same.high == 0 && same.p == 1)
    }
}
