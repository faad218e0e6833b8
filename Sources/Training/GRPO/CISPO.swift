/// Clips the importance weight instead of the update: every token keeps a gradient.
///
///     ℓ = −sg[ min(ρ, cap) ] · A · logπ          dℓ/dlogπ = −min(ρ, cap)·A      (sg: no gradient flows)
///
/// Source: MiniMax 2025, arXiv:2506.13585, equation 4; the cap is absolute, as in TRL. Leaves out a lower bound.
public struct CISPOSurrogate: PolicySurrogate, Equatable {
    /// Largest importance weight.
    public var cap: Double

    /// A surrogate; 5 is the value of Khatri et al. 2025 (ScaleRL), arXiv:2510.13786.
    public init(cap: Double = 5) { self.cap = cap }

    /// See the type.
    public func loss(ratio: Double, advantage: Double, logProb: Double) -> TokenLoss {
        guard advantage != 0 else { return TokenLoss(value: 0) }
        let weight = min(ratio, cap) * advantage
        return TokenLoss(value: -weight * logProb, dLogProb: -weight)
    }

    /// Whether a token that should become likelier was held back.
    public func clipping(ratio: Double, advantage: Double) -> Clipping {
        ratio > cap && advantage > 0 ? .high : .none
    }

    /// `cispo_clip_ratio`.
    public var clippingMetrics: ClippingMetrics { .single("cispo_clip_ratio") }
}

extension PolicyObjective {
    /// REINFORCE with clipped importance weights, averaged over the tokens of the whole step; see `CISPOSurrogate`.
    ///
    /// Normalises as `dapo`.
    public static func cispo(
        surrogate: CISPOSurrogate = CISPOSurrogate(), ratioLevel: RatioLevel = .token, kl: KLPenalty? = nil
    ) -> PolicyObjective {
        PolicyObjective(
            name: "cispo", surrogate: surrogate, ratioLevel: ratioLevel, normalization: .stepTokens, kl: kl)
    }
}
