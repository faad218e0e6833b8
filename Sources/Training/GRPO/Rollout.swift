import Distribution
import InferenceCore
import QwenModel
import Rewards

/// The groups of a step, and which of them are learned from.
struct Rollout {
    /// All groups that were sampled, in order.
    var groups: [ScoredGroup] = []
    /// Which of them are learned from.
    var used: [Int] = []
    /// Rounds of sampling.
    var rounds = 0
    /// Rows that were too long.
    var skippedPrompts = 0
    /// Seconds of generation; rewards run meanwhile.
    var generateSeconds = 0.0
    /// What of it went into prompts and into tokens.
    var engineTimes = EngineTimes()
    /// Seconds of waiting for rewards after the last completion.
    var rewardSeconds = 0.0

    /// The groups that are learned from.
    var usedGroups: [ScoredGroup] { used.map { groups[$0] } }

    /// Values of the samples that are learned from, spread over all samples; the others get `rest`.
    func spread<Value>(_ values: [Value], rest: Value) -> [Value] {
        var result = groups.map { [Value](repeating: rest, count: $0.completions.count) }
        var values = values[...]
        for index in used {
            result[index] = Array(values.prefix(result[index].count))
            values = values.dropFirst(result[index].count)
        }
        return result.flatMap { $0 }
    }
}

extension ScoredGroup {
    /// Whether its rewards differ: equal ones teach nothing.
    var hasSpread: Bool { Set(report.combined.compactMap { $0 }).count > 1 }
}

extension RolloutEngine {
    /// Generates and scores the groups of a step; with dynamic sampling, groups whose rewards are all equal are replaced
    /// by those of further prompts until all differ, or the rounds are used up.
    ///
    /// Each round samples as many prompts as groups are missing. All groups are kept for the records, so that the reward
    /// that is logged is that of the policy and not of a choice.
    ///
    /// Source: Yu et al. 2025 (DAPO), arXiv:2503.14476, equation 11; the limit of rounds is added.
    /// - Parameter position: Where in the stream of rows to begin; left behind the last row that was looked at.
    /// - Parameter curriculum: Chooses the rows, and learns how they went.
    nonisolated(nonsending) func rollout(
        _ parts: GRPOTrainer.Parts, step: Int, position: inout Int, curriculum: inout Curriculum?,
        adapter: Adapter?, signal: StopSignal, ranks: RankGroup = .alone
    ) async throws -> Rollout {
        var rollout = Rollout()
        let before = times
        repeat {
            let (prompts, skipped) = try parts.prompts.next(
                parts.promptsPerStep - rollout.used.count, step: step, firstPrompt: rollout.groups.count,
                from: &position, curriculum: &curriculum)
            let first = rollout.groups.count
            let round = try await scoredGroups(
                prompts, step: step, firstPrompt: first, sampler: parts.sampler, rewards: parts.rewards,
                adapter: adapter, signal: signal, ranks: ranks)
            try round.groups.checkRewards(parts.rewards, "step \(step + 1)")
            rollout.groups += round.groups
            rollout.used += round.groups.indices.filter { parts.samplingRounds == nil || round.groups[$0].hasSpread }
                .map { first + $0 }
            rollout.rounds += 1
            rollout.skippedPrompts += skipped
            rollout.generateSeconds += round.generateSeconds
            rollout.rewardSeconds += round.rewardSeconds
            rollout.engineTimes = times.since(before)
        } while rollout.used.count < parts.promptsPerStep && rollout.rounds < parts.samplingRounds ?? 1
        curriculum?.observe(rollout.groups.rates(parts.checker), of: parts.prompts.data)
        return rollout
    }
}
