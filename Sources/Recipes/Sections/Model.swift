extension Recipe {
    /// The model that is trained.
    public struct Model: Hashable, Sendable {
        /// In what precision matrix products run.
        public enum Precision: String, CaseIterable, Sendable {
            /// The reference.
            case fp32
            /// Faster; sums stay in fp32.
            case bf16
        }

        /// A Hugging Face folder or a GGUF file; absolute.
        public var path = ""
        /// In what precision matrix products run.
        public var precision = Precision.bf16
        /// A Jinja file used in place of the model's own chat template; absolute.
        public var chatTemplate: String?
    }
}

extension Recipe.Model: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("path", \.path, .path, required: true, "A Hugging Face folder or a `.gguf` file"),
        .init("precision", \.precision, .choice(), "Precision of matrix products; `fp32` is the reference"),
        .init(
            "chat_template", \.chatTemplate, .optional(.path), "Jinja file in place of the model's own chat template"),
    ]
}
