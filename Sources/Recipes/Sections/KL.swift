extension Recipe.Algorithm {
    /// The pull towards the reference model.
    public struct KL: Hashable, Sendable {
        /// How the divergence is estimated, with `d = log π_ref − log π`.
        public enum Estimator: String, CaseIterable, Sendable {
            /// `−d`.
            case k1
            /// `d² / 2`.
            case k2
            /// `exp(d) − d − 1`.
            case k3
        }

        /// Where the penalty enters.
        public enum Place: String, CaseIterable, Sendable {
            /// A term of each token's loss.
            case loss
            /// Taken from the completion's reward.
            case reward
        }

        /// What the reference is.
        public enum Reference: String, CaseIterable, Sendable {
            /// The model as it was without adapter.
            case base
            /// The policy as it was before the first step, its adapter included.
            case start
            /// The base with an adapter of its own.
            case adapter
            /// The policy as it was at the start, moved after it now and then.
            case moving
        }

        /// The weight of the divergence; 0: no reference model runs.
        public var coefficient = 0.0
        /// How the divergence is estimated; never `nil` in a recipe that was read.
        public var estimator: Estimator?
        /// Where the penalty enters; never `nil` in a recipe that was read.
        public var place: Place?
        /// What the reference is.
        public var reference = Reference.base
        /// A PEFT folder for `reference: adapter`; absolute.
        public var adapter: String?
        /// Steps between two moves of `reference: moving`.
        public var syncEvery = 512
        /// The share of the policy in the moved reference.
        public var mixup = 0.6
        /// Whether the estimate is multiplied by the importance ratio, which makes its gradient unbiased.
        public var biasCorrection = true
    }

    /// Sampling again where a group has no spread.
    public struct DynamicSampling: Hashable, Sendable {
        /// Whether groups with equal rewards are replaced by those of other prompts.
        public var enabled = false
        /// How often prompts are sampled in a step at most.
        public var maxRounds = 4
    }
}

extension Recipe.Algorithm.KL: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "coefficient", \.coefficient, .number(.atLeast(0)), "Weight of the divergence; 0: no reference model runs"),
        .init(
            "estimator", \.estimator, .optional(.choice()),
            "With d = log π_ref − log π: k1 is −d, k2 is d²/2, k3 is exp(d) − d − 1. null: k3 in the loss, k1 in the reward"
        ),
        .init(
            "place", \.place, .optional(.choice()),
            "A term of the loss, or taken from the reward. null: reward for rloo and reinforce_pp, else loss"),
        .init(
            "reference", \.reference, .choice(),
            "base: the model without adapter; start: the policy before the first step; adapter: the base with `kl.adapter`; moving: start, moved towards the policy every `sync_every` steps"
        ),
        .init("adapter", \.adapter, .optional(.path), "PEFT folder of the reference, for reference adapter"),
        .init("sync_every", \.syncEvery, .integer(1...10_000_000), "(moving) Steps between two moves of the reference"),
        .init(
            "mixup", \.mixup, .number(.over(0, to: 1)),
            "(moving) Share of the policy in the moved reference; 1: a copy of it"),
        .init(
            "bias_correction", \.biasCorrection, .flag, "In the loss: multiply the estimate by the importance ratio"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        if reference == .adapter, adapter == nil {
            reader.fault(path + ["adapter"], "missing: reference adapter needs a PEFT folder")
        }
        if reference != .adapter, adapter != nil {
            reader.fault(path + ["adapter"], "only for reference adapter; remove it, or set kl.reference to adapter")
        }
    }
}

extension Recipe.Algorithm.DynamicSampling: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "enabled", \.enabled, .flag,
            "Replace groups whose rewards are all equal by groups of further prompts"),
        .init(
            "max_rounds", \.maxRounds, .integer(1...1000),
            "Rounds of sampling in a step at most; then the step goes on with the groups it has"),
    ]
}
