import Recipes

extension PassLimits {
    /// The limits of a recipe.
    init(_ batch: Recipe.Batch) {
        self.init(tokens: batch.tokens, activationBytes: Int(batch.activationMemory * Double(1 << 30)))
    }
}
