import Tokenization

/// Ends a thought that is over its budget with the words that Qwen3's authors publish for it, after which the model answers.
///
/// Source: Qwen3 documentation, "Thinking budget".
struct ThinkingBudget: Sendable {
    /// What ends a thought.
    static let handOff =
        "\n\nConsidering the limited time by the user, I have to give the solution based on the thinking directly now.\n"
        + "</think>\n\n"

    private let budget: Int
    private let opening: Int
    private let closing: Int
    private let handOffTokens: [Int]
    private let isOpen: Bool

    /// A budget.
    ///
    /// - Parameter isOpen: Whether the prompt has opened the thought.
    /// - Throws: `ServingError` for a model that has no tokens for thoughts.
    init(_ budget: Int, isOpen: Bool, _ tokenizer: Tokenizer) throws(ServingError) {
        guard let opening = tokenizer.addedTokenID(ThoughtSplitter.opening),
            let closing = tokenizer.addedTokenID(ThoughtSplitter.closing)
        else {
            throw ServingError(
                .invalidRequest, "'thinking_budget' is given, but this model has no <think> and </think> tokens",
                parameter: "thinking_budget")
        }
        self.budget = budget
        self.opening = opening
        self.closing = closing
        self.isOpen = isOpen
        handOffTokens = tokenizer.encode(Self.handOff)
    }

    /// The tokens to put in after those so far: none, or once the hand-off.
    func interjection(_ tokens: [Int]) -> [Int] {
        // The thought stands at the beginning: at most the opening tag and a line break before it.
        let start = isOpen ? 0 : tokens.prefix(4).firstIndex(of: opening).map { $0 + 1 }
        guard let start, tokens.count - start == budget, !tokens[start...].contains(closing) else { return [] }
        return handOffTokens
    }
}

extension Tokenizer {
    /// The id of an added token.
    fileprivate func addedTokenID(_ text: String) -> Int? {
        id(of: text).flatMap { addedToken(of: $0) == nil ? nil : $0 }
    }
}
