extension Recipe.Algorithm {
    /// The bounds of the importance ratio.
    public struct Clip: Hashable, Sendable {
        /// The ratio counts down to `1 − low`; never `nil` in a recipe that was read.
        public var low: Double?
        /// The ratio counts up to `1 + high`; never `nil` in a recipe that was read.
        public var high: Double?
        /// The greatest ratio at all, also where the advantage is negative; `nil`: none.
        public var delta: Double?
        /// The greatest importance weight of `cispo`.
        public var cap = 5.0
    }

    /// The gate of `sapo`.
    public struct SAPO: Hashable, Sendable {
        /// How fast the gate closes where the advantage is positive.
        public var positiveTemperature = 1.0
        /// How fast it closes elsewhere.
        public var negativeTemperature = 1.05
    }

    /// The kernel of `vespo`: `exp(λ) · wᵏ · exp(−λ·w)`.
    public struct VESPO: Hashable, Sendable {
        /// k where the advantage is not negative.
        public var positivePower = 2.0
        /// λ where the advantage is not negative.
        public var positiveRate = 3.0
        /// k where the advantage is negative.
        public var negativePower = 3.0
        /// λ where the advantage is negative.
        public var negativeRate = 2.0
    }
}

extension Recipe.Algorithm.Clip: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "low", \.low, .optional(.number(.from(0, to: 1))),
            "The ratio is clipped below 1 − low; null: gspo 0.0003, luspo 0.002, else 0.2"),
        .init(
            "high", \.high, .optional(.number(.atLeast(0))),
            "The ratio is clipped above 1 + high; null: gspo 0.0004, luspo 0.0025, dapo 0.28, else 0.2"),
        .init(
            "delta", \.delta, .optional(.number(.above(1))),
            "Cap of the unclipped ratio, above 1 + high: two-sided clipping, which is PPO's dual clip"),
        .init("cap", \.cap, .number(.above(0)), "(cispo) Greatest importance weight"),
    ]
}

extension Recipe.Algorithm.SAPO: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "positive_temperature", \.positiveTemperature, .number(.over(0, to: 1000)),
            "(sapo) How fast the gate closes where the advantage is positive"),
        .init(
            "negative_temperature", \.negativeTemperature, .number(.over(0, to: 1000)),
            "(sapo) How fast it closes where the advantage is negative"),
    ]
}

extension Recipe.Algorithm.VESPO: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "k_positive", \.positivePower, .number(.from(0, to: 100)),
            "(vespo) Power of the weight where the advantage is not negative"),
        .init(
            "lambda_positive", \.positiveRate, .number(.from(0, to: 100)),
            "(vespo) Rate of its decay where the advantage is not negative"),
        .init(
            "k_negative", \.negativePower, .number(.from(0, to: 100)),
            "(vespo) Power of the weight where the advantage is negative"),
        .init(
            "lambda_negative", \.negativeRate, .number(.from(0, to: 100)),
            "(vespo) Rate of its decay where the advantage is negative"),
    ]
}
