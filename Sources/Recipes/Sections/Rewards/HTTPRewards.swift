extension Recipe.Reward {
    /// A server that scores completions, such as a reward model's.
    public struct HTTP: ServerSection {
        /// The word in the recipe.
        public static let type = "http"
        static let summary =
            "A server scores: the message of a plugin is posted as JSON, its reply is that of a plugin (docs/writing-a-reward.md)"

        /// Where messages are posted.
        public var url = ""
        /// Seconds for one answer.
        public var timeout = 60.0
        /// How often a request is repeated after a fault that may pass.
        public var retries = 3
        /// Requests at the same time.
        public var concurrency = 8
        /// The environment variable with the key that is sent as `Authorization: Bearer`.
        public var keyVariable: String?

        static let keys: [Key<Self>] =
            [.init("url", \.url, .url, required: true, "Where messages are posted")] + requestKeys
    }

    /// A language model behind an OpenAI-compatible server that judges each completion.
    public struct Judge: ServerSection {
        /// The word in the recipe.
        public static let type = "judge"
        static let summary =
            "A language model judges: an OpenAI-compatible server is asked for a number, one completion at a time"

        /// The server's base, such as `http://127.0.0.1:8000/v1`.
        public var url = ""
        /// The model that is asked.
        public var model = ""
        /// What it is asked.
        public var prompt =
            "Rate the answer to the question from 0 (useless) to 10 (perfect).\n\nQuestion:\n{prompt}\n\nAnswer:\n{completion}\n\n"
            + "End with a line \"Rating: N\"."
        /// The system message.
        public var system: String?
        /// Where the number stands in the reply: the first group of the last match.
        public var pattern = "Rating: *(-?[0-9]+(?:\\.[0-9]+)?)"
        /// The numbers that count as 0 and as 1.
        public var range = [0.0, 10.0]
        /// What the logits are divided by.
        public var temperature = 0.0
        /// Tokens of the judge's reply.
        public var maxTokens = 512
        /// Seconds for one answer.
        public var timeout = 60.0
        /// How often a request is repeated after a fault that may pass.
        public var retries = 3
        /// Requests at the same time.
        public var concurrency = 8
        /// The environment variable with the key that is sent as `Authorization: Bearer`.
        public var keyVariable: String?

        static let keys: [Key<Self>] =
            [
                .init("url", \.url, .url, required: true, "Base of the server, such as `http://127.0.0.1:8000/v1`"),
                .init("model", \.model, .text, required: true, "The model's name there"),
                .init(
                    "prompt", \.prompt, .text,
                    "What it is asked; {prompt} is the last user message, {completion}, and {column} of the row"),
                .init("system", \.system, .optional(.text), "System message"),
                .init(
                    "pattern", \.pattern, .expression,
                    "Regular expression whose last match has the number in its first group"),
                .init(
                    "range", \.range, .list(of: .number(.any), count: 2...2, "numbers"),
                    "Numbers that score 0 and 1; between them linearly, beyond them the completion has failed"),
                .init("temperature", \.temperature, .number(.from(0, to: 100)), "Divides the judge's logits"),
                .init("max_tokens", \.maxTokens, .integer(1...1_048_576), "Tokens that the reply may have"),
            ] + requestKeys

        func check(_ path: [String], _ reader: inout RecipeReader) {
            if range.count == 2, range[0] == range[1] {
                reader.fault(path + ["range"], "expected two different numbers, got \(range[0]) twice")
            }
            do throws(PromptTemplate.Fault) {
                let names = try PromptTemplate(prompt).names
                if !names.contains("completion") {
                    reader.fault(path + ["prompt"], "the placeholder {completion} is missing")
                }
            } catch { reader.fault(path + ["prompt"], error.message) }
        }
    }
}

/// A reward that asks a server.
protocol ServerSection: RewardSection {
    var timeout: Double { get set }
    var retries: Int { get set }
    var concurrency: Int { get set }
    var keyVariable: String? { get set }
}

extension ServerSection {
    /// How the server is asked.
    fileprivate static var requestKeys: [Key<Self>] {
        [
            .init("timeout", \.timeout, .number(.over(0, to: 86_400)), "Seconds for one answer"),
            .init(
                "retries", \.retries, .integer(0...100),
                "Repetitions, with growing pauses, after a time-out, a lost connection, or the status 408, 429 or 5xx"),
            .init("concurrency", \.concurrency, .integer(1...1024), "Requests at the same time"),
            .init(
                "key_variable", \.keyVariable, .optional(.text),
                "Environment variable with the key for `Authorization: Bearer`; null: none is sent"),
        ]
    }
}

extension ValueType where Value == String {
    /// An address of a web server.
    static var url: Self {
        Self(name: "http:// or https:// address") { value, path, reader in
            guard let text = Self.text.read(value, path, &reader) else { return nil }
            let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && text.utf8.count <= 4096
            guard isPlain, text.hasPrefix("http://") || text.hasPrefix("https://"), !text.hasSuffix("://") else {
                reader.unexpected(value, path, "an http:// or https:// address")
                return nil
            }
            return text
        } write: {
            .string($0)
        }
    }

    /// A regular expression.
    fileprivate static var expression: Self {
        Self(name: "regular expression") { value, path, reader in
            guard let text = Self.text.read(value, path, &reader) else { return nil }
            guard RecipeExpression.isSound(text) else {
                reader.fault(path, "'\(text.prefix(80))' is not a sound regular expression", at: value.place)
                return nil
            }
            return text
        } write: {
            .string($0)
        }
    }
}
