import ArgumentParser
import InferenceCore
import TextGeneration
import Tokenization

/// How long completions may think.
struct ThoughtOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("End a thought after so many tokens, with Qwen3's hand-off sentence.", valueName: "n"))
    var thinkingBudget: Int?

    @Option(
        name: .long,
        help: ArgumentHelp("Longest answer, in tokens, where there may be a thought.", valueName: "n"))
    var answerTokens: Int?

    func validate() throws {
        if let thinkingBudget, !(0...1_048_576).contains(thinkingBudget) {
            throw ValidationError("--thinking-budget is \(thinkingBudget), expected 0 to 1048576")
        }
        if let answerTokens, !(1...1_048_576).contains(answerTokens) {
            throw ValidationError("--answer-tokens is \(answerTokens), expected 1 to 1048576")
        }
    }

    /// The limits for a model; `nil` where none is given.
    ///
    /// - Throws: `CommandFailure` for a model that has no tokens for thoughts.
    func limits(_ model: OpenedModel) throws -> ThoughtLimits? {
        guard thinkingBudget != nil || answerTokens != nil else { return nil }
        guard let tokens = model.tokenizer.flatMap({ ThoughtTokens($0) }) else {
            throw CommandFailure(
                "--thinking-budget and --answer-tokens need a model with <think> and </think> tokens; leave them out")
        }
        return ThoughtLimits(
            opening: tokens.opening, closing: tokens.closing, handOff: tokens.handOff, budget: thinkingBudget,
            answerTokens: answerTokens)
    }
}
