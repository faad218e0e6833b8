import OrderedJSON

/// Seconds of a step's phases.
struct StepTimes {
    /// Generating completions; rewards run meanwhile.
    let generate: Double
    /// Waiting for rewards after the last completion.
    let reward: Double
    /// Forward, backward and optimizer.
    let update: Double
    /// The whole step.
    let total: Double
}

/// One optimizer pass over a rollout.
struct PolicyUpdateRecord {
    let result: PolicyUpdateResult
    /// The gradient's norm before clipping.
    let gradientNorm: Double
}

/// What a GRPO step says about itself, under TRL's names.
struct GRPOReport {
    let groups: [ScoredGroup]
    let advantages: Advantages
    let updates: [PolicyUpdateRecord]
    let skippedPrompts: Int
    let learningRate: Double
    let tokenCount: Int
    let times: StepTimes

    /// The step's metrics; those of several updates are averaged, the log-probability gap is the first one's.
    var metrics: JSONObject {
        var metrics: JSONObject = [
            "reward": .double(advantages.reward), "reward_std": .double(advantages.rewardStd),
            "frac_reward_zero_std": .double(advantages.fracRewardZeroStd),
        ]
        metrics.merge(groups.rewardMetrics())
        metrics.merge(CompletionMetrics(groups.flatMap(\.completions)).metrics())
        let count = Double(max(updates.count, 1))
        metrics["loss"] = .double(updates.reduce(0) { $0 + $1.result.loss } / count)
        metrics["grad_norm"] = .double(updates.reduce(0) { $0 + $1.gradientNorm } / count)
        metrics["learning_rate"] = .double(learningRate)
        for name in Set(updates.flatMap(\.result.metrics.keys)).sorted() {
            let values = updates.compactMap { $0.result.metrics[name] }
            metrics[name] = .double(values.reduce(0, +) / Double(values.count))
        }
        metrics["num_tokens"] = .integer(tokenCount)
        metrics["rollout_logprob_gap"] = .double(updates.first?.result.logProbGap ?? 0)
        metrics["prompts/skipped"] = .integer(skippedPrompts)
        metrics["step_time"] = .double(times.total)
        metrics["tokens_per_second"] = .double(Double(groups.tokenCount) / max(times.total, 1e-9))
        metrics["time/generate"] = .double(times.generate)
        metrics["time/reward"] = .double(times.reward)
        metrics["time/update"] = .double(times.update)
        return metrics
    }

    /// A record for each completion.
    func records(step: Int) -> [JSONObject] { groups.records(step: step, advantages: advantages.values) }
}

extension JSONObject {
    /// Adds the pairs of another object behind its own.
    mutating func merge(_ other: JSONObject) {
        for (key, value) in other { self[key] = value }
    }
}
