import Foundation

/// Whether tokens or whole sequences are weighed against the policy that sampled them.
public enum RatioLevel: String, Sendable, CaseIterable {
    /// `ρ_t = exp(logπ_t − logπ_old,t)`: each token has its own (PPO, GRPO).
    case token
    /// `ρ = exp(mean_t(logπ_t − logπ_old,t))` over a sequence's active tokens, for all of them (GSPO): the unit that is
    /// rewarded is also the unit that is clipped.
    ///
    /// Source: Zheng et al. 2025, arXiv:2507.18071, equation 7. The gradient flows through the mean.
    case sequence
    /// `ρ = Π_t ρ_t`, the importance weight of the whole completion (RLOO, VESPO): exact, but of large variance.
    case product

    /// The level of the factor that corrects a KL estimate: a product would drown it.
    var correction: RatioLevel { self == .product ? .token : self }

    /// The ratios of one sequence's active tokens.
    ///
    /// - Parameter logRatios: `logπ − logπ_old` of each active token.
    func ratios(_ logRatios: [Double]) -> ImportanceRatios {
        switch self {
        case .token:
            let ratios = logRatios.map(SaturatingExponential.init)
            return ImportanceRatios(
                level: self, values: ratios.map(\.value), derivatives: ratios.map(\.derivative))
        case .sequence, .product:
            let divisor = self == .sequence ? Double(max(logRatios.count, 1)) : 1
            let ratio = SaturatingExponential(logRatios.reduce(0, +) / divisor)
            return ImportanceRatios(
                level: self, values: logRatios.map { _ in ratio.value },
                derivatives: logRatios.map { _ in ratio.derivative / divisor })
        }
    }
}

/// The importance ratios of one sequence and how they move with its log-probabilities.
struct ImportanceRatios {
    let level: RatioLevel
    /// ρ of each active token.
    let values: [Double]
    /// dρ/dlogπ: of the token's own ratio by its own log-probability, or of the shared one by each.
    let derivatives: [Double]

    /// The gradient by log-probabilities, from the gradient by ratios.
    func gradient(_ dRatios: [Double]) -> [Double] {
        switch level {
        case .token: return zip(dRatios, derivatives).map { $0 * $1 }
        case .sequence, .product:
            let total = dRatios.reduce(0, +)
            return derivatives.map { total * $0 }
        }
    }
}

/// `exp(x)` that stays finite: constant above `limit`, with derivative 0 there.
///
/// A log-ratio that large comes from a broken policy. A single such token should neither turn a whole step into
/// infinities nor, by their difference, into NaN.
struct SaturatingExponential {
    /// Above it, e^x no longer fits single precision with room for a sum.
    static let limit = 80.0

    let value: Double
    let derivative: Double

    init(_ x: Double) {
        value = exp(min(x, Self.limit))
        derivative = x <= Self.limit ? value : 0
    }
}
