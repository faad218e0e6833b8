extension Recipe {
    /// How supervised rows are learned.
    public struct SFT: Hashable, Sendable {
        /// Which tokens of a row are learned; rows with `ids` and `mask` say so themselves.
        public enum Learn: String, CaseIterable, Sendable {
            /// The completion, or the assistant's turns.
            case completion
            /// Every token.
            case all
        }

        /// Rows of each step.
        public var batchSize = 8
        /// Passes over the data; `nil` when `steps` is given.
        public var epochs: Double?
        /// Rows are cut after so many tokens.
        public var maxTokens = 1024
        /// Which tokens of a row are learned.
        public var learn = Learn.completion
    }
}

extension Recipe.SFT: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("batch_size", \.batchSize, .integer(1...1_000_000), "Rows of each step"),
        .init(
            "epochs", \.epochs, .optional(.number(.over(0, to: 100_000))),
            "Passes over the data; null: 3, unless `steps` is given"),
        .init("max_tokens", \.maxTokens, .integer(2...1_048_576), "Rows are cut after so many tokens"),
        .init("learn", \.learn, .choice(), "Tokens that are learned: the completion (the assistant's turns), or all"),
    ]
}
