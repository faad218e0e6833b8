import Foundation

/// Falls along a power of the rest of the run, to a rate of its own.
///
///     factor = (1 − f)·(1 − q)^power + f,    f = final rate / base rate;    f after the last step
///
/// With power 1 a line. Source: `transformers`' `get_polynomial_decay_schedule_with_warmup`.
public struct PolynomialDecay: Sendable, Equatable {
    /// The exponent: 1 is a line, 2 falls fast and then slowly.
    public var power = 1.0
    /// The learning rate at the end; transformers' value.
    public var finalRate = 1e-7

    /// A decay with the defaults.
    public init() {}

    /// The factor of the base rate.
    ///
    /// - Parameter progress: q, the share of the steps after warm-up that are done; above 1 after the last.
    func factor(_ progress: Double, baseRate: Double) -> Double {
        let final = baseRate == 0 ? 0 : finalRate / baseRate
        guard progress <= 1 else { return final }
        return (1 - final) * pow(1 - progress, power) + final
    }
}
