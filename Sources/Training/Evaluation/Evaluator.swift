import Distribution
import InferenceCore
import OrderedJSON
import QwenModel
import Recipes
import Rewards

/// Measures a policy on held-out problems: k completions each, judged by a `Checker`.
///
/// Draws depend on the seed, the problem and the sample only, so two evaluations of a run, or of two adapters, compare
/// policies on the same luck.
public struct Evaluator: Sendable {
    /// The set's name; empty for the only one.
    public let name: String
    /// The problems.
    public let prompts: [EncodedPrompt]
    /// Rows that were too long.
    public let skipped: Int
    /// How completions are drawn.
    public let sampler: RolloutSampler
    /// Which completions are right.
    public let checker: Checker

    /// An evaluator.
    public init(
        name: String = "", prompts: [EncodedPrompt], skipped: Int = 0, sampler: RolloutSampler, rewards: RewardSet
    ) {
        self.name = name
        self.prompts = prompts
        self.skipped = skipped
        self.sampler = sampler
        checker = Checker(rewards)
    }

    /// The evaluator of a recipe.
    ///
    /// - Parameter rewards: Its checker: that of `evaluation.rewards`, or of training.
    /// - Parameter thinks: Whether the problems are thought about.
    /// - Throws: `TrainingError` (`data`) when no row can be used.
    public init(
        _ recipe: Recipe, model: LoadedModel, data: DataSet, rewards: RewardSet, name: String = "",
        thinks: Bool
    ) throws(TrainingError) {
        let (rollout, evaluation) = (recipe.rollout, recipe.evaluation)
        let newTokens = evaluation.maxNewTokens ?? rollout.maxNewTokens
        let longest = max(1, model.model.configuration.maxPositionEmbeddings - newTokens)
        let encoder = PromptEncoder(model.text, limit: min(longest, rollout.maxPromptTokens ?? longest))
        let count = min(evaluation.count ?? .max, data.count ?? evaluation.count ?? 200)
        var prompts: [EncodedPrompt] = []
        for index in 0..<count {
            if let prompt = try encoder.encode(data.row(index: index), thinks: thinks) { prompts.append(prompt) }
        }
        guard !prompts.isEmpty else {
            let set = name.isEmpty ? "data.evaluation" : "data.evaluation, set \(name)"
            throw TrainingError(
                .data, "\(set): all \(count) prompts are longer than \(encoder.limit) tokens; shorten them")
        }
        let temperature = evaluation.temperature ?? rollout.temperature
        let parameters =
            temperature == 0
            ? SamplingParameters.greedy
            : SamplingParameters(
                temperature: temperature, topK: rollout.topK, topP: rollout.topP, minP: rollout.minP,
                repetitionPenalty: rollout.repetitionPenalty)
        self.init(
            name: name, prompts: prompts, skipped: count - prompts.count,
            sampler: RolloutSampler(
                model, parameters: parameters, groupSize: evaluation.samples ?? 1, maxNewTokens: newTokens,
                stop: rollout.stop, thought: ThoughtLimits(recipe, model.tokenizer), seed: recipe.seed,
                purpose: .evaluation), rewards: rewards)
    }

    /// The evaluators of a recipe's sets. Where problems are asked both ways, each set has two, whose names end in
    /// `thinking` and `non_thinking`.
    ///
    /// - Throws: `TrainingError`: `data` when no row of a set can be used, `unsupported` for a model that can't think so.
    public static func all(
        _ recipe: Recipe, model: LoadedModel, sets: [NamedSet], rewards: RewardSet
    ) throws(TrainingError) -> [Evaluator] {
        try ThoughtLimits.check(recipe, model.text)
        let modes = recipe.evaluationThinking
        var evaluators: [Evaluator] = []
        for set in sets {
            for thinks in modes {
                let mode = modes.count > 1 ? [thinks ? "thinking" : "non_thinking"] : []
                let name = ([set.name].filter { !$0.isEmpty } + mode).joined(separator: "_")
                evaluators.append(
                    try Evaluator(recipe, model: model, data: set.data, rewards: rewards, name: name, thinks: thinks))
            }
        }
        return evaluators
    }

    /// Generates and judges.
    ///
    /// - Parameter adapter: The policy's adapter; `nil` for the model itself.
    /// - Parameter ranks: Who generates and judges; all of them call this.
    /// - Throws: `InferenceError`, `TrainingError` (`interrupted`, `rewardFailed`).
    public nonisolated(nonsending) func callAsFunction(
        _ engine: Engine, adapter: Adapter?, signal: StopSignal = StopSignal(), ranks: RankGroup = .alone
    ) async throws -> EvaluationResult {
        let watch = Stopwatch()
        let groups = try await engine.scoredGroups(
            prompts, step: 0, sampler: sampler, rewards: checker.rewards, adapter: adapter, signal: signal,
            ranks: ranks
        ).groups
        try groups.checkRewards(checker.rewards, name.isEmpty ? "evaluation" : "evaluation of \(name)")
        var problems: [EvaluatedProblem] = []
        for group in groups {
            let isRight = checker.judgements(of: group)
            var votes: AnswerVotes?
            if sampler.groupSize > 1, let function = checker.voting(of: group) {
                votes = await AnswerVotes(group.samples, isRight: isRight, by: function)
            }
            problems.append(EvaluatedProblem(group: group, isRight: isRight, votes: votes))
        }
        return EvaluationResult(
            name: name, problems: problems, samples: sampler.groupSize, skipped: skipped, seconds: watch.seconds)
    }
}
