import OrderedJSON
import Rewards

/// A held-out problem with its completions and what the checker says of them.
public struct EvaluatedProblem: Sendable {
    /// The problem, its completions, and all rewards.
    public let group: ScoredGroup
    /// Whether each completion is right; `nil` if it could not be judged.
    public let isRight: [Bool?]
    /// How the completions voted; `nil` for one completion, or where answers can't be compared.
    public let votes: AnswerVotes?

    /// How many could be judged.
    public var judged: Int { isRight.count { $0 != nil } }
    /// How many are right.
    public var right: Int { isRight.count { $0 == true } }
    /// The share of right ones among those judged; `nil` without any.
    public var share: Double? { judged > 0 ? Double(right) / Double(judged) : nil }

    /// A line of an items file: the problem, its completions in order, and their figures.
    public func record(set: String) -> JSONObject {
        let completions = group.completions.indices.map { index -> JSONValue in
            [
                "completion": .string(group.samples[index].completion),
                "right": isRight[index].map { .bool($0) } ?? .null,
                "answer": votes?.choices.first { $0.voters.contains(index) }.map { .string($0.answer) } ?? .null,
                "finish_reason": .string(group.samples[index].finishReason),
                "tokens": .integer(group.completions[index].tokens.count),
                "digest": .string(group.completions[index].contentDigest),
                "rewards": .object(group.report.outcomes(of: index)),
            ]
        }
        return [
            "set": .string(set), "row": .integer(group.prompt.row.index), "prompt": .string(group.prompt.text),
            "gold": group.prompt.row.answer.map { .string($0) } ?? .null, "judged": .integer(judged),
            "right": .integer(right), "accuracy": share.map { .double($0) } ?? .null,
            "majority": votes?.majority.map { .string($0.answer) } ?? .null,
            "majority_score": votes.map { .double($0.majorityScore) } ?? .null, "completions": .array(completions),
        ]
    }
}

/// What an evaluation of a set has shown.
public struct EvaluationResult: Sendable {
    /// The set's name; empty for the only one.
    public let name: String
    /// The problems in order.
    public let problems: [EvaluatedProblem]
    /// Completions of each problem.
    public let samples: Int
    /// Rows that were too long.
    public let skipped: Int
    /// How long it took.
    public let seconds: Double

    /// The same without a name: its metrics are then called as those of the only set.
    public var unnamed: EvaluationResult {
        EvaluationResult(name: "", problems: problems, samples: samples, skipped: skipped, seconds: seconds)
    }

    /// avg@k: the mean share of right completions.
    public var accuracy: Proportion { Proportion(shares: problems.compactMap(\.share), samples: samples) }

    /// pass@k over the problems with at least k judged completions.
    public func pass(at k: Int) -> Proportion {
        Proportion(
            shares: problems.compactMap { PassAtK.estimate(right: $0.right, of: $0.judged, k: k) }, samples: samples)
    }

    /// maj@k over all problems; `nil` where answers can't be compared.
    public var majority: Proportion? {
        let votes = problems.compactMap(\.votes)
        return votes.isEmpty ? nil : Proportion(shares: votes.map(\.majorityScore), samples: 1)
    }

    /// The metrics, as metrics.jsonl has them: `eval_accuracy`, `eval_NAME_accuracy` for a named set, and so on.
    public var metrics: JSONObject {
        let prefix = name.isEmpty ? "eval_" : "eval_\(name)_"
        var metrics = JSONObject()
        func add(_ name: String, _ value: Proportion) {
            metrics[prefix + name] = .double(value.mean)
            metrics["\(prefix)\(name)_low"] = .double(value.low)
            metrics["\(prefix)\(name)_high"] = .double(value.high)
        }
        add("accuracy", accuracy)
        for k in PassAtK.reported(samples: samples) { add("pass_at_\(k)", pass(at: k)) }
        if let majority { add("maj_at_\(samples)", majority) }
        let groups = problems.map(\.group)
        let sums = groups.flatMap(\.report.combined).compactMap { $0 }
        metrics["\(prefix)reward"] = .double(sums.reduce(0, +) / Double(sums.count))
        metrics.merge(groups.rewardMetrics(prefix: prefix))
        metrics.merge(CompletionMetrics(groups.flatMap(\.completions)).metrics(prefix: prefix))
        metrics.merge(groups.flatMap(\.completions).thoughtMetrics(prefix: "\(prefix)thinking/"))
        metrics["\(prefix)problems"] = .integer(problems.count)
        metrics["\(prefix)samples"] = .integer(samples)
        metrics["\(prefix)unjudged"] = .integer(problems.reduce(0) { $0 + $1.isRight.count - $1.judged })
        return metrics
    }

    /// The metrics of all sets; of several also `eval_accuracy`, the plain mean of theirs, with its interval.
    static func metrics(of results: [EvaluationResult]) -> JSONObject {
        var metrics = JSONObject()
        if results.count > 1 || results.contains(where: { !$0.name.isEmpty }) {
            let mean = Proportion(meanOf: results.map(\.accuracy))
            metrics["eval_accuracy"] = .double(mean.mean)
            metrics["eval_accuracy_low"] = .double(mean.low)
            metrics["eval_accuracy_high"] = .double(mean.high)
        }
        for result in results { metrics.merge(result.metrics) }
        return metrics
    }
}
