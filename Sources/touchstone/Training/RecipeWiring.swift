import Foundation
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import Rewards
import Tokenization
import Training

/// Makes what a recipe names.
enum RecipeWiring {
    /// The rewards in their order.
    ///
    /// - Throws: `RewardsError` for a pattern that can't be compiled.
    static func rewards(_ recipe: Recipe) throws -> RewardSet? {
        guard !recipe.rewards.isEmpty else { return nil }
        return try RewardSet(
            recipe.rewards.map { reward in
                let name = reward.name ?? reward.type.rawValue
                let function: any RewardFunction =
                    switch reward.type {
                    case .math: MathReward(name: name)
                    case .countdown: CountdownReward(name: name)
                    case .format: try format(name, reward.pattern)
                    }
                return RewardSet.Entry(function, weight: reward.weight)
            })
    }

    private static func format(_ name: String, _ pattern: String?) throws -> any RewardFunction {
        guard let pattern, FormatReward.Pattern(rawValue: pattern) == nil else { return FormatReward(name: name) }
        return try PatternReward(name: name, pattern: pattern)
    }

    /// The model of a recipe with its tokenizer and chat template.
    ///
    /// - Throws: The readers' errors, which name the file at fault.
    static func model(_ recipe: Recipe) throws -> LoadedModel {
        let location = try ModelLocation(recipe.model.path)
        let source: any WeightSource
        switch location {
        case .gguf(let file): source = try GGUFModel(file)
        case .folder(let path):
            if recipe.model.initialize == .random {
                let file = try MappedFile(path: path + "/config.json")
                let configuration = try file.withBytes { try JSONValue(parsing: $0) }
                source = try InitializedWeights(
                    configuration: configuration, path: path, seed: UInt64(bitPattern: Int64(recipe.seed)))
            } else {
                source = try HuggingFaceFolder(path: path)
            }
        }
        let tokenizer = try location.tokenizer()
        let template = try chatTemplate(recipe, tokenizer)
        let model = try QwenModel(source, precision: recipe.model.precision == .fp32 ? .float32 : .bfloat16)
        return LoadedModel(model: model, source: source, tokenizer: tokenizer, chatTemplate: template)
    }

    private static func chatTemplate(_ recipe: Recipe, _ tokenizer: Tokenizer) throws -> ChatTemplate? {
        if let path = recipe.model.chatTemplate {
            return try ChatTemplate(source: try String(contentsOfFile: path, encoding: .utf8))
        }
        return try tokenizer.chatTemplate.map { try ChatTemplate(source: $0) }
    }
}
