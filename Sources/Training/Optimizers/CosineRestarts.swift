import Foundation

/// Falls to 0 along half a cosine, several times over: each cycle begins again at the base rate.
///
///     factor = max(0, ½·(1 + cos(π · (c·q mod 1)))),    0 from the last step on
///
/// Source: Loshchilov & Hutter 2017, arXiv:1608.03983, with cycles of one length, as
/// `get_cosine_with_hard_restarts_schedule_with_warmup` of `transformers` has it.
public struct CosineRestarts: Sendable, Equatable {
    /// c, how many times the rate falls.
    public var cycles = 1

    /// One cycle.
    public init() {}

    /// The factor of the base rate.
    ///
    /// - Parameter progress: q, the share of the steps after warm-up that are done; above 1 after the last.
    func factor(_ progress: Double) -> Double {
        guard progress < 1 else { return 0 }
        let place = (Double(cycles) * progress).truncatingRemainder(dividingBy: 1)
        return max(0, 0.5 * (1 + cos(.pi * place)))
    }
}
