import OrderedJSON
import Testing

@testable import Rewards

/// Returns what it is told to.
private struct Fixed: RewardFunction {
    let name: String
    let outcomes: [RewardOutcome]
    var logs: [String: Double] = [:]
    func score(_ batch: [RewardSample]) async -> RewardBatch { RewardBatch(outcomes, logs: logs) }
}

private struct Throwing: RewardFunction {
    let name: String
    let error: any Error
    func score(_ batch: [RewardSample]) async throws -> RewardBatch { throw error }
}

@Suite("Reward set")
struct RewardSetTests {
    private let batch = (0..<4).map { RewardSample(prompt: "", completion: "\($0)") }
    private let late = RewardOutcome.failed(RewardFailure(.timeout, "late"))

    @Test("the reward is the weighted sum over the functions that scored; without any there is none")
    func combined() async throws {
        let set = try RewardSet([
            .init(Fixed(name: "a", outcomes: [.score(1), .score(0), .notApplicable, late])),
            .init(Fixed(name: "b", outcomes: [.score(2), .notApplicable, .score(4), .notApplicable]), weight: -0.5),
            .init(Fixed(name: "watch", outcomes: [.score(9), .score(9), .notApplicable, .notApplicable]), weight: 0),
        ])
        let report = try await set.score(batch)
        #expect(report.combined == [0, 0, -2, nil])
        #expect(report.unscorable == 1)
        #expect(report.parts.map(\.name) == ["a", "b", "watch"])
        #expect(try await set.score([]).combined.isEmpty)
    }

    @Test("metrics: mean, deviation (n − 1), share scored, failures by boundary, own values")
    func metrics() async throws {
        let set = try RewardSet([
            .init(
                Fixed(
                    name: "a", outcomes: [.score(1), .score(0), .notApplicable, late],
                    logs: ["z": 1, "b": 2, "bad": .nan])),
            .init(Fixed(name: "b", outcomes: [.notApplicable, .notApplicable, .notApplicable, .score(.nan)])),
        ])
        let metrics = try await set.score(batch).metrics
        #expect(
            JSONValue.object(metrics).text()
                == #"{"rewards/a/mean":0.5,"rewards/a/std":0.7071067811865476,"rewards/a/applicable":0.5,"rewards/a/failed":1,"#
                + #""rewards/a/failed/timeout":1,"rewards/a/b":2.0,"rewards/a/z":1.0,"rewards/b/applicable":0.0,"rewards/b/failed":1,"#
                + #""rewards/b/failed/non_finite":1,"rewards/unscorable":2}"#)
    }

    @Test("a function that throws, or returns too few outcomes or numbers that are none, has failed: never 0")
    func failures() async throws {
        struct Broken: Error {}
        let set = try RewardSet([
            .init(Throwing(name: "throws", error: Broken())),
            .init(Throwing(name: "own", error: RewardFailure(.unavailable, "gone"))),
            .init(Fixed(name: "short", outcomes: [.score(1)])),
            .init(
                Fixed(
                    name: "nan", outcomes: [.score(.nan), .score(.infinity), .score(-.infinity), .score(.signalingNaN)])
            ),
        ])
        let report = try await set.score(batch)
        #expect(report.combined == [nil, nil, nil, nil])
        let boundaries = report.parts.map { Set($0.outcomes.compactMap { $0.failure?.boundary }) }
        #expect(boundaries == [[.crash], [.unavailable], [.wrongCount], [.nonFinite]])
        #expect(report.parts[2].outcomes[0].failure?.detail == "short returned 1 outcomes, expected 4")
        #expect(
            report.parts[3].outcomes[0].failure?.description == "non_finite: the score is nan, expected a finite number"
        )
    }

    @Test("a sum that overflows is no reward")
    func overflow() async throws {
        let huge = Fixed(name: "huge", outcomes: .init(repeating: .score(1e308), count: 4))
        #expect(try await RewardSet([.init(huge, weight: 100)]).score(batch).combined == [nil, nil, nil, nil])
    }

    @Test("cancellation is passed on")
    func cancellation() async throws {
        let set = try RewardSet([.init(Throwing(name: "a", error: CancellationError()))])
        await #expect(throws: CancellationError.self) { try await set.score(batch) }
    }

    @Test("errors say what, where and what to do")
    func errors() {
        let a = RewardSet.Entry(MathReward())
        for (entries, code, message) in [
            ([], .invalidOption, "rewards: got an empty list, expected at least one; add one, such as {type: math}"),
            (
                [a, a], .duplicateName,
                "rewards[1]: the name \"math\" is taken by an earlier reward; give it another name"
            ),
            (
                [.init(MathReward(), weight: .nan)], .invalidOption,
                "rewards[0] \"math\": weight is nan, expected a finite number"
            ),
        ] as [([RewardSet.Entry], RewardsError.Code, String)] {
            let error = #expect(throws: RewardsError.self) { try RewardSet(entries) }
            #expect(error?.code == code)
            #expect(error?.message == message)
        }
    }
}
