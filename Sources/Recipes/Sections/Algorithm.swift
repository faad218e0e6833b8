extension Recipe {
    /// What is optimised.
    public struct Algorithm: Hashable, Sendable {
        /// How token losses are put together.
        public enum Objective: String, CaseIterable, Sendable {
            /// Mean over each completion, then over completions.
            case grpo
            /// Mean over the tokens of a micro-batch.
            case bnpo
            /// Sum over tokens, divided by completions × the greatest length.
            case drGRPO = "dr_grpo"
            /// Mean over the tokens of the whole batch.
            case dapo
        }

        /// What `reward − group mean` is divided by.
        public enum Advantage: String, CaseIterable, Sendable {
            /// The standard deviation of the group.
            case group
            /// The standard deviation of the whole batch.
            case batch
            /// Nothing.
            case none
        }

        /// How token losses are put together.
        public var objective = Objective.grpo
        /// What `reward − group mean` is divided by.
        public var advantage = Advantage.group
        /// The bounds of the importance ratio.
        public var clip = Clip()
        /// The pull towards the reference model.
        public var kl = KL()
        /// Optimizer passes over each batch of rollouts.
        public var updatesPerRollout = 1
        /// Whether completions that ran into the length limit are left out of the loss.
        public var maskTruncated = false
        /// Sampling again where a group has no spread.
        public var dynamicSampling = DynamicSampling()

        /// The bounds of the importance ratio.
        public struct Clip: Hashable, Sendable {
            /// The ratio counts down to `1 − low`.
            public var low = 0.2
            /// The ratio counts up to `1 + high`.
            public var high = 0.2
            /// The greatest ratio at all, also where the advantage is negative; `nil`: none.
            public var delta: Double?
        }

        /// The pull towards the reference model.
        public struct KL: Hashable, Sendable {
            /// How the divergence is estimated.
            public enum Estimator: String, CaseIterable, Sendable {
                /// `exp(d) − d − 1` with `d = log π_ref − log π`.
                case k3
            }

            /// What the reference is.
            public enum Reference: String, CaseIterable, Sendable {
                /// The model as it was without adapter.
                case base
            }

            /// The weight of the divergence; 0: no reference model runs.
            public var coefficient = 0.0
            /// How the divergence is estimated.
            public var estimator = Estimator.k3
            /// What the reference is.
            public var reference = Reference.base
            /// Whether the estimate is multiplied by the importance ratio, which makes its gradient unbiased.
            public var biasCorrection = true
        }

        /// Sampling again where a group has no spread.
        public struct DynamicSampling: Hashable, Sendable {
            /// Always false in this version.
            public var enabled = false
            /// How often sampling is repeated at most.
            public var maxRounds = 4
        }
    }
}

extension Recipe.Algorithm: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "objective", \.objective,
            .choice(later: ["gspo", "cispo", "rloo", "reinforce_pp", "sapo", "luspo", "vespo"]),
            "How token losses are put together"),
        .init(
            "advantage", \.advantage, .choice(),
            "What reward − group mean is divided by: a standard deviation or nothing"),
        .init("clip", \.clip, .section, "Bounds of the importance ratio"),
        .init("kl", \.kl, .section, "Pull towards the reference model"),
        .init(
            "updates_per_rollout", \.updatesPerRollout, .integer(1...1000),
            "Optimizer passes over each batch of rollouts"),
        .init(
            "mask_truncated", \.maskTruncated, .flag, "Leave completions that ran into the length limit out of the loss"
        ),
        .init("dynamic_sampling", \.dynamicSampling, .section, "Sampling again where a group has no spread"),
    ]
}

extension Recipe.Algorithm.Clip: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("low", \.low, .number(.from(0, to: 1)), "The ratio is clipped below 1 − low"),
        .init("high", \.high, .number(.atLeast(0)), "The ratio is clipped above 1 + high"),
        .init(
            "delta", \.delta, .optional(.number(.above(1))),
            "Cap of the unclipped ratio (two-sided clipping), above 1 + high"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        if let delta, delta <= 1 + high {
            reader.fault(path + ["delta"], "expected more than 1 + clip.high (\(1 + high)), got \(delta)")
        }
    }
}

extension Recipe.Algorithm.KL: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "coefficient", \.coefficient, .number(.atLeast(0)), "Weight of the divergence; 0: no reference model runs"),
        .init(
            "estimator", \.estimator, .choice(later: ["k1", "k2"]), "Estimator of the divergence: k3 is exp(d) − d − 1"),
        .init("reference", \.reference, .choice(), "The reference: the model without adapter"),
        .init("bias_correction", \.biasCorrection, .flag, "Multiply the estimate by the importance ratio"),
    ]
}

extension Recipe.Algorithm.DynamicSampling: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("enabled", \.enabled, .flag, "Only false in this version"),
        .init("max_rounds", \.maxRounds, .integer(1...1000), "Sampling rounds at most"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        if enabled {
            reader.fault(path + ["enabled"], "this version doesn't have dynamic sampling yet; set it to false")
        }
    }
}
