import Foundation

/// Reshapes a completion's whole importance weight by a smooth kernel that falls on both sides of 1.
///
///     w  = Π_t ρ_t  within [1e-8, e²⁰]          φ = e^λ · wᵏ · e^(−λ·w) = exp(λ + k·ln w − λ·w)
///     ℓ  = −sg[φ] · A · logπ                    dℓ/dlogπ = −φ·A         φ(1) = 1   (sg: no gradient flows)
///
/// A completion that has become much less or much more likely teaches little; nothing is cut off. With positive
/// advantages (k, λ) = (2, 3), else (3, 2).
///
/// Source: "VESPO" 2026, arXiv:2602.10693, as TRL's `loss_type="vespo"`. Leaves out the weights of another rollout
/// engine, which would be a factor of w.
public struct VESPOSurrogate: PolicySurrogate, Equatable {
    /// The kernel's two numbers.
    public struct Kernel: Sendable, Equatable {
        /// k, how fast φ falls towards small weights.
        public var power: Double
        /// λ, how fast it falls towards large ones; the peak is at w = k / λ.
        public var rate: Double

        /// A kernel.
        public init(power: Double, rate: Double) {
            self.power = power
            self.rate = rate
        }
    }

    /// For advantages that are not negative.
    public var positive: Kernel
    /// For negative ones.
    public var negative: Kernel

    /// A surrogate; the defaults are TRL's.
    public init(positive: Kernel = Kernel(power: 2, rate: 3), negative: Kernel = Kernel(power: 3, rate: 2)) {
        self.positive = positive
        self.negative = negative
    }

    /// φ, from the product of the ratios.
    public func weight(ratio: Double, advantage: Double) -> Double {
        let kernel = advantage >= 0 ? positive : negative
        let weight = min(max(ratio, 1e-8), exp(20))
        return exp(kernel.rate + kernel.power * log(weight) - kernel.rate * weight)
    }

    /// See the type.
    public func loss(ratio: Double, advantage: Double, logProb: Double) -> TokenLoss {
        guard advantage != 0 else { return TokenLoss(value: 0) }
        let scale = weight(ratio: ratio, advantage: advantage) * advantage
        return TokenLoss(value: -scale * logProb, dLogProb: -scale)
    }

    /// Never: the kernel is smooth.
    public func clipping(ratio: Double, advantage: Double) -> Clipping { .none }

    /// `vespo/phi_seq_mean`.
    public var clippingMetrics: ClippingMetrics { .weight("vespo/phi_seq_mean") }
}

extension PolicyObjective {
    /// REINFORCE weighted by completions, averaged over the tokens of the whole step; see `VESPOSurrogate`.
    ///
    /// Normalises as `dapo`.
    public static func vespo(surrogate: VESPOSurrogate = VESPOSurrogate(), kl: KLPenalty? = nil) -> PolicyObjective {
        PolicyObjective(
            name: "vespo", surrogate: surrogate, ratioLevel: .product, normalization: .stepTokens, kl: kl)
    }
}
