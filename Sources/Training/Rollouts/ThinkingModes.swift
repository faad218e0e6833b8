import InferenceCore
import OrderedJSON
import Randomness
import Recipes
import Tokenization

/// Which prompts of a step are thought about: a share of them, drawn for each prompt at (seed, step, prompt), so that it
/// depends on nothing else and a resumed run draws the same.
public struct ThinkingModes: Sendable, Hashable {
    /// The share of prompts that think.
    public let share: Double
    private let seed: UInt64

    /// Modes.
    public init(share: Double, seed: Int) {
        self.share = share
        self.seed = UInt64(bitPattern: Int64(seed))
    }

    /// Whether prompts of both kinds occur.
    public var areMixed: Bool { share > 0 && share < 1 }

    /// Whether a prompt thinks.
    public func thinks(step: Int, prompt: Int) -> Bool {
        RandomAddress(seed: seed, purpose: .thinking, step: step, prompt: prompt).uniform(at: 0) < share
    }
}

extension ThoughtLimits {
    /// The limits of a recipe; `nil` for a tokenizer without thoughts.
    init?(_ recipe: Recipe, _ tokenizer: Tokenizer) {
        let thinking = recipe.rollout.thinking
        guard let tokens = ThoughtTokens(tokenizer, handOff: thinking.handOff ?? ThoughtTokens.handOffText) else {
            return nil
        }
        self.init(
            opening: tokens.opening, closing: tokens.closing, handOff: tokens.handOff, budget: thinking.budget,
            answerTokens: thinking.answerTokens)
    }

    /// Checks that a model can think as a recipe has it.
    ///
    /// - Throws: `TrainingError` (`unsupported`): no tokens for thoughts, a template that knows no modes, or no room for
    ///   an answer behind the hand-off.
    static func check(_ recipe: Recipe, _ model: ModelText) throws(TrainingError) {
        let thinking = recipe.rollout.thinking
        if ThinkingModes(share: recipe.rollout.thinkingShare, seed: 0).areMixed || recipe.evaluation.thinking == .both {
            try checkTemplate(model)
        }
        guard thinking.budget != nil || thinking.answerTokens != nil else { return }
        guard let limits = ThoughtLimits(recipe, model.tokenizer) else {
            throw TrainingError(
                .unsupported,
                "rollout.thinking limits thoughts, but the model has no <think> and </think> tokens, or the hand-off does "
                    + "not end with one; remove budget and answer_tokens")
        }
        guard let budget = limits.budget else { return }
        let needed = budget + limits.handOff.count + 2
        for (key, tokens) in [
            ("rollout.max_new_tokens", recipe.rollout.maxNewTokens),
            ("evaluation.max_new_tokens", recipe.evaluation.maxNewTokens ?? .max),
        ] where tokens < needed {
            throw TrainingError(
                .unsupported,
                "\(key) is \(tokens), but a thought of rollout.thinking.budget \(budget) tokens with its tag, and a hand-off "
                    + "of \(limits.handOff.count), leave no room for an answer; raise it to \(needed) at least, lower the "
                    + "budget, or give a shorter hand_off")
        }
    }

    private static func checkTemplate(_ model: ModelText) throws(TrainingError) {
        guard let template = model.chatTemplate else {
            throw TrainingError(
                .unsupported,
                "thinking and not thinking differ by the chat template, but the model has none; give "
                    + "model.chat_template, or leave rollout.thinking.share out")
        }
        let question: JSONValue = [["role": "user", "content": "1 + 1 = ?"]]
        func prompt(_ thinks: Bool) -> String? {
            var variables = model.templateVariables
            variables["enable_thinking"] = .bool(thinks)
            return try? template.render(messages: question, addGenerationPrompt: true, variables: variables).text
        }
        // A template that raises here is reported with the row that it can't render.
        guard let thinking = prompt(true), thinking == prompt(false) else { return }
        throw TrainingError(
            .unsupported,
            "the model's chat template makes the same prompt of enable_thinking true and false, so the two modes are one; "
                + "leave rollout.thinking.share and evaluation.thinking out")
    }
}
