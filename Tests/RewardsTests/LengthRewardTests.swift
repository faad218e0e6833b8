import Testing

@testable import Rewards

@Suite("Length and repetition")
struct LengthRewardTests {
    private func sample(_ tokens: Int) -> RewardSample {
        RewardSample(prompt: "", completion: "x", completionIDs: Array(repeating: 7, count: tokens))
    }

    @Test("overlong: 0 up to max − buffer, falling by equal steps to −1 at max, −1 beyond")
    func overlong() throws {
        let reward = try OverlongReward(maxTokens: 100, buffer: 20)
        for (length, expected) in [
            (0, 0.0), (80, 0), (81, -0.05), (90, -0.5), (99, -0.95), (100, -1), (101, -1), (Int.max, -1),
        ] {
            #expect(reward.value(length: length) == expected, "\(length)")
        }
        #expect(throws: RewardsError.self) { try OverlongReward(maxTokens: 10, buffer: 11) }
        #expect(throws: RewardsError.self) { try OverlongReward(maxTokens: 10, buffer: 0) }
    }

    @Test("cosine: from short to long along half a period, right downwards and wrong upwards")
    func cosine() throws {
        let reward = try CosineLengthReward(judge: "math", maxTokens: 100)
        // By hand: cos(π/4) = 0.70710678…
        for (length, right, wrong) in [
            (0, 1.0, -1.0), (25, 0.9267766952966369, -0.9267766952966369), (50, 0.75, -0.75), (100, 0.5, -0.5),
            (1000, 0.5, -0.5),
        ] {
            #expect(abs(reward.value(length: length, isRight: true) - right) < 1e-12)
            #expect(abs(reward.value(length: length, isRight: false) - wrong) < 1e-12)
        }
    }

    @Test("a reward that needs another gets its outcomes; where that one has no score, neither has this")
    func needs() async throws {
        struct Judge: RewardFunction {
            let name = "judge"
            func score(_ batch: [RewardSample]) async -> RewardBatch {
                RewardBatch([.score(1), .score(0.5), .notApplicable, .failed(RewardFailure(.crash, "x"))])
            }
        }
        let set = try RewardSet([
            .init(try CosineLengthReward(name: "length", judge: "judge", maxTokens: 10)), .init(Judge(), weight: 0),
        ])
        let report = try await set.score([sample(10), sample(10), sample(10), sample(10)])
        #expect(report.parts[0].outcomes == [.score(0.5), .score(-0.5), .notApplicable, .notApplicable])
        let error = #expect(throws: RewardsError.self) {
            try RewardSet([
                .init(try CosineLengthReward(judge: "math", maxTokens: 1)), .init(try RepetitionReward()),
            ])
        }
        #expect(error?.code == .missingReward)
        #expect(
            error?.message
                == "rewards[0] \"cosine_length\": needs the reward \"math\", expected one of repetition; add it or name another"
        )
    }

    @Test("repetition: the share of n-grams that are not new, times the penalty")
    func repetition() throws {
        let reward = try RepetitionReward(ngram: 2, penalty: -1)
        for (tokens, expected) in [
            ([], 0.0), ([1], 0), ([1, 2], 0), ([1, 2, 3, 4], 0), ([1, 2, 1, 2], -1.0 / 3), ([5, 5, 5, 5, 5], -0.75),
        ] as [([Int], Double)] {
            #expect(abs(reward.value(tokens) - expected) < 1e-12, "\(tokens)")
            #expect(reward.value(tokens).sign == (expected == 0 ? .plus : .minus))
        }
        #expect(try RepetitionReward(ngram: 3, penalty: 2).value([1, 1, 1, 1]) == 1)
        #expect(throws: RewardsError.self) { try RepetitionReward(ngram: 0) }
    }

    @Test("without token ids a length is not taken for 0")
    func unknownTokens() async throws {
        let samples = [RewardSample(prompt: "", completion: "text"), RewardSample(prompt: "", completion: "")]
        for reward in [try OverlongReward(maxTokens: 1, buffer: 1), try RepetitionReward()] as [any RewardFunction] {
            let outcomes = try await reward.score(samples).outcomes
            #expect(outcomes[0].failure?.boundary == .badRow)
            #expect(outcomes[1] == .score(0))
        }
    }
}
