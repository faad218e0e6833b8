import Recipes

extension PolicyObjective {
    /// The objective of a recipe.
    ///
    /// The trainer's micro-batches follow a token budget, which must not change what is learned; so `bnpo` takes its mean
    /// over the tokens of the whole step, as TRL does where a step is one micro-batch.
    public init(_ algorithm: Recipe.Algorithm) {
        let clip = ClippedSurrogate(
            low: algorithm.clip.low ?? 0.2, high: algorithm.clip.high ?? 0.2, delta: algorithm.clip.delta)
        let kl = algorithm.kl.place == .reward ? nil : KLPenalty(algorithm.kl)
        switch algorithm.objective {
        case .grpo: self = .grpo(clip: clip, kl: kl)
        case .drGRPO: self = .drGRPO(clip: clip, kl: kl)
        case .dapo: self = .dapo(clip: clip, kl: kl)
        case .bnpo:
            self = .bnpo(clip: clip, kl: kl)
            normalization = .stepTokens
        case .gspo: self = .gspo(clip: clip, kl: kl)
        case .luspo: self = .luspo(clip: clip, kl: kl)
        case .cispo: self = .cispo(surrogate: CISPOSurrogate(cap: algorithm.clip.cap), kl: kl)
        case .sapo: self = .sapo(surrogate: SAPOSurrogate(algorithm.sapo), kl: kl)
        case .vespo: self = .vespo(surrogate: VESPOSurrogate(algorithm.vespo), kl: kl)
        case .rloo: self = .rloo(clip: clip, kl: kl)
        case .reinforcePP: self = .reinforcePP(clip: clip, kl: kl)
        }
        switch algorithm.ratioLevel {
        case .token?: ratioLevel = .token
        case .sequence?: ratioLevel = .sequence
        case nil: break
        }
        selection = TokenSelection(
            topEntropyQuantile: algorithm.topEntropyQuantile, offPolicyThreshold: algorithm.offPolicyThreshold)
        entropyBonus = EntropyBonus(coefficient: algorithm.entropyCoefficient, normalization: .step)
    }
}

extension KLPenalty {
    /// The penalty of a recipe, or `nil` when its coefficient is 0.
    init?(_ kl: Recipe.Algorithm.KL) {
        let estimator: KLEstimator =
            switch kl.estimator ?? .k3 {
            case .k1: .k1
            case .k2: .k2
            case .k3: .k3
            }
        self.init(coefficient: kl.coefficient, estimator: estimator, isRatioCorrected: kl.biasCorrection)
    }
}

extension RolloutCorrection {
    /// The correction of a recipe; `nil` when it asks for none.
    init?(_ correction: Recipe.Rollout.Correction) {
        let level: Level
        switch correction.mode {
        case .none: return nil
        case .tokenTruncate, .tokenMask: level = .token
        case .sequenceTruncate, .sequenceMask: level = .sequence
        }
        self.init(
            level: level, masks: correction.mode == .tokenMask || correction.mode == .sequenceMask,
            low: correction.min, high: correction.max)
    }
}

extension SAPOSurrogate {
    fileprivate init(_ sapo: Recipe.Algorithm.SAPO) {
        self.init(positiveTemperature: sapo.positiveTemperature, negativeTemperature: sapo.negativeTemperature)
    }
}

extension VESPOSurrogate {
    fileprivate init(_ vespo: Recipe.Algorithm.VESPO) {
        self.init(
            positive: Kernel(power: vespo.positivePower, rate: vespo.positiveRate),
            negative: Kernel(power: vespo.negativePower, rate: vespo.negativeRate))
    }
}

extension AdvantageEstimator {
    /// The estimator of a recipe.
    ///
    /// - Parameter weights: One a reward function.
    public init(_ recipe: Recipe, weights: [Double]) {
        let scaling: Scaling =
            switch recipe.algorithm.advantage ?? .group {
            case .group: .group
            case .batch: .batch
            case .none: .none
            case .leaveOneOut: .leaveOneOut
            case .global: .global
            }
        let aggregation: Aggregation =
            switch recipe.algorithm.rewardAggregation {
            case .sumThenNormalize: .sumThenNormalize
            case .normalizeThenSum: .normalizeThenSum
            }
        self.init(
            groupSize: recipe.rollout.completionsPerPrompt, weights: weights, aggregation: aggregation, scaling: scaling
        )
        whitens = recipe.algorithm.whitensAdvantages
        rewardRange = recipe.algorithm.rewardClip.map { $0[0]...$0[1] }
    }
}
