/// A penalty on the distance from the reference policy, by the estimator k3: unbiased, never negative, small variance.
///
///     d     = logπ_ref − logπ
///     KL    = e^d − d − 1                    dKL/dlogπ = 1 − e^d
///     KL'   = ρ · KL   (ratio-corrected)     dKL'/dlogπ = ρ · (1 − e^d),   dKL'/dρ = KL
///
/// The tokens were sampled from the old policy, so the plain form estimates the divergence only while the policy has
/// not moved; the factor ρ makes up for that, and makes its gradient the true one even when ρ = 1.
///
/// Sources: Schulman 2020, "Approximating KL Divergence"; DeepSeek-AI 2025, arXiv:2512.02556, equation 7 (correction).
public struct KLPenalty: Sendable, Equatable {
    /// β, what the divergence is multiplied by.
    public var coefficient: Double
    /// Whether the estimate is multiplied by the importance ratio; true is TRL's default.
    public var isRatioCorrected: Bool

    /// A penalty, or `nil` when the coefficient is 0: then no reference model is needed.
    public init?(coefficient: Double, isRatioCorrected: Bool = true) {
        guard coefficient != 0 else { return nil }
        self.coefficient = coefficient
        self.isRatioCorrected = isRatioCorrected
    }

    /// The estimate for one token, before it is multiplied by β.
    func term(logProb: Double, reference: Double, ratio: Double) -> TokenLoss {
        let difference = reference - logProb
        let exponential = SaturatingExponential(difference)
        let value = exponential.value - difference - 1
        let dLogProb = 1 - exponential.derivative
        guard isRatioCorrected else { return TokenLoss(value: value, dLogProb: dLogProb) }
        return TokenLoss(value: ratio * value, dRatio: value, dLogProb: ratio * dLogProb)
    }
}
