import OrderedJSON

/// Seconds of a step's phases.
struct StepTimes {
    /// Generating completions; rewards run meanwhile.
    let generate: Double
    /// Waiting for rewards after the last completion.
    let reward: Double
    /// The trainer's own log-probabilities of completions from elsewhere; `nil` where they are its own.
    let scoring: Double?
    /// The reference's log-probabilities, where a KL penalty needs them.
    let reference: Double
    /// Forward, backward and optimizer.
    let update: Double
    /// The whole step.
    let total: Double
    /// What of it the compute threads had nothing to do, as their mean.
    let idle: Double
    /// Waiting for other ranks; `nil` where there are none.
    let ranks: Double?
}

/// One optimizer pass over a rollout.
struct PolicyUpdateRecord {
    let result: PolicyUpdateResult
    /// The gradient's norm before clipping.
    let gradientNorm: Double
    /// Seconds that moving the parameters took.
    let optimizerSeconds: Double
}

/// What a GRPO step says about itself, under TRL's names.
struct GRPOReport {
    /// Which tasks come next, after this step.
    let curriculum: Curriculum?
    let rollout: Rollout
    /// Of all groups that were sampled.
    let statistics: Advantages
    /// Of all samples; 0 for those that are not learned from.
    let advantages: [Float]
    let updates: [PolicyUpdateRecord]
    /// The mean divergence where the penalty is taken from rewards.
    let rewardKL: Double?
    let learningRate: Double
    /// How far the sampler's log-probabilities were from the trainer's; `nil` where they are its own.
    let mismatch: RolloutMismatch?
    let tokenCount: Int
    let times: StepTimes

    /// The step's result.
    func result(step: Int, _ parts: GRPOTrainer.Parts) -> StepResult {
        let diagnosis = LearningDiagnosis(
            rollout.groups, advantages: advantages, masksTruncated: parts.masksTruncated)
        var metrics = metrics
        metrics.merge(diagnosis.metrics)
        metrics.merge(rollout.groups.thinkingMetrics(areMixed: parts.prompts.modes.areMixed, parts.checker))
        metrics.merge(rollout.groups.sourceMetrics(parts.prompts.data, parts.checker))
        if let curriculum { metrics.merge(curriculum.metrics(parts.prompts.data)) }
        if parts.samplingRounds != nil { metrics["sampling_rounds"] = .integer(rollout.rounds) }
        let warning = diagnosis.warning(step: step, maxNewTokens: parts.sampler.maxNewTokens)
        return StepResult(
            metrics: metrics, completions: rollout.groups.records(step: step, advantages: advantages),
            warnings: [warning, mismatch?.warning].compactMap { $0 })
    }

    /// The step's metrics; those of several updates are averaged, the log-probability gap is the first one's.
    private var metrics: JSONObject {
        let groups = rollout.groups
        var metrics: JSONObject = [
            "reward": .double(statistics.reward), "reward_std": .double(statistics.rewardStd),
            "frac_reward_zero_std": .double(statistics.fracRewardZeroStd),
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
        metrics["micro_batches"] = .integer(updates.reduce(0) { $0 + $1.result.microBatches })
        if let rewardKL { metrics["kl"] = .double(rewardKL) }
        metrics["num_tokens"] = .integer(tokenCount)
        metrics["rollout_logprob_gap"] = .double(updates.first?.result.logProbGap ?? 0)
        if let mismatch { metrics.merge(mismatch.metrics) }
        metrics["prompts/skipped"] = .integer(rollout.skippedPrompts)
        metrics["step_time"] = .double(times.total)
        metrics["tokens_per_second"] = .double(Double(groups.tokenCount) / max(times.total, 1e-9))
        metrics.merge(phases)
        return metrics
    }

    /// Seconds by phase.
    private var phases: JSONObject {
        let passes = updates.reduce(PassTimes()) { $0 + $1.result.times }
        var phases: JSONObject = [
            "time/generate": .double(times.generate), "time/prefill": .double(rollout.engineTimes.prefill),
            "time/decode": .double(rollout.engineTimes.decode), "time/reward": .double(times.reward),
            "time/update": .double(times.update), "time/forward": .double(passes.forward),
            "time/backward": .double(passes.backward),
            "time/optimizer": .double(updates.reduce(0) { $0 + $1.optimizerSeconds }),
            "time/idle": .double(times.idle),
        ]
        phases["time/ranks"] = times.ranks.map { .double($0) }
        phases["time/scoring"] = times.scoring.map { .double($0) }
        if times.reference > 0 { phases["time/reference"] = .double(times.reference) }
        return phases
    }
}

extension JSONObject {
    /// Adds the pairs of another object behind its own.
    mutating func merge(_ other: JSONObject) {
        for (key, value) in other { self[key] = value }
    }
}
