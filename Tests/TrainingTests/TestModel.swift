import Foundation
import InferenceCore
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import Rewards
import TensorCore
import Tokenization

@testable import Training

/// The tiny reference model with its tokenizer, and recipes for it.
enum TestModel {
    static let name = "models/qwen3_tied"
    static let isThere = ReferenceData.has(name + "/model.safetensors")

    /// A template whose thoughts are opened by the prompt: a random model would hardly ever open one.
    static let thinkingTemplate =
        "{{ messages[0].content }}{{ '<think>' if enable_thinking else '<think>\n\n</think>\n\n' }}"
    /// Keys of a recipe that thinks about half of its prompts, on a template of that kind.
    static let thinking = [
        "data.format=chat", "rollout.max_new_tokens=20",
        "rollout.thinking={share: 0.5, budget: 4, answer_tokens: 5, hand_off: ' so</think> '}",
    ]

    /// - Parameter template: Jinja text in place of the model's own.
    static func load(
        _ name: String = name, precision: ElementType = .float32, template: String? = nil
    ) throws -> LoadedModel {
        let url = ReferenceData.root.appendingPathComponent(name)
        let folder = try HuggingFaceFolder(path: url.path)
        let tokenizer = try Tokenizer(folder: url)
        let template = try (template ?? tokenizer.chatTemplate).map { try ChatTemplate(source: $0) }
        return LoadedModel(
            model: try QwenModel(folder, precision: precision), source: folder, tokenizer: tokenizer,
            chatTemplate: template)
    }

    /// A recipe of a short GRPO run on plain arithmetic prompts.
    static func recipe(_ overrides: [String] = [], kind: String = "grpo") throws -> Recipe {
        let grpo = """
            rewards: [{type: math}]
            rollout: {prompts_per_step: 4, completions_per_prompt: 4, max_new_tokens: 12}
            """
        return try Recipe(
            yaml: """
                kind: \(kind)
                name: test
                seed: 7
                model: {path: qwen3_tied, precision: fp32}
                adapter: {kind: lora, rank: 4, alpha: 8}
                data:
                  train: {generator: arithmetic, digits: [1, 1]}
                  format: text
                \(kind == "grpo" ? grpo : "")
                optimizer: {learning_rate: 5e-3, max_gradient_norm: 1.0}
                steps: 3
                """, folder: "/models", overrides: overrides)
    }

    static func rewards() throws -> RewardSet { try RewardSet([.init(EvenTokens()), .init(Shortness(), weight: 0.1)]) }

    static func trainer(
        _ recipe: Recipe, precision: ElementType = .float32, signal: StopSignal = StopSignal(),
        rewards: RewardSet? = nil, state: TrainerState? = nil
    ) throws -> GRPOTrainer {
        let template = recipe.rollout.thinking.share == nil ? nil : thinkingTemplate
        let model = try load(precision: precision, template: template)
        let parts = GRPOTrainer.Parts(
            recipe, model: model, data: try DataSet.load(recipe).train, rewards: try rewards ?? Self.rewards(),
            reference: try ReferencePolicy(recipe, model: model))
        return GRPOTrainer(
            parts, parameters: try TrainedParameters(recipe, model: model), state: state, signal: signal)
    }
}

/// The share of even token ids: something that a random model can learn in a few steps.
struct EvenTokens: RewardFunction {
    let name = "even"

    func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        RewardBatch(
            batch.map { sample in
                let even = sample.completionIDs.count { $0.isMultiple(of: 2) }
                return .score(Double(even) / Double(max(sample.completionIDs.count, 1)))
            })
    }
}

/// Not applicable to long completions.
struct Shortness: RewardFunction {
    let name = "short"

    func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        RewardBatch(batch.map { $0.completionIDs.count < 12 ? .score(1) : .notApplicable }, logs: ["seen": 1])
    }
}

extension ParameterSet {
    /// The bits of all gradients.
    var gradientBits: [UInt32] { gradients.toArray().map(\.bitPattern) }
    /// The bits of all values.
    var valueBits: [UInt32] { values.toArray().map(\.bitPattern) }
}
