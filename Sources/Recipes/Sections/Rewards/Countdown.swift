extension Recipe.Reward {
    /// The expression uses the given numbers and reaches the target.
    public struct Countdown: RewardSection {
        /// The word in the recipe.
        public static let type = "countdown"
        static let summary =
            "1 if the expression in `<answer>` reaches the row's target with each of its numbers once, else 0"

        /// The column of the target.
        public var target = "target"
        /// The column of the numbers.
        public var numbers = "numbers"

        static let keys: [Key<Self>] = [
            .init("target", \.target, .text, "Column of the target, a whole number"),
            .init("numbers", \.numbers, .text, "Column of the numbers, a list of whole numbers"),
        ]

        var columns: [String] { [target, numbers] }

        func check(in recipe: Recipe, _ path: [String], _ reader: inout RecipeReader) {
            if case .arithmetic = recipe.data.train {
                reader.fault(path, "scores countdown problems, but data.train generates arithmetic; use type math")
            }
        }
    }
}
