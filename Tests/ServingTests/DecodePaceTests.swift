import Randomness
import Testing

@testable import Serving

/// A machine that takes a known time, and what the pace makes of it.
@Suite("Decode pace")
struct DecodePaceTests {
    /// What a server saw: seconds of each step, and when each prompt was complete.
    private struct Run {
        var pauses: [Double] = []
        var firstTokens: [Double] = []
    }

    private static func decode(_ count: Int) -> Double { count == 0 ? 0 : 0.018 + 0.003 * Double(count) }

    /// Seconds of a step; a tenth more or less by chance.
    ///
    /// - Parameter free: Tokens of prompts that cost nothing beside sequences: memory is waited for anyway.
    private static func step(_ decoding: Int, _ tokens: Int, _ place: Int, free: Int = 0) -> Double {
        let noise = 0.9 + 0.2 * RandomAddress(seed: 4, purpose: .probe).uniform(at: place)
        let paid = decoding == 0 ? tokens : max(0, tokens - free)
        return noise * (decode(decoding) + (decoding == 0 ? 0.01 : 0) + 0.0012 * Double(paid))
    }

    /// Prompts that come at once, beside sequences that decode all the while.
    private static func burst(_ pace: inout DecodePace, prompts: Int, length: Int, decoding: Int, free: Int = 0) -> Run
    {
        var (run, now) = (Run(), 0.0)
        var (ready, left) = (decoding, prompts * length)
        while left > 0 {
            let complete = decoding + prompts - (left + length - 1) / length
            let coming = decoding + prompts - complete
            let tokens = min(left, pace.budget(decoding: complete, coming: coming))
            let seconds = step(complete, tokens, run.pauses.count, free: free)
            pace.learn(decoded: complete, prompted: tokens, seconds: seconds)
            now += seconds
            left -= tokens
            if complete > 0 { run.pauses.append(seconds) }
            ready = decoding + prompts - (left + length - 1) / length
            for _ in complete..<ready { run.firstTokens.append(now) }
        }
        return run
    }

    private static func learned(_ counts: some Sequence<Int>) -> DecodePace {
        var pace = DecodePace()
        pace.learn(decoded: 0, prompted: 512, seconds: step(0, 512, 0))
        for (place, count) in counts.enumerated() {
            pace.learn(decoded: count, prompted: 0, seconds: step(count, 0, place))
        }
        return pace
    }

    @Test("no step takes as long as two of those that follow it, whatever comes in", arguments: [0, 1, 7, 15])
    func pauses(decoding: Int) {
        var pace = Self.learned([1, 2, 4, 8, 12, 16, 16, 16, 24, 31, 31, 31])
        for (prompts, length) in [(1, 40), (1, 4000), (8, 60), (16, 100)] {
            let limit = 2 * Self.decode(decoding + prompts)
            // What the first burst teaches of prompts beside sequences serves the second.
            for _ in 0..<2 {
                let run = Self.burst(&pace, prompts: prompts, length: length, decoding: decoding)
                #expect(run.pauses.allSatisfy { $0 < limit }, "\(run.pauses.max() ?? 0) of \(limit)")
            }
        }
    }

    @Test("short prompts that cost nothing don't make it think that long ones do")
    func cheapPieces() {
        var pace = Self.learned([1, 2, 4, 8, 16, 16])
        for _ in 0..<20 { _ = Self.burst(&pace, prompts: 1, length: 9, decoding: 15, free: 16) }
        let run = Self.burst(&pace, prompts: 15, length: 60, decoding: 1, free: 16)
        #expect(run.pauses.allSatisfy { $0 < 2 * Self.decode(16) }, "\(run.pauses.max() ?? 0)")
    }

    @Test("a burst comes in faster than if every step took what only those take that decode already")
    func burst() {
        var pace = Self.learned([1, 1, 8, 8, 8])
        let run = Self.burst(&pace, prompts: 32, length: 100, decoding: 0)
        let alone = 32 * 100 * 0.0012
        #expect(run.firstTokens.count == 32)
        #expect(run.firstTokens[16] < 0.85 * alone && run.firstTokens[31] < 2 * alone)
    }

    @Test("it finds its way from nothing known, in a burst where no step only decodes")
    func fromNothing() {
        var pace = DecodePace()
        #expect(pace.budget(decoding: 0, coming: 5) == DecodePace.most)
        #expect(pace.budget(decoding: 3, coming: 5) == DecodePace.first)
        let run = Self.burst(&pace, prompts: 32, length: 100, decoding: 0)
        #expect(run.firstTokens[31] < 3 * 32 * 100 * 0.0012)
        #expect(run.pauses.allSatisfy { $0 < 2 * Self.decode(32) })
    }

    @Test("a prompt gets on beside any number of sequences, and the budget stays within its limits")
    func limits() {
        var pace = DecodePace()
        for count in [1, 2, 0, 3] { pace.learn(decoded: count, prompted: 0, seconds: 0) }
        pace.learn(decoded: 2, prompted: 40, seconds: 1e9)
        for (decoding, coming) in [(1, 0), (2, 0), (5, 100), (4096, 0), (1, 4096), (1, -1)] {
            #expect((DecodePace.fewest...DecodePace.most).contains(pace.budget(decoding: decoding, coming: coming)))
        }
    }

    @Test("what a break has taken is taken off the prompts' time")
    func breaks() {
        let pace = Self.learned([1, 2, 4, 8, 12, 16, 16, 16, 16, 16])
        let (all, rest) = (pace.budget(decoding: 16, coming: 0), pace.budget(decoding: 16, coming: 0, taken: 0.1))
        #expect(rest < all && rest > all / 2)
        #expect(pace.budget(decoding: 16, coming: 0, taken: 1) == DecodePace.fewest)
    }
}
