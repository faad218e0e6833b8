extension Recipe.Reward {
    /// The answer equals the row's, compared as the row's task asks.
    public struct Task: RewardSection {
        /// The word in the recipe.
        public static let type = "task"
        static let summary =
            "1 if the final answer is the row's, compared as its `answer_form` says (number, text, list, set), else 0; rows "
            + "without one are numbers. For generated problems of all kinds but countdown"

        static let keys: [Key<Self>] = []

        var columns: [String] { ["answer"] }

        func check(in recipe: Recipe, _ path: [String], _ reader: inout RecipeReader) {
            if case .countdown = recipe.data.train {
                reader.fault(path, "would reward writing the target itself; use type countdown for this data")
            }
        }
    }
}
