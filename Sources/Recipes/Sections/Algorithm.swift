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
            /// One ratio a completion, clipped as a whole.
            case gspo
            /// The same, each completion weighted by its length.
            case luspo
            /// Clipped importance weights in place of clipped updates.
            case cispo
            /// A smooth gate in place of the clip.
            case sapo
            /// A smooth kernel on the importance weight of a completion.
            case vespo
            /// A completion is one action; the others are its baseline.
            case rloo
            /// Clipped tokens with advantages normalised over the batch.
            case reinforcePP = "reinforce_pp"
        }

        /// What a reward is compared with, and what the difference is divided by.
        public enum Advantage: String, CaseIterable, Sendable {
            /// The standard deviation of the group.
            case group
            /// The standard deviation of the whole batch.
            case batch
            /// Nothing.
            case none
            /// Nothing, and the baseline is the mean of the other completions.
            case leaveOneOut = "leave_one_out"
            /// The standard deviation of the whole batch, and the baseline is the batch's mean.
            case global
        }

        /// What is weighed against the policy that sampled.
        public enum RatioLevel: String, CaseIterable, Sendable {
            /// Each token.
            case token
            /// Each completion, by the mean of its tokens.
            case sequence
        }

        /// Whether several rewards are added before or after they are normalised.
        public enum Aggregation: String, CaseIterable, Sendable {
            /// The weighted sum is normalised.
            case sumThenNormalize = "sum_then_normalize"
            /// Each reward is normalised in its group, and the weighted sum of these over the batch.
            case normalizeThenSum = "normalize_then_sum"
        }

        /// How token losses are put together.
        public var objective = Objective.grpo
        /// What a reward is compared with and divided by; never `nil` in a recipe that was read.
        public var advantage: Advantage?
        /// Whether several rewards are added before or after they are normalised.
        public var rewardAggregation = Aggregation.sumThenNormalize
        /// Whether advantages are normalised over the batch at last.
        public var whitensAdvantages = false
        /// What the summed reward is clamped to, `[least, greatest]`; `nil`: not at all.
        public var rewardClip: [Double]?
        /// What is weighed against the policy that sampled; `nil`: the objective's own choice.
        public var ratioLevel: RatioLevel?
        /// The bounds of the importance ratio.
        public var clip = Clip()
        /// The gate of `sapo`.
        public var sapo = SAPO()
        /// The kernel of `vespo`.
        public var vespo = VESPO()
        /// The pull towards the reference model.
        public var kl = KL()
        /// The weight of the entropy in the loss.
        public var entropyCoefficient = 0.0
        /// The share of tokens, by entropy, that are learned from.
        public var topEntropyQuantile = 1.0
        /// How far a completion with a negative advantage may have become less likely, nats a token; `nil`: any.
        public var offPolicyThreshold: Double?
        /// Optimizer passes over each batch of rollouts.
        public var updatesPerRollout = 1
        /// Optimizer steps of each pass.
        public var miniBatches = 1
        /// Whether completions that ran into the length limit are left out of the loss.
        public var maskTruncated = false
        /// Sampling again where a group has no spread.
        public var dynamicSampling = DynamicSampling()
    }
}

extension Recipe.Algorithm: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "objective", \.objective,
            .choice(), "What is minimised; see docs/choosing-an-objective.md"),
        .init(
            "advantage", \.advantage, .optional(.choice()),
            "What reward − group mean is divided by (group, batch: their standard deviation; none: nothing); leave_one_out: baseline without the completion itself; global: mean and deviation of the batch. null: rloo leave_one_out, reinforce_pp global, dr_grpo none, else group"
        ),
        .init(
            "reward_aggregation", \.rewardAggregation, .choice(),
            "Several rewards: their sum is normalised, or each one by itself, so that one with a small spread is not drowned"
        ),
        .init(
            "whiten_advantages", \.whitensAdvantages, .flag,
            "Centre the batch's advantages and divide them by their standard deviation at last"),
        .init(
            "reward_clip", \.rewardClip, .optional(.list(of: .number(.any), count: 2...2, "numbers")),
            "Clamp the summed reward to [least, greatest]"),
        .init(
            "ratio_level", \.ratioLevel, .optional(.choice()),
            "Importance ratio of each token, or of each completion by its mean; null: sequence for gspo and luspo, else token"
        ),
        .init("clip", \.clip, .section, "Bounds of the importance ratio"),
        .init("sapo", \.sapo, .section, "The gate of sapo"),
        .init("vespo", \.vespo, .section, "The kernel of vespo"),
        .init("kl", \.kl, .section, "Pull towards the reference model"),
        .init(
            "entropy_coefficient", \.entropyCoefficient, .number(.any),
            "Weight of the mean entropy that is taken from the loss; 0.001 to 0.01 keeps exploration alive"),
        .init(
            "top_entropy_quantile", \.topEntropyQuantile, .number(.over(0, to: 1)),
            "Learn only from this share of a group's tokens, those with the highest entropy"),
        .init(
            "off_policy_threshold", \.offPolicyThreshold, .optional(.number(.atLeast(0))),
            "Leave out completions with a negative advantage that have become less likely by more than this, nats a token"
        ),
        .init(
            "updates_per_rollout", \.updatesPerRollout, .integer(1...1000),
            "Optimizer passes over each batch of rollouts"),
        .init(
            "mini_batches", \.miniBatches, .integer(1...65536),
            "Optimizer steps of each pass: the prompts are cut into so many parts"),
        .init(
            "mask_truncated", \.maskTruncated, .flag, "Leave completions that ran into the length limit out of the loss"
        ),
        .init("dynamic_sampling", \.dynamicSampling, .section, "Sampling again where a group has no spread"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        if let rewardClip, rewardClip[0] >= rewardClip[1] {
            reader.fault(path + ["reward_clip"], "expected [least, greatest], got \(rewardClip)")
        }
        if rewardAggregation == .normalizeThenSum { checkAggregation(path, &reader) }
        if ratioLevel != nil, objective.hasOwnRatio {
            reader.fault(path + ["ratio_level"], "objective \(objective.rawValue) has a ratio of its own; remove it")
        }
        if kl.estimator == .k1, kl.coefficient > 0, !kl.biasCorrection, (kl.place ?? objective.place) == .loss {
            reader.fault(
                path + ["kl", "estimator"],
                "k1 in the loss has a gradient of 0 on average without bias_correction; set that to true, or use k2 or k3"
            )
        }
        guard let delta = clip.delta, reader.isSound("algorithm", "clip") else { return }
        let high = clip.high ?? objective.bounds.high
        if !objective.clips {
            reader.fault(path + ["clip", "delta"], "objective \(objective.rawValue) does not clip updates; remove it")
        } else if delta <= 1 + high {
            reader.fault(path + ["clip", "delta"], "expected more than 1 + clip.high (\(1 + high)), got \(delta)")
        }
    }

    /// Where each reward is normalised by itself there is no summed reward.
    private func checkAggregation(_ path: [String], _ reader: inout RecipeReader) {
        let name = rewardAggregation.rawValue
        if (advantage ?? objective.advantage) != .group {
            reader.fault(
                path + ["advantage"],
                "is \((advantage ?? objective.advantage).rawValue), but reward_aggregation \(name) always normalises in "
                    + "each group; set it to group")
        }
        if rewardClip != nil {
            reader.fault(path + ["reward_clip"], "has no effect with reward_aggregation \(name); remove it")
        }
        if kl.coefficient > 0, (kl.place ?? objective.place) == .reward {
            reader.fault(path + ["kl", "place"], "can't be reward with reward_aggregation \(name); set it to loss")
        }
    }

    /// Defaults that depend on the objective.
    mutating func fillIn() {
        advantage = advantage ?? objective.advantage
        clip.low = clip.low ?? objective.bounds.low
        clip.high = clip.high ?? objective.bounds.high
        let place = kl.place ?? objective.place
        kl.place = place
        kl.estimator = kl.estimator ?? (place == .reward ? .k1 : .k3)
    }
}

extension Recipe.Algorithm.Objective {
    /// The bounds of the ratio that its authors use.
    var bounds: (low: Double, high: Double) {
        switch self {
        case .gspo: (3e-4, 4e-4)
        case .luspo: (2e-3, 2.5e-3)
        case .dapo: (0.2, 0.28)
        default: (0.2, 0.2)
        }
    }

    /// The advantages that its authors use.
    var advantage: Recipe.Algorithm.Advantage {
        switch self {
        case .rloo: .leaveOneOut
        case .reinforcePP: .global
        case .drGRPO: .none
        default: .group
        }
    }

    /// Where its authors put the KL penalty.
    var place: Recipe.Algorithm.KL.Place { self == .rloo || self == .reinforcePP ? .reward : .loss }

    /// Whether the update stops where the ratio leaves its bounds.
    var clips: Bool { ![.cispo, .sapo, .vespo].contains(self) }

    /// Whether what is weighed against the policy that sampled is a part of its definition.
    var hasOwnRatio: Bool { [.gspo, .vespo, .rloo].contains(self) }
}
