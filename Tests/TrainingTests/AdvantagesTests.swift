import OrderedJSON
import Testing
import Training

@Suite("Advantages")
struct AdvantagesTests {
    @Test(
        "advantages and metrics equal TRL's",
        .enabled(if: ReferenceData.has("grpo/advantages.jsonl"), "reference data is not there"))
    func reference() throws {
        let cases = try ReferenceData.jsonLines("grpo/advantages.jsonl")
        #expect(!cases.isEmpty)
        for item in cases {
            let name = item["name"]?.stringValue ?? ""
            let estimator = AdvantageEstimator(
                groupSize: try #require(item["num_generations"]?.intValue),
                weights: item["weights"]?.arrayValue.map { _ in item["weights"]?.doubles ?? [] },
                aggregation: try #require(.init(rawValue: item["aggregation"]?.stringValue ?? "")),
                scaling: try #require(.init(rawValue: item["scale_rewards"]?.stringValue ?? "")))
            let rewards = (item["rewards"]?.arrayValue ?? []).map { ($0.arrayValue ?? []).map(\.doubleValue) }
            let result = estimator(rewards)
            let tolerance = name == "large_values" ? 1e-3 : 1e-5
            let error = worstError(result.values.map(Double.init), item["advantages"]?.doubles ?? [])
            #expect(error < tolerance, "\(name) \(estimator): off by \(error)")
            for (metric, expected) in item["metrics"]?.objectValue ?? JSONObject() {
                let value = try #require(result.metrics[metric])
                let error = worstError([value], [expected.doubleValue ?? .nan])
                #expect(error < 1e-5, "\(name) \(estimator): \(metric) is \(value), expected \(expected)")
            }
        }
    }

    @Test(
        "advantages of leave-one-out equal TRL's: clamped, penalised, whitened, with absent rewards",
        .enabled(if: ReferenceData.has("grpo/rloo_advantages.jsonl"), "reference data is not there"))
    func leaveOneOut() throws {
        let cases = try ReferenceData.jsonLines("grpo/rloo_advantages.jsonl")
        #expect(!cases.isEmpty)
        for item in cases {
            let name = item["name"]?.stringValue ?? ""
            var estimator = AdvantageEstimator(
                groupSize: try #require(item["num_generations"]?.intValue),
                weights: item["weights"]?.arrayValue.map { _ in item["weights"]?.doubles ?? [] },
                scaling: .leaveOneOut)
            estimator.whitens = item["normalize_advantages"] == true
            if let range = item["reward_clip_range"]?.doubles, range.count == 2 {
                estimator.rewardRange = range[0]...range[1]
            }
            let rewards = (item["rewards"]?.arrayValue ?? []).map { ($0.arrayValue ?? []).map(\.doubleValue) }
            let kl = KLPenalty(
                coefficient: item["beta"]?.doubleValue ?? 0, estimator: .k1, isRatioCorrected: false)
            let penalties = kl.map { kl in
                let lengths = (item["completion_lengths"]?.doubles ?? []).map { Int($0) }
                let (old, reference) = (
                    item["old_per_token_logps"]?.rows ?? [], item["ref_per_token_logps"]?.rows ?? []
                )
                return lengths.indices.map { index in
                    kl.rewardPenalty(
                        logProbs: old[index].prefix(lengths[index]).map { Float($0) },
                        reference: reference[index].prefix(lengths[index]).map { Float($0) })
                }
            }
            let result = estimator(rewards, penalties: penalties ?? [])
            let error = worstError(result.values.map(Double.init), item["advantages"]?.doubles ?? [])
            #expect(error < (name == "large_values" ? 1e-3 : 1e-5), "\(name): off by \(error)")
        }
    }

    @Test("whatever the baseline, advantages add up to 0 where every completion is scored")
    func centred() {
        let rewards: [[Double?]] = [[1], [0], [0.5], [2], [-1], [3]]
        for scaling in AdvantageEstimator.Scaling.allCases {
            for whitens in [false, true] {
                var estimator = AdvantageEstimator(groupSize: 3, scaling: scaling)
                estimator.whitens = whitens
                #expect(abs(estimator(rewards).values.reduce(0, +)) < 1e-6, "\(scaling)")
            }
        }
    }

    @Test("a group of equal rewards has advantages of exactly 0, whatever rounds")
    func uniform() {
        var rewards: [[Double?]] = [0.1, 1.1, 0.3, 1e9 / 3].flatMap { value in
            [[Double?]](repeating: [value, 0.1 * value], count: 7)
        }
        rewards += [[1, 0.2], [0, 0.1], [0.3, 0.7], [0, 0], [0, 0], [1, 1], [0.1, 0.1]]
        for aggregation in AdvantageEstimator.Aggregation.allCases {
            for scaling in AdvantageEstimator.Scaling.allCases where scaling != .global {
                for whitens in [false, true] {
                    var estimator = AdvantageEstimator(
                        groupSize: 7, weights: [1, 0.1], aggregation: aggregation, scaling: scaling)
                    estimator.whitens = whitens
                    let values = estimator(rewards).values
                    #expect(values.dropLast(7).allSatisfy { $0 == 0 }, "\(estimator): \(values)")
                    #expect(values.suffix(7).contains { $0 != 0 })
                }
            }
        }
    }

    @Test("global advantages need no groups: any grouping gives the same")
    func global() {
        let rewards: [[Double?]] = [[1], [0], [0.5], [2], [-1], [nil]]
        let values = [1, 2, 3, 6].map { AdvantageEstimator(groupSize: $0, scaling: .global)(rewards).values }
        #expect(Set(values).count == 1)
        #expect(values[0][5] == 0 && values[0][3] > 1)
    }

    @Test("advantages are finite whatever is absent, alone, constant or not a number")
    func finite() {
        let rewards: [[[Double?]]] = [
            [], [[nil]], [[1]], [[nil], [1]], [[1], [1]], [[.nan], [.infinity]], [[1e300], [-1e300]],
            [[nil, 1], [2, nil]],
        ]
        for aggregation in AdvantageEstimator.Aggregation.allCases {
            for scaling in AdvantageEstimator.Scaling.allCases {
                for batch in rewards {
                    let estimator = AdvantageEstimator(
                        groupSize: max(batch.count, 1), aggregation: aggregation, scaling: scaling)
                    var whitened = estimator
                    whitened.whitens = true
                    for values in [estimator(batch).values, whitened(batch).values] {
                        #expect(values.count == batch.count)
                        #expect(values.allSatisfy { $0.isFinite }, "\(batch) gave \(values)")
                    }
                }
            }
        }
    }

    @Test("a sample's advantage depends on its own group only, unless the batch scales it")
    func groupsAreIndependent() {
        let estimator = AdvantageEstimator(groupSize: 2)
        let first = estimator([[1], [0], [5], [7]]).values
        let second = estimator([[1], [0], [-3], [9]]).values
        #expect(first[0..<2] == second[0..<2])
    }
}
