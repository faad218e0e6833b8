extension Recipe.Reward {
    /// The part of a completion that a reward looks at.
    public enum Part: String, CaseIterable, Sendable {
        /// What follows the thought; everything where there is none.
        case answer
        /// All of it.
        case completion
        /// What stands in the last `<answer>…</answer>` after the thought.
        case tags
    }

    /// The text is the row's.
    public struct ExactMatch: RewardSection {
        /// The word in the recipe.
        public static let type = "exact_match"
        static let summary = "1 if the text is that of a column, letter by letter, else 0; rows without it don't count"

        /// The column of the text, or of a list of texts of which one has to be met.
        public var column = "answer"
        /// What is compared.
        public var part = Part.answer
        /// Whether upper and lower case are the same.
        public var ignoresCase = false
        /// Whether a run of white space is the same as one space.
        public var ignoresSpace = false

        static let keys: [Key<Self>] = [
            .init("column", \.column, .text, "Column of the text, or of a list of texts of which one must be met"),
            .init("part", \.part, .choice(), Part.meaning),
            .init("ignore_case", \.ignoresCase, .flag, "Upper and lower case are the same"),
            .init(
                "ignore_space", \.ignoresSpace, .flag, "A run of white space is one space; at the ends it never counts"),
        ]
    }

    /// The text holds some texts.
    public struct Contains: RewardSection {
        /// How many have to be found.
        public enum Rule: String, CaseIterable, Sendable {
            /// Every one.
            case all
            /// At least one.
            case any
            /// Not a single one.
            case none
            /// The score is the share that is found.
            case share
        }

        /// The word in the recipe.
        public static let type = "contains"
        static let summary = "1 if the text holds the given texts, else 0; or the share of them that it holds"

        /// The texts, for every row.
        public var texts: [String] = []
        /// The column of a text or a list of texts, besides `texts`.
        public var column: String?
        /// How many have to be found.
        public var rule = Rule.all
        /// Where they are looked for.
        public var part = Part.completion
        /// Whether upper and lower case are the same.
        public var ignoresCase = false

        static let keys: [Key<Self>] = [
            .init("texts", \.texts, .list(of: .text, count: 0...1000, "texts"), "Texts to find, for every row"),
            .init(
                "column", \.column, .optional(.text), "Column of a text or a list of texts to find, in place of `texts`"
            ),
            .init("rule", \.rule, .choice(), "How many have to be found; `share` scores the share that is"),
            .init("part", \.part, .choice(), Part.meaning),
            .init("ignore_case", \.ignoresCase, .flag, "Upper and lower case are the same"),
        ]

        func check(_ path: [String], _ reader: inout RecipeReader) {
            if texts.isEmpty == (column == nil) {
                reader.fault(path, "expected `texts` or `column`, got \(texts.isEmpty ? "neither" : "both")")
            }
        }
    }

    /// The text is JSON of a given form.
    public struct JSONSchema: RewardSection {
        /// The word in the recipe.
        public static let type = "json_schema"
        static let summary = "1 if the text is JSON that a JSON Schema accepts, else 0"

        /// The schema's file; absolute.
        public var schema: String?
        /// The column of the schema.
        public var column: String?
        /// What is looked at.
        public var part = Part.answer
        /// Whether the JSON may stand in a Markdown fence.
        public var allowsFence = true

        static let keys: [Key<Self>] = [
            .init("schema", \.schema, .optional(.path), "File of the schema, for every row"),
            .init("column", \.column, .optional(.text), "Column of the schema, in place of `schema`"),
            .init("part", \.part, .choice(), Part.meaning),
            .init("allow_fence", \.allowsFence, .flag, "The JSON may stand between ```json and ```"),
        ]

        func check(_ path: [String], _ reader: inout RecipeReader) {
            if (schema == nil) == (column == nil) {
                reader.fault(path, "expected `schema` or `column`, got \(schema == nil ? "neither" : "both")")
            }
        }
    }
}

extension Recipe.Reward.Part {
    static let meaning = "What is looked at: `answer` follows the thought, `tags` stands in the last `<answer>` tags"
}
