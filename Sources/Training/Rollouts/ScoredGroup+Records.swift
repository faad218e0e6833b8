import InferenceCore
import ModelFiles
import OrderedJSON
import Rewards

extension [ScoredGroup] {
    /// The scores as the advantage estimator wants them: `[samples][functions]`.
    var rewardTable: [[Double?]] {
        flatMap { group in
            group.samples.indices.map { sample in group.report.parts.map { $0.outcomes[sample].score } }
        }
    }

    /// Tokens of all sequences: each completion with its prompt, as TRL counts them.
    var tokenCount: Int {
        reduce(0) { sum, group in
            group.completions.reduce(sum) { $0 + group.prompt.tokens.count + $1.tokens.count }
        }
    }

    /// The metrics of each reward function over all groups, as `RewardReport.metrics` has them for one: mean, standard
    /// deviation (n − 1), share of scored samples, failures by boundary, and the function's own values, averaged over the
    /// groups by their size.
    func rewardMetrics(prefix: String = "") -> JSONObject {
        var metrics = JSONObject()
        for (index, part) in (first?.report.parts ?? []).enumerated() {
            let name = "\(prefix)rewards/\(part.name)"
            let summary = RewardReport.Summary(flatMap { $0.report.parts[index].outcomes })
            if let mean = summary.mean { metrics["\(name)/mean"] = .double(mean) }
            if let deviation = summary.standardDeviation { metrics["\(name)/std"] = .double(deviation) }
            metrics["\(name)/applicable"] = .double(summary.applicable)
            metrics["\(name)/failed"] = .integer(summary.failed.values.reduce(0, +))
            for boundary in RewardFailure.Boundary.allCases {
                if let count = summary.failed[boundary] {
                    metrics["\(name)/failed/\(boundary.rawValue)"] = .integer(count)
                }
            }
            // A plugin may call its figures what it likes; the run's own names stay the run's.
            for (key, value) in logs(ofPart: index) where metrics["\(name)/\(key)"] == nil {
                metrics["\(name)/\(key)"] = .double(value)
            }
        }
        metrics["\(prefix)rewards/unscorable"] = .integer(reduce(0) { $0 + $1.report.unscorable })
        return metrics
    }

    /// A reward function's own values, sorted by name; the mean over the groups that have one, weighted by size.
    private func logs(ofPart index: Int) -> [(String, Double)] {
        var sums: [String: (sum: Double, weight: Double)] = [:]
        for group in self {
            for (key, value) in group.report.parts[index].logs {
                let old = sums[key] ?? (0, 0)
                let weight = Double(group.samples.count)
                sums[key] = (old.sum + value * weight, old.weight + weight)
            }
        }
        return sums.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sum / $0.value.weight) }
    }

    /// A record for each completion. `group` and `sample` are its address within the step, and `digest` is that of its
    /// tokens and log-probabilities: what `replay` needs to draw it again and to prove it.
    func records(step: Int, advantages: [Float]? = nil) -> [JSONObject] {
        var records: [JSONObject] = []
        for (number, group) in enumerated() {
            for (index, completion) in group.completions.enumerated() {
                let sample = group.samples[index]
                var record: JSONObject = [
                    "step": .integer(step), "group": .integer(number), "row": .integer(group.prompt.row.index),
                    "sample": .integer(index),
                    "prompt": .string(sample.prompt), "completion": .string(sample.completion),
                    "finish_reason": .string(sample.finishReason), "tokens": .integer(completion.tokens.count),
                    "digest": .string(completion.contentDigest),
                    "reward": group.report.combined[index].map { .double($0) } ?? .null,
                    "rewards": .object(group.report.outcomes(of: index)),
                ]
                if let thought = completion.thought { record["thinking"] = .object(thought.record) }
                if let advantages { record["advantage"] = .double(Double(advantages[records.count])) }
                records.append(record)
            }
        }
        return records
    }
}

extension Completion {
    /// The first 16 digits of the SHA-256 over its tokens and the bits of their log-probabilities, each as a little-endian
    /// 32-bit number: tokens first.
    public var contentDigest: String {
        let words =
            tokens.map { UInt32(truncatingIfNeeded: $0).littleEndian }
            + logProbs.map { $0.bitPattern.littleEndian }
        return String(words.withUnsafeBytes(ContentDigest.of).prefix(16))
    }
}

extension Thought {
    /// Tokens of the thought and of the hand-off that ended it, `null` where there is none.
    fileprivate var record: JSONObject {
        [
            "tokens": tokens.map { .integer($0.count) } ?? .null,
            "hand_off": handOff.map { .array([.integer($0.lowerBound), .integer($0.upperBound)]) } ?? .null,
        ]
    }
}

extension RewardReport {
    /// What each function said of a sample: `{"math": {"status": "scored", "score": 1.0}, …}`; the status is `scored`,
    /// `not_applicable`, or `failed` with a `reason`.
    public func outcomes(of sample: Int) -> JSONObject {
        JSONObject(
            parts.map { part in
                let value: JSONValue =
                    switch part.outcomes[sample] {
                    case .score(let score): ["status": "scored", "score": .double(score)]
                    case .notApplicable: ["status": "not_applicable"]
                    case .failed(let failure): ["status": "failed", "reason": .string(failure.description)]
                    }
                return (part.name, value)
            })
    }
}
