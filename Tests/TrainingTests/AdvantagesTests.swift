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
                    let values = estimator(batch).values
                    #expect(values.count == batch.count)
                    #expect(values.allSatisfy { $0.isFinite }, "\(batch) gave \(values)")
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
