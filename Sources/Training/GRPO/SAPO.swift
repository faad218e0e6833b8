import Foundation

/// A smooth gate in place of the hard clip: the further the ratio is from 1, the less a token teaches.
///
///     ℓ     = −A · 4/τ · σ(τ·(ρ − 1))            τ = τ₊ where A > 0, else τ₋
///     dℓ/dρ = −A · 4 · σ·(1 − σ)                 = −A at ρ = 1, as for the clipped surrogate
///
/// Source: Gao et al. 2025, arXiv:2511.20347, equation 5.
public struct SAPOSurrogate: PolicySurrogate, Equatable {
    /// How fast the gate closes for tokens that should become likelier.
    public var positiveTemperature: Double
    /// How fast it closes for the others; faster, because pushing a token down lifts thousands of others.
    public var negativeTemperature: Double

    /// A surrogate; the defaults are the paper's.
    public init(positiveTemperature: Double = 1, negativeTemperature: Double = 1.05) {
        precondition(
            positiveTemperature > 0 && negativeTemperature > 0,
            "SAPOSurrogate: temperatures \(positiveTemperature), \(negativeTemperature), expected positive ones")
        self.positiveTemperature = positiveTemperature
        self.negativeTemperature = negativeTemperature
    }

    /// See the type.
    public func loss(ratio: Double, advantage: Double, logProb: Double) -> TokenLoss {
        guard advantage != 0 else { return TokenLoss(value: 0) }
        let temperature = advantage > 0 ? positiveTemperature : negativeTemperature
        let gate = 1 / (1 + exp(-temperature * (ratio - 1)))
        return TokenLoss(
            value: -advantage * 4 / temperature * gate, dRatio: -advantage * 4 * gate * (1 - gate))
    }

    /// Never: the gate is smooth.
    public func clipping(ratio: Double, advantage: Double) -> Clipping { .none }

    /// Nothing is logged.
    public var clippingMetrics: ClippingMetrics { .none }
}

extension PolicyObjective {
    /// Soft adaptive policy optimisation; see `SAPOSurrogate`. Normalises as `grpo`.
    public static func sapo(
        surrogate: SAPOSurrogate = SAPOSurrogate(), ratioLevel: RatioLevel = .token, kl: KLPenalty? = nil
    ) -> PolicyObjective {
        PolicyObjective(
            name: "sapo", surrogate: surrogate, ratioLevel: ratioLevel, normalization: .sequenceMean, kl: kl)
    }
}
