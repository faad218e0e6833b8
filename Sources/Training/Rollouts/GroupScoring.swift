import Distribution
import InferenceCore
import QwenModel
import Rewards

/// A prompt, its completions, and what the rewards said.
public struct ScoredGroup: Sendable {
    /// The prompt.
    public let prompt: EncodedPrompt
    /// The completions, in the order of the samples.
    public let completions: [Completion]
    /// They as rewards saw them.
    public let samples: [RewardSample]
    /// What rewards said.
    public let report: RewardReport
}

/// Scores each group as soon as its last completion is there, while others are still being generated.
final class GroupScoring {
    private let prompts: [EncodedPrompt]
    private let sampler: RolloutSampler
    private let rewards: RewardSet
    private var completions: [[Completion?]]
    private var missing: [Int]
    private var tasks: [Task<ScoredGroup, any Error>?]

    init(_ prompts: [EncodedPrompt], sampler: RolloutSampler, rewards: RewardSet) {
        self.prompts = prompts
        self.sampler = sampler
        self.rewards = rewards
        completions = prompts.map { _ in Array(repeating: nil, count: sampler.groupSize) }
        missing = prompts.map { _ in sampler.groupSize }
        tasks = prompts.map { _ in nil }
    }

    /// Takes in a completion; begins to score its group when it was the last one.
    func add(_ completion: Completion) {
        let index = completion.request
        completions[index][completion.sample] = completion
        missing[index] -= 1
        guard missing[index] == 0 else { return }
        let (prompt, group) = (prompts[index], completions[index].compactMap { $0 })
        let (sampler, rewards) = (sampler, rewards)
        tasks[index] = Task {
            let samples = group.map { sampler.rewardSample(prompt, $0) }
            return ScoredGroup(
                prompt: prompt, completions: group, samples: samples, report: try await rewards.score(samples))
        }
    }

    /// The groups that this rank has generated, by their prompts, when all are scored.
    nonisolated(nonsending) func finish() async throws -> Pieces<GroupResult> {
        var groups = Pieces<GroupResult>()
        do {
            for (index, task) in tasks.enumerated() {
                if let group = try await task?.value { groups.add(GroupResult(group), at: index) }
            }
        } catch {
            cancel()
            throw error
        }
        return groups
    }

    /// Gives up what is still being scored.
    func cancel() {
        for task in tasks { task?.cancel() }
    }
}

extension RolloutEngine {
    /// Generates completions of some prompts and scores them.
    ///
    /// - Parameter firstPrompt: Prompts of the step that were sampled before; draws are addressed from there.
    /// - Parameter ranks: Who generates: each prompt's completions come from one of them.
    /// - Returns: The groups of all ranks, and the seconds that generation took and that rewards took beyond it.
    nonisolated(nonsending) func scoredGroups(
        _ prompts: [EncodedPrompt], step: Int, firstPrompt: Int = 0, sampler: RolloutSampler, rewards: RewardSet,
        adapter: Adapter?, signal: StopSignal, ranks: RankGroup = .alone
    ) async throws -> (groups: [ScoredGroup], generateSeconds: Double, rewardSeconds: Double) {
        let scoring = GroupScoring(prompts, sampler: sampler, rewards: rewards)
        let watch = Stopwatch()
        var generated = 0.0
        let own: Result<Pieces<GroupResult>, any Error>
        do {
            let requests = sampler.requests(
                prompts, step: step, firstPrompt: firstPrompt, adapter: adapter, signal: signal)
            let lengths = prompts.map { sampler.lengths.expected($0) }
            try await generate(requests, lengths: lengths, ranks: ranks, signal: signal) { scoring.add($0) }
            try signal.check()
            generated = watch.seconds
            own = .success(try await scoring.finish())
        } catch {
            scoring.cancel()
            own = .failure(error)
        }
        let results = try Pieces.joined(try ranks.agree(own), count: prompts.count)
        let groups = zip(prompts, results).map { $1.group(of: $0, sampler) }
        sampler.lengths.observe(groups)
        return (groups, generated, watch.seconds - generated)
    }
}
