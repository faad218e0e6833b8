import QwenModel
import Recipes

/// What a run will take, as far as sizes tell: shown before it starts.
public struct TrainingPlan: Sendable {
    /// One fact a line.
    public let lines: [String]

    /// The plan of a recipe with its model loaded.
    ///
    /// - Throws: The errors of preparing what is trained.
    public init(_ recipe: Recipe, model: LoadedModel, data: DataSet) throws {
        let parameters = try TrainedParameters(recipe, model: model)
        let trained = parameters.set.count
        var lines = ["trains \(trained) numbers; values, gradients and moments take \((trained * 16) >> 20) MiB"]
        switch recipe.kind {
        case .grpo:
            let completions = recipe.rollout.promptsPerStep * recipe.rollout.completionsPerPrompt
            let tokens = completions * recipe.rollout.maxNewTokens
            let pages = model.model.makePages(1).pageBytes
            let cache = tokens / 32 * pages
            lines += [
                "\(recipe.steps ?? 0) steps of \(recipe.rollout.promptsPerStep) prompts × "
                    + "\(recipe.rollout.completionsPerPrompt) completions: at most \(tokens) new tokens a step",
                "keys and values of a step take at most \(cache >> 20) MiB",
            ]
        case .sft:
            lines.append("steps of \(recipe.sft.batchSize) rows of at most \(recipe.sft.maxTokens) tokens")
        }
        lines.append(data.count.map { "\($0) training rows" } ?? "training rows without end")
        self.lines = lines
    }
}
