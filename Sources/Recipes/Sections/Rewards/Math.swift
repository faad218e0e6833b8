extension Recipe.Reward {
    /// The answer equals the row's, mathematically.
    public struct Math: RewardSection {
        /// What kind of text the row's answer is.
        public enum GoldForm: String, CaseIterable, Sendable {
            /// The bare answer, or a solution that ends in `####` or a box.
            case bare
            /// Prose with the answer in it, found as in a completion.
            case text
            /// The letter of a multiple-choice answer.
            case choice
            /// Words that must be met letter by letter.
            case string
        }

        /// A way in which a completion's answer is found.
        public enum Rule: String, CaseIterable, Sendable {
            case boxed, boxedList = "boxed_list", phrase, answerTag = "answer_tag", whole, lastFormula = "last_formula"
            case lastNumber = "last_number"
        }

        /// The word in the recipe.
        public static let type = "math"
        static let summary =
            "1 if the final answer equals the row's `answer` mathematically, else 0 (docs/math-checker.md)"

        /// What kind of text the row's answer is.
        public var goldForm = GoldForm.bare
        /// The only ways in which an answer may be found; `nil`: any.
        public var rules: [Rule]?
        /// Decimal places with which a decimal may stand for a value without a finite decimal.
        public var floatRounding = 6
        /// Whether an inequality may answer where the row's answer is a set.
        public var allowsSetRelation = true
        /// From 50 on, an announced final answer goes before a box behind it.
        public var boxedPriority = 0
        /// Seconds for one check.
        public var timeout = 0.1

        static let keys: [Key<Self>] = [
            .init(
                "gold_form", \.goldForm, .choice(),
                "What the row's answer is: bare (also a solution that ends in #### or a box), text, choice (a letter), string"
            ),
            .init(
                "rules", \.rules, .optional(.list(of: .choice(), count: 1...7, "rules")),
                "The only ways in which a completion's answer may be found: boxed, boxed_list, phrase, answer_tag, whole, "
                    + "last_formula, last_number; null: any"),
            .init(
                "float_rounding", \.floatRounding, .integer(0...100),
                "Decimal places with which a decimal may stand for a value without a finite decimal; 6: six significant digits"
            ),
            .init(
                "allow_set_relation", \.allowsSetRelation, .flag,
                "Whether an inequality may answer where the row's answer is a set"),
            .init(
                "boxed_priority", \.boxedPriority, .integer(0...1000),
                "From 50 on, an announced final answer goes before a box behind it"),
            .init(
                "timeout", \.timeout, .number(.over(0, to: 60)), "Seconds for one check; later it is failed, not wrong"),
        ]

        var columns: [String] { ["answer"] }

        func check(in recipe: Recipe, _ path: [String], _ reader: inout RecipeReader) {
            switch recipe.data.train {
            case .countdown:
                reader.fault(path, "would reward writing the target itself; use type countdown for this data")
            case .programming:
                reader.fault(path, "can't judge programs; use type code for this data")
            default: break
            }
        }
    }
}
