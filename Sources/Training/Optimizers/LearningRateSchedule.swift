import Foundation

/// How the learning rate changes over a run: `transformers`' schedules, by its names.
///
/// With w warm-up steps, s steps in all and progress q = (t − w) / max(1, s − w), the factor at step t (from 0) is t / w
/// while t < w (all but `constant`), then:
///
///     constant, constant_with_warmup   1
///     linear                           max(0, (s − t) / max(1, s − w))
///     cosine                           max(0, ½·(1 + cos(π·q)))
///     inverse_sqrt                     1 / √((t + T − w) / T),   T = w, or 10000 without warm-up
///     cosine_with_restarts, polynomial   see `CosineRestarts` and `PolynomialDecay`
public struct LearningRateSchedule: Sendable, Equatable {
    /// The shape of the curve.
    public enum Kind: String, Sendable, CaseIterable {
        /// The same rate from the first step.
        case constant
        /// Rises over the warm-up and then stays.
        case constantWithWarmup = "constant_with_warmup"
        /// Falls to 0 on a line.
        case linear
        /// Falls to 0 along half a cosine; rises again when a run goes on after its last step, as in `transformers`.
        case cosine
        /// Falls to 0 along half a cosine, again and again.
        case cosineWithRestarts = "cosine_with_restarts"
        /// Falls along a power to a rate that need not be 0.
        case polynomial
        /// Falls with the root of the step; needs no end.
        case inverseSqrt = "inverse_sqrt"
    }

    /// The shape of the curve.
    public var kind: Kind
    /// The rate that the factor multiplies.
    public var baseRate: Double
    /// Steps over which the rate rises from 0.
    public var warmupSteps: Int
    /// Steps of the whole run.
    public var totalSteps: Int
    /// The form of `polynomial`.
    public var decay = PolynomialDecay()
    /// The form of `cosineWithRestarts`.
    public var restarts = CosineRestarts()

    /// A schedule.
    public init(kind: Kind, baseRate: Double, warmupSteps: Int = 0, totalSteps: Int) {
        precondition(
            warmupSteps >= 0 && totalSteps >= 0,
            "LearningRateSchedule: \(warmupSteps) warm-up steps of \(totalSteps), expected no negative ones")
        self.kind = kind
        self.baseRate = baseRate
        self.warmupSteps = warmupSteps
        self.totalSteps = totalSteps
    }

    /// The learning rate of a step.
    ///
    /// - Parameter step: Optimizer steps taken before; the first step has 0.
    public func rate(at step: Int) -> Double { baseRate * factor(at: step) }

    private func factor(at step: Int) -> Double {
        if kind == .constant { return 1 }
        let time = Double(step)
        let warmup = Double(warmupSteps)
        if step < warmupSteps { return time / max(1, warmup) }
        let rest = max(1, Double(totalSteps) - warmup)
        switch kind {
        case .constant, .constantWithWarmup: return 1
        case .linear: return max(0, (Double(totalSteps) - time) / rest)
        case .cosine: return max(0, 0.5 * (1 + cos(.pi * (time - warmup) / rest)))
        case .cosineWithRestarts: return restarts.factor((time - warmup) / rest)
        case .polynomial: return decay.factor((time - warmup) / rest, baseRate: baseRate)
        case .inverseSqrt:
            let scale = warmupSteps > 0 ? warmup : 10_000
            return 1 / ((time + scale - warmup) / scale).squareRoot()
        }
    }
}
