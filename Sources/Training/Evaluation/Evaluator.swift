import InferenceCore
import OrderedJSON
import QwenModel
import Recipes
import Rewards

/// Measures a policy on held-out problems: k completions each, judged by the rewards of training.
///
/// A completion is correct when the checker gives 1: the first reward that knows answers, else the first reward. Weights
/// and the other rewards (format, length) don't enter. Draws depend on the seed, the problem and the sample only, so two
/// evaluations of a run compare policies on the same luck.
public struct Evaluator: Sendable {
    /// The problems.
    public let prompts: [EncodedPrompt]
    /// Rows that were too long.
    public let skipped: Int
    /// How completions are drawn.
    public let sampler: RolloutSampler
    /// The rewards.
    public let rewards: RewardSet
    private let checker: Int

    /// An evaluator.
    public init(prompts: [EncodedPrompt], skipped: Int = 0, sampler: RolloutSampler, rewards: RewardSet) {
        self.prompts = prompts
        self.skipped = skipped
        self.sampler = sampler
        self.rewards = rewards
        checker = rewards.checker
    }

    /// The evaluator of a recipe.
    ///
    /// - Throws: `TrainingError` (`data`) when no row can be used.
    public init(_ recipe: Recipe, model: LoadedModel, data: DataSet, rewards: RewardSet) throws(TrainingError) {
        let (rollout, evaluation) = (recipe.rollout, recipe.evaluation)
        let newTokens = evaluation.maxNewTokens ?? rollout.maxNewTokens
        let longest = max(1, model.model.configuration.maxPositionEmbeddings - newTokens)
        let encoder = PromptEncoder(
            model.text, enableThinking: rollout.enableThinking, limit: min(longest, rollout.maxPromptTokens ?? longest))
        let count = min(evaluation.count ?? .max, data.count ?? 200)
        var prompts: [EncodedPrompt] = []
        for index in 0..<count {
            if let prompt = try encoder.encode(data.row(index: index)) { prompts.append(prompt) }
        }
        guard !prompts.isEmpty else {
            throw TrainingError(
                .data, "data.evaluation: all \(count) prompts are longer than \(encoder.limit) tokens; shorten them")
        }
        let temperature = evaluation.temperature ?? rollout.temperature
        let parameters =
            temperature == 0
            ? SamplingParameters.greedy
            : SamplingParameters(
                temperature: temperature, topK: rollout.topK, topP: rollout.topP, minP: rollout.minP,
                repetitionPenalty: rollout.repetitionPenalty)
        self.init(
            prompts: prompts, skipped: count - prompts.count,
            sampler: RolloutSampler(
                model, parameters: parameters, groupSize: evaluation.samples ?? 1, maxNewTokens: newTokens,
                stop: rollout.stop, seed: recipe.seed, purpose: .evaluation), rewards: rewards)
    }

    /// Generates and judges.
    ///
    /// - Parameter adapter: The policy's adapter; `nil` for the model itself.
    /// - Returns: `eval_accuracy` (avg@k) with `_low` and `_high`, the ends of its 95 % interval; `eval_pass_at_k` for
    ///   k > 1; `eval_reward`, `eval_rewards/…`, `eval_completions/…`; and the groups.
    /// - Throws: `InferenceError`, `TrainingError` (`interrupted`).
    public nonisolated(nonsending) func callAsFunction(
        _ engine: Engine, adapter: Adapter?, signal: StopSignal = StopSignal()
    ) async throws -> (metrics: JSONObject, groups: [ScoredGroup]) {
        let watch = Stopwatch()
        let groups = try await engine.scoredGroups(
            prompts, step: 0, sampler: sampler, rewards: rewards, adapter: adapter, signal: signal
        ).groups
        try groups.checkRewards(rewards, "evaluation")
        let accuracy = accuracy(of: groups)
        var metrics: JSONObject = [
            "eval_accuracy": .double(accuracy.mean), "eval_accuracy_low": .double(accuracy.low),
            "eval_accuracy_high": .double(accuracy.high),
        ]
        let (k, shares) = (sampler.groupSize, shares(of: groups))
        if k > 1 {
            metrics["eval_pass_at_\(k)"] = .double(
                Double(shares.count { $0 > 0 }) / Double(max(shares.count, 1)))
        }
        let sums = groups.flatMap(\.report.combined).compactMap { $0 }
        metrics["eval_reward"] = .double(sums.reduce(0, +) / Double(sums.count))
        metrics.merge(groups.rewardMetrics(prefix: "eval_"))
        metrics.merge(CompletionMetrics(groups.flatMap(\.completions)).metrics(prefix: "eval_"))
        metrics["eval_problems"] = .integer(groups.count)
        metrics["eval_samples"] = .integer(k)
        metrics["time/evaluate"] = .double(watch.seconds)
        return (metrics, groups)
    }

    /// The share of correct completions of a problem among those that the checker could judge; `nil` if it could none.
    public func passRate(of group: ScoredGroup) -> Double? {
        let scores = group.report.parts[checker].outcomes.compactMap(\.score)
        return scores.isEmpty ? nil : Double(scores.count { $0 >= 1 }) / Double(scores.count)
    }

    private func shares(of groups: [ScoredGroup]) -> [Double] { groups.compactMap(passRate) }

    private func accuracy(of groups: [ScoredGroup]) -> Proportion {
        let shares = shares(of: groups)
        return sampler.groupSize == 1
            ? Proportion(successes: shares.count { $0 == 1 }, of: shares.count) : Proportion(shares: shares)
    }
}

extension RewardSet {
    /// The place of the reward that says whether an answer is right: the first that knows answers, else the first.
    var checker: Int { entries.firstIndex { $0.function is any AnswerChecking } ?? 0 }
}
