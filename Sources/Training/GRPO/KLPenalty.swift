/// How the divergence from the reference is estimated from the tokens that were sampled.
///
///     d = logπ_ref − logπ
///
///     k1 = −d               unbiased, large variance; its own gradient is 0 on average
///     k2 = d²/2             biased, but its gradient is that of the divergence while the policy has not moved
///     k3 = e^d − d − 1      unbiased, never negative, small variance
///
/// Source: Schulman 2020, "Approximating KL Divergence".
public enum KLEstimator: String, Sendable, CaseIterable {
    /// The difference of the log-probabilities.
    case k1
    /// Half its square.
    case k2
    /// The usual one.
    case k3

    /// The estimate and its derivative by logπ.
    func estimate(logProb: Double, reference: Double) -> (value: Double, dLogProb: Double) {
        let difference = reference - logProb
        switch self {
        case .k1: return (-difference, 1)
        case .k2: return (0.5 * difference * difference, -difference)
        case .k3:
            let exponential = SaturatingExponential(difference)
            return (exponential.value - difference - 1, 1 - exponential.derivative)
        }
    }
}

/// A penalty on the distance from the reference policy.
///
///     KL' = ρ · KL   (ratio-corrected)      dKL'/dlogπ = ρ · dKL/dlogπ,   dKL'/dρ = KL
///
/// The tokens were sampled from the old policy, so the plain form estimates the divergence only while the policy has
/// not moved; the factor ρ makes up for that, and makes its gradient the true one even when ρ = 1.
///
/// Source: DeepSeek-AI 2025, arXiv:2512.02556, equation 7 (correction).
public struct KLPenalty: Sendable, Equatable {
    /// Where the penalty enters.
    public enum Place: String, Sendable, CaseIterable {
        /// A term of each token's loss.
        case loss
        /// Taken from the completion's reward before advantages are computed, without a gradient of its own: RLOO and
        /// REINFORCE++.
        case reward
    }

    /// β, what the divergence is multiplied by.
    public var coefficient: Double
    /// How the divergence is estimated.
    public var estimator: KLEstimator
    /// Whether the estimate is multiplied by the importance ratio; true is TRL's default.
    public var isRatioCorrected: Bool

    /// A penalty, or `nil` when the coefficient is 0: then no reference model is needed.
    public init?(coefficient: Double, estimator: KLEstimator = .k3, isRatioCorrected: Bool = true) {
        guard coefficient != 0 else { return nil }
        self.coefficient = coefficient
        self.estimator = estimator
        self.isRatioCorrected = isRatioCorrected
    }

    /// The estimate for one token, before it is multiplied by β.
    func term(logProb: Double, reference: Double, ratio: Double) -> TokenLoss {
        let (value, dLogProb) = estimator.estimate(logProb: logProb, reference: reference)
        guard isRatioCorrected else { return TokenLoss(value: value, dLogProb: dLogProb) }
        return TokenLoss(value: ratio * value, dRatio: value, dLogProb: ratio * dLogProb)
    }

    /// What a completion's reward loses: β times the estimates of its tokens as they were sampled.
    public func rewardPenalty(logProbs: [Float], reference: [Float]) -> Double {
        precondition(
            logProbs.count == reference.count,
            "rewardPenalty: \(logProbs.count) log-probabilities, \(reference.count) of the reference")
        return zip(logProbs, reference).reduce(0) {
            $0 + coefficient * estimator.estimate(logProb: Double($1.0), reference: Double($1.1)).value
        }
    }
}
