/// PPO's clipped surrogate with bounds of its own above and below, and an optional cap on the unclipped branch.
///
///     ℓ      = −min( min(ρ, δ)·A , clip(ρ, 1 − ε_low, 1 + ε_high)·A )
///     dℓ/dρ  = −A where the smaller branch still moves with ρ, else 0
///
/// Without δ, a token with A < 0 whose ratio has grown has an unbounded loss; δ bounds it ("two-sided").
///
/// Sources: Schulman et al. 2017, arXiv:1707.06347, equation 7; Yu et al. 2025 (DAPO), arXiv:2503.14476, equation 10
/// (two bounds); Prime Intellect 2025 (INTELLECT-2), arXiv:2505.07291, section 3.4 (δ).
public struct ClippedSurrogate: PolicySurrogate, Equatable {
    /// How far the ratio may fall below 1.
    public var low: Double
    /// How far the ratio may rise above 1.
    public var high: Double
    /// Largest ratio of the unclipped branch, above `1 + high`; `nil` leaves it unbounded.
    public var delta: Double?

    /// A clipped surrogate; 0.2 is PPO's bound.
    public init(low: Double = 0.2, high: Double = 0.2, delta: Double? = nil) {
        self.low = low
        self.high = high
        self.delta = delta
    }

    /// See the type.
    public func loss(ratio: Double, advantage: Double, logProb: Double) -> TokenLoss {
        guard advantage != 0 else { return TokenLoss(value: 0) }
        let cap = delta ?? .infinity
        let free = min(ratio, cap) * advantage
        let clipped = min(max(ratio, 1 - low), 1 + high) * advantage
        let dFree = ratio <= cap ? -advantage : 0
        let dClipped = ratio >= 1 - low && ratio <= 1 + high ? -advantage : 0
        if free < clipped { return TokenLoss(value: -free, dRatio: dFree) }
        if clipped < free { return TokenLoss(value: -clipped, dRatio: dClipped) }
        return TokenLoss(value: -free, dRatio: (dFree + dClipped) / 2)
    }

    /// Which bound acted; a ratio is capped at δ before it is compared, as TRL counts it.
    public func clipping(ratio: Double, advantage: Double) -> Clipping {
        let ratio = min(ratio, delta ?? .infinity)
        if ratio < 1 - low, advantage < 0 { return .low }
        if ratio > 1 + high, advantage > 0 { return .high }
        return .none
    }

    /// `clip_ratio/…`.
    public var clippingMetrics: ClippingMetrics { .region }
}
