import Benchmarking
import Distribution
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import TensorCore
import TextGeneration
import Tokenization
import Tracking
import Training

/// A recipe with its data and the text side of its model, but no weights.
struct RecipePlan {
    /// What the recipe asks for.
    let demand: MemoryDemand
    private let recipe: Recipe

    /// Reads a recipe, its data, and what of its model is needed to know sizes and prompts.
    ///
    /// - Throws: `RecipeError` with all faults of the recipe or its data, or the errors of files.
    init(_ path: String, overrides: [String]) throws {
        let recipe = try Recipe.load(path: path, overrides: overrides)
        try self.init(recipe, data: DataSet.load(recipe))
    }

    /// The plan of a recipe whose data is there.
    ///
    /// - Throws: The errors of the model's files.
    init(_ recipe: Recipe, data: (train: DataSet, evaluation: [NamedSet])) throws {
        self.recipe = recipe
        let location = try ModelLocation(recipe.model.path)
        let configuration = try QwenConfiguration(try location.configuration(), path: recipe.model.path)
        let tokenizer = try location.tokenizer()
        let template = try PreparedRun.chatTemplate(recipe, tokenizer)
        let text = ModelText(
            tokenizer: tokenizer, chatTemplate: template, endTokens: Set(configuration.eosTokenIDs),
            vocabularySize: configuration.vocabularySize)
        var demand = try MemoryDemand(recipe, configuration: configuration, text: text, data: data)
        if recipe.keepsBlocks, case .gguf(let file) = location {
            demand.weightBytes = configuration.weightBytes(demand.precision, storedIn: try GGUFModel(file))
        }
        self.demand = demand
    }

    /// What steps take on several ranks, from a run on one and from passes of the model that are measured here, with the
    /// recipe's threads.
    ///
    /// - Parameter ranks: For how many.
    /// - Parameter group: Those that measure: the passes of a run on one rank are measured by the first one alone, those of a run
    ///   on many by all at the same time, since what shares a machine shares its memory's bandwidth. The slowest counts.
    /// - Throws: `TrainingError` (`data`) for a run without such steps, `DistributionError`, and the errors of the model's files.
    func cost(measured folder: RunFolder, ranks: Int, by group: RankGroup) throws -> RankCost {
        let rollout = recipe.rollout
        var cost = try RankCost(
            measured: folder, demand: demand, prompts: rollout.promptsPerStep,
            updates: recipe.algorithm.updatesPerRollout * recipe.algorithm.miniBatches)
        let many = demand.sequences
        let few = min(many, (rollout.promptsPerStep + ranks - 1) / ranks * rollout.completionsPerPrompt)
        guard few < many else { return cost }
        ComputeDevice.threadCount = recipe.threads
        RankOptions.shareThreads(group)
        let pass = MeasuredPass(try PreparedRun.model(recipe).model)
        let context = demand.promptTokens + min(rollout.maxNewTokens, 256) / 2
        func slowest(_ own: Double) throws -> Double {
            let all = try group.exchange(Array("\(own)".utf8))
            return all.compactMap { Double(String(decoding: $0, as: UTF8.self)) }.max() ?? own
        }
        let piece = min(demand.stepTokens, RankCost.pieceTokens)
        let alone =
            group.isFirst
            ? (try pass.decodingSeconds(sequences: many, context: context), try pass.wholeSeconds(tokens: piece))
            : (0, 0)
        _ = try group.tell("measured alone")
        let together = try slowest(pass.decodingSeconds(sequences: few, context: context))
        cost.pass = RankCost.Pass(many: (many, alone.0), few: (few, together))
        if group.count > 1 {
            let seconds = try group.tell("\(alone.1)")
            cost.slowdown = max(1, try slowest(pass.wholeSeconds(tokens: piece)) / max(Double(seconds) ?? 0, 1e-9))
        }
        return cost
    }

    /// The plan with what it was made for.
    var report: JSONObject {
        var report: JSONObject = [
            "recipe": .string(recipe.name), "model": .string(recipe.model.path),
            "parameters": .integer(demand.model.parameterCount), "trained": .integer(demand.trainedCount),
        ]
        if demand.sequences > 0 {
            report["longest prompt, tokens"] = .integer(demand.promptTokens)
            report["sequences at a time"] = .integer(demand.sequences)
        }
        report["tokens of a step"] = .integer(demand.stepTokens)
        report["memory"] = .object(demand.plan.json)
        return report
    }
}
