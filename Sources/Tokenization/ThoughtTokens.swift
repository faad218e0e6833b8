/// The tokens that a thought stands in, and those that end one that has become too long.
public struct ThoughtTokens: Hashable, Sendable {
    /// What ends a thought that is over its budget: the words that Qwen3's authors publish for it.
    ///
    /// Source: Qwen3 documentation, "Thinking budget".
    public static let handOffText =
        "\n\nConsidering the limited time by the user, I have to give the solution based on the thinking directly now.\n"
        + "</think>\n\n"

    /// `<think>`.
    public let opening: Int
    /// `</think>`.
    public let closing: Int
    /// What ends a thought that is over its budget; closes it once.
    public let handOff: [Int]

    /// The tokens of a tokenizer; `nil` where it has none of its own for thoughts, or where the hand-off does not end a
    /// thought.
    ///
    /// - Parameter handOff: The hand-off's text, with `</think>` in it once.
    public init?(_ tokenizer: Tokenizer, handOff: String = Self.handOffText) {
        func added(_ text: String) -> Int? {
            tokenizer.id(of: text).flatMap { tokenizer.addedToken(of: $0) == nil ? nil : $0 }
        }
        guard let opening = added("<think>"), let closing = added("</think>") else { return nil }
        let tokens = tokenizer.encode(handOff)
        guard tokens.count(where: { $0 == closing }) == 1, !tokens.contains(opening) else { return nil }
        (self.opening, self.closing, self.handOff) = (opening, closing, tokens)
    }
}
