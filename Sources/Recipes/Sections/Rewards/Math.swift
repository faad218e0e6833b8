extension Recipe.Reward {
    /// The answer equals the row's, mathematically.
    public struct Math: RewardSection {
        /// The word in the recipe.
        public static let type = "math"
        static let summary = "1 if the final answer equals the row's `answer` mathematically, else 0"

        static let keys: [Key<Self>] = []

        var columns: [String] { ["answer"] }

        func check(in recipe: Recipe, _ path: [String], _ reader: inout RecipeReader) {
            if case .countdown = recipe.data.train {
                reader.fault(path, "would reward writing the target itself; use type countdown for this data")
            }
        }
    }
}
