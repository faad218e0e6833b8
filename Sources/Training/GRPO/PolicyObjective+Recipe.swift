import Recipes

extension PolicyObjective {
    /// The objective of a recipe.
    ///
    /// The trainer's micro-batches follow a token budget, which must not change what is learned; so `bnpo` takes its mean
    /// over the tokens of the whole step, as TRL does where a step is one micro-batch.
    public init(_ algorithm: Recipe.Algorithm) {
        let clip = ClippedSurrogate(
            low: algorithm.clip.low, high: algorithm.clip.high, delta: algorithm.clip.delta)
        let kl = KLPenalty(coefficient: algorithm.kl.coefficient, isRatioCorrected: algorithm.kl.biasCorrection)
        switch algorithm.objective {
        case .grpo: self = .grpo(clip: clip, kl: kl)
        case .drGRPO: self = .drGRPO(clip: clip, kl: kl)
        case .dapo: self = .dapo(clip: clip, kl: kl)
        case .bnpo:
            self = .bnpo(clip: clip, kl: kl)
            normalization = .stepTokens
        }
    }
}

extension AdvantageEstimator {
    /// The estimator of a recipe.
    ///
    /// - Parameter weights: One a reward function.
    public init(_ recipe: Recipe, weights: [Double]) {
        let scaling: Scaling =
            switch recipe.algorithm.advantage {
            case .group: .group
            case .batch: .batch
            case .none: .none
            }
        self.init(groupSize: recipe.rollout.completionsPerPrompt, weights: weights, scaling: scaling)
    }
}
