extension Recipe.Reward {
    /// A penalty for completions near and above the greatest length (DAPO's soft overlong punishment).
    public struct Overlong: RewardSection {
        /// The word in the recipe.
        public static let type = "overlong"
        static let summary =
            "DAPO's soft overlong punishment: 0 up to max_tokens − buffer, then falling to −1 at max_tokens"

        /// The length that scores −1, in tokens; never `nil` in a recipe that was read.
        public var maxTokens: Int?
        /// The tokens before it over which the score falls; never `nil` in a recipe that was read.
        public var buffer: Int?

        static let keys: [Key<Self>] = [
            .init(
                "max_tokens", \.maxTokens, .optional(.length), "Tokens that score −1; null: `rollout.max_new_tokens`"),
            .init("buffer", \.buffer, .optional(.length), "Tokens over which it falls; null: a fifth of max_tokens"),
        ]

        func check(in recipe: Recipe, _ path: [String], _ reader: inout RecipeReader) {
            let length = maxTokens ?? recipe.rollout.maxNewTokens
            if let buffer, buffer > length {
                reader.fault(path + ["buffer"], "expected at most max_tokens (\(length)), got \(buffer)")
            }
        }

        mutating func fillIn(from recipe: Recipe, folder: String) {
            let length = maxTokens ?? recipe.rollout.maxNewTokens
            (maxTokens, buffer) = (length, buffer ?? max(1, length / 5))
        }
    }

    /// Right completions score more when short, wrong ones more when long.
    public struct CosineLength: RewardSection {
        /// The word in the recipe.
        public static let type = "cosine_length"
        static let summary =
            "Between two scores by length, along a cosine: right completions gain by being short, wrong ones by being long"

        /// The reward that says which completions are right; never `nil` in a recipe that was read.
        public var of: String?
        /// The length at which the cosine ends, in tokens; never `nil` in a recipe that was read.
        public var maxTokens: Int?
        /// Scores of a right completion of no length and of the greatest.
        public var right = [1.0, 0.5]
        /// Scores of a wrong completion of no length and of the greatest.
        public var wrong = [-1.0, -0.5]

        static let keys: [Key<Self>] = [
            .init(
                "of", \.of, .optional(.text),
                "Name of the reward that gives 1 to right completions (its weight may be 0); null: the first that checks answers"
            ),
            .init("max_tokens", \.maxTokens, .optional(.length), "The greatest length; null: `rollout.max_new_tokens`"),
            .init("right", \.right, .ends, "Scores of the shortest and of the longest right completion"),
            .init("wrong", \.wrong, .ends, "Scores of the shortest and of the longest wrong completion"),
        ]

        func check(in recipe: Recipe, _ path: [String], _ reader: inout RecipeReader) {
            let others = recipe.rewards.filter { !($0.section is CosineLength) }
            let names = others.map { $0.name ?? $0.type }
            guard let of else {
                if Self.judge(in: recipe) == nil {
                    reader.fault(path, "there is no reward that checks answers; add one, or name another with `of`")
                }
                return
            }
            if !names.contains(of) {
                let hint = Suggestion.nearest(to: of, among: names).map { "; did you mean '\($0)'?" } ?? ""
                reader.fault(
                    path + ["of"],
                    "expected one of the other rewards (\(names.joined(separator: ", "))), got '\(of)'\(hint)")
            }
        }

        mutating func fillIn(from recipe: Recipe, folder: String) {
            of = of ?? Self.judge(in: recipe)
            maxTokens = maxTokens ?? recipe.rollout.maxNewTokens
        }

        /// The first reward that compares with columns.
        private static func judge(in recipe: Recipe) -> String? {
            recipe.rewards.first { !$0.section.columns.isEmpty || $0.section is ExactMatch || $0.section is Code }
                .map { $0.name ?? $0.type }
        }
    }

    /// A penalty for saying the same again.
    public struct Repetition: RewardSection {
        /// The word in the recipe.
        public static let type = "repetition"
        static let summary = "`penalty` times the share of n-grams of tokens that occurred before"

        /// Tokens of an n-gram.
        public var ngram = 3
        /// The score of a completion that only repeats itself.
        public var penalty = -1.0

        static let keys: [Key<Self>] = [
            .init("ngram", \.ngram, .integer(1...100), "Tokens of an n-gram"),
            .init("penalty", \.penalty, .number(.any), "Score where everything is repeated"),
        ]
    }
}

extension ValueType where Value == Int {
    /// A length in tokens.
    fileprivate static var length: Self { .integer(1...1_048_576) }
}

extension ValueType where Value == [Double] {
    /// Scores at the two ends of a scale.
    fileprivate static var ends: Self { .list(of: .number(.any), count: 2...2, "scores") }
}
