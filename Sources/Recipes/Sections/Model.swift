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

        /// How quantised weights of a GGUF file are kept in memory.
        public enum Weights: String, CaseIterable, Sendable {
            /// As in the file.
            case stored
            /// As numbers of the precision.
            case expanded
        }

        /// Where the weights come from at the start.
        public enum Initialize: String, CaseIterable, Sendable {
            /// The files of the model.
            case pretrained
            /// Fresh random weights of the run's seed; the folder needs only config.json and the tokenizer.
            case random
        }

        /// A Hugging Face folder or a GGUF file; absolute.
        public var path = ""
        /// Where the weights come from at the start.
        public var initialize = Initialize.pretrained
        /// In what precision matrix products run.
        public var precision = Precision.bf16
        /// How quantised weights of a GGUF file are kept in memory. No bit of any result depends on it.
        public var weights = Weights.stored
        /// A Jinja file used in place of the model's own chat template; absolute.
        public var chatTemplate: String?
    }
}

extension Recipe.Model: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("path", \.path, .path, required: true, "A Hugging Face folder or a `.gguf` file"),
        .init(
            "initialize", \.initialize, .choice(),
            "Weights at the start: those of the model, or fresh `random` ones for a folder with config.json and tokenizer"
        ),
        .init("precision", \.precision, .choice(), "Precision of matrix products; `fp32` is the reference"),
        .init(
            "weights", \.weights, .choice(),
            "Quantised weights of a `.gguf` file in memory: as `stored` (bf16 only), or `expanded`; the results are the same"
        ),
        .init(
            "chat_template", \.chatTemplate, .optional(.path), "Jinja file in place of the model's own chat template"),
    ]
}
