import Foundation

/// Makes up for completions that were sampled with other numerics than the trainer's.
///
/// With π the trainer's policy as it sampled would have been, μ the sampler's probabilities, and T the tokens that count:
///
///     w_t = π_t / μ_t = exp(logπ_t − logμ_t)                 for each token, or
///     w   = Π_T π_t / μ_t = exp(Σ_T (logπ_t − logμ_t))       for the whole completion
///
///     truncate:  w ← min(max(w, low), high)                  mask:  w ← 0 unless low ≤ w ≤ high
///
/// The weight is a factor of the token's surrogate loss, beside the importance ratio of the policy that moves over π; no
/// gradient flows through it. What the loss is divided by counts tokens that were masked, as TRL does.
///
/// Sources: Yao et al. 2025, "Your efficient RL framework secretly brings you off-policy RL training" (truncation); Liu et
/// al. 2025, "When speed kills stability" (sequences, masks); TRL's `vllm_importance_sampling_mode`.
public struct RolloutCorrection: Sendable, Hashable {
    /// What is weighed.
    public enum Level: Sendable, Hashable {
        /// Each token by itself.
        case token
        /// The whole completion, for all of its tokens.
        case sequence
    }

    /// What is weighed.
    public var level: Level
    /// Whether weights out of bounds become 0; else they are clamped.
    public var masks: Bool
    /// The least weight; `nil`: any.
    public var low: Double?
    /// The greatest weight; `nil`: any.
    public var high: Double?

    /// A correction; the defaults are TRL's.
    public init(level: Level = .sequence, masks: Bool = true, low: Double? = nil, high: Double? = 3) {
        (self.level, self.masks, self.low, self.high) = (level, masks, low, high)
    }

    /// The weights of one completion.
    ///
    /// - Parameter logProbs: By the trainer, nats.
    /// - Parameter sampling: By the engine that sampled, nats.
    /// - Parameter isActive: Which tokens count; the others have weight 1.
    /// - Returns: Each token's weight, and the weights as they were before they were bounded: one a token that counts, or
    ///   one for the completion if any does.
    public func weights(
        logProbs: [Float], sampling: [Float], isActive: (Int) -> Bool = { _ in true }
    ) -> (weights: [Float], ratios: [Double]) {
        precondition(
            logProbs.count == sampling.count,
            "RolloutCorrection: \(sampling.count) log-probabilities of the sampler for \(logProbs.count) tokens")
        let active = logProbs.indices.filter(isActive)
        let gaps = active.map { Double(logProbs[$0]) - Double(sampling[$0]) }
        // A weight beyond any sensible bound must not turn a loss that has none into infinities.
        func ratio(_ gap: Double) -> Double { SaturatingExponential(gap).value }
        let ratios: [Double] =
            switch level {
            case .token: gaps.map(ratio)
            case .sequence: active.isEmpty ? [] : [ratio(gaps.reduce(0, +))]
            }
        var weights = [Float](repeating: 1, count: logProbs.count)
        for (place, token) in active.enumerated() {
            weights[token] = Float(bounded(ratios[level == .token ? place : 0]))
        }
        return (weights, ratios)
    }

    /// A weight within the bounds.
    func bounded(_ ratio: Double) -> Double {
        if masks { return isWithin(ratio) ? ratio : 0 }
        return min(max(ratio, low ?? 0), high ?? .infinity)
    }

    /// Whether a weight needs no bounding.
    func isWithin(_ ratio: Double) -> Bool { ratio >= low ?? 0 && ratio <= high ?? .infinity }
}
