import QwenModel
import Recipes

extension MemoryDemand {
    /// Rows that are looked at for the longest prompt.
    private static let rowsLookedAt = 256
    /// Completions of an evaluation at the same time, where `rollout.max_batch` doesn't say.
    static let evaluationBatch = 64

    /// What a recipe asks for.
    ///
    /// The longest prompt is that of the first 256 rows; completions are taken to be as long as they may.
    ///
    /// - Throws: `TrainingError` or `RecipeError` for data that can't be used, `ModelFileError` for a faulty adapter.
    public init(
        _ recipe: Recipe, configuration: QwenConfiguration, text: ModelText,
        data: (train: DataSet, evaluation: [NamedSet])
    ) throws {
        self.init(model: configuration, precision: recipe.model.precision == .fp32 ? .float32 : .bfloat16)
        trainsModel = recipe.adapter.kind == .none
        if trainsModel {
            trainedCount = configuration.parameterCount
        } else {
            let sizes = try AdapterSizes(recipe, configuration)
            (trainedCount, adapter) = (sizes.trained, sizes.demand)
        }
        optimizerMoments = ParameterOptimizer(recipe, totalSteps: recipe.steps ?? 1).rule.memoryNames.count
        limits = PassLimits(recipe.batch)
        switch recipe.kind {
        case .grpo: try addRollouts(recipe, text, data)
        case .sft: try addSequences(recipe, text, data.train)
        }
    }

    private mutating func addRollouts(
        _ recipe: Recipe, _ text: ModelText, _ data: (train: DataSet, evaluation: [NamedSet])
    ) throws {
        let rollout = recipe.rollout
        let longest = max(1, model.maxPositionEmbeddings - rollout.maxNewTokens)
        let encoder = PromptEncoder(text, limit: min(longest, rollout.maxPromptTokens ?? longest))
        let modes = [true, false].filter { $0 ? rollout.thinkingShare > 0 : rollout.thinkingShare < 1 }
        promptTokens =
            try Self.rows(data.train).flatMap { row in
                try modes.compactMap { try encoder.encode(row, thinks: $0)?.tokens.count }
            }.max() ?? 1
        newTokens = rollout.maxNewTokens
        prompts = rollout.promptsPerStep
        let completions = prompts * rollout.completionsPerPrompt
        // What servers elsewhere generate takes no memory here.
        sequences =
            rollout.engine.isExternal ? 0 : rollout.maxBatch > 0 ? min(rollout.maxBatch, completions) : completions
        for evaluation in data.evaluation.map(\.data) {
            let limit = rollout.maxBatch > 0 ? rollout.maxBatch : Self.evaluationBatch
            sequences = max(
                sequences,
                min(limit, (recipe.evaluation.count ?? evaluation.count ?? limit) * (recipe.evaluation.samples ?? 1)))
            newTokens = max(newTokens, recipe.evaluation.maxNewTokens ?? 0)
        }
        prompts = min(prompts, sequences)
        unitTokens = promptTokens + rollout.completionsPerPrompt * (rollout.maxNewTokens - 1)
        stepTokens = rollout.promptsPerStep * unitTokens
    }

    private mutating func addSequences(_ recipe: Recipe, _ text: ModelText, _ data: DataSet) throws {
        let encoder = SFTEncoder(text, maxTokens: recipe.sft.maxTokens, learnsAll: recipe.sft.learn == .all)
        unitTokens = try Self.rows(data).flatMap { try encoder.units($0) }.map(\.tokenCount).max() ?? 1
        stepTokens = recipe.sft.batchSize * unitTokens
    }

    private static func rows(_ data: DataSet) -> [DataRow] {
        (0..<min(data.count ?? rowsLookedAt, rowsLookedAt)).map { data.row(at: $0) }
    }
}
