/// The loss of one token given its importance ratio: the heart of an objective.
public protocol PolicySurrogate: Sendable {
    /// The loss and its derivatives.
    ///
    /// - Parameter ratio: Importance ratio ρ, positive.
    /// - Parameter advantage: A of the token's sequence.
    /// - Parameter logProb: logπ of the token under the trained policy, nats.
    func loss(ratio: Double, advantage: Double, logProb: Double) -> TokenLoss

    /// Whether the bound on the ratio acted, for the logs.
    func clipping(ratio: Double, advantage: Double) -> Clipping

    /// What the surrogate multiplies the advantage by, where that is logged.
    func weight(ratio: Double, advantage: Double) -> Double

    /// Under which names clipping is logged.
    var clippingMetrics: ClippingMetrics { get }
}

extension PolicySurrogate {
    /// The ratio itself.
    public func weight(ratio: Double, advantage: Double) -> Double { ratio }
}

/// A token's loss and its derivatives.
public struct TokenLoss: Sendable, Equatable {
    /// The loss.
    public var value: Double
    /// Derivative by the importance ratio.
    public var dRatio: Double
    /// Derivative by the log-probability, where the loss holds it besides the ratio.
    public var dLogProb: Double

    /// A loss with its derivatives; those not given are 0.
    public init(value: Double, dRatio: Double = 0, dLogProb: Double = 0) {
        self.value = value
        self.dRatio = dRatio
        self.dLogProb = dLogProb
    }
}

/// Which bound on the ratio acted.
public enum Clipping: Sendable {
    /// None.
    case none
    /// The lower one: the advantage is negative and the ratio has already fallen enough.
    case low
    /// The upper one: the advantage is positive and the ratio has already risen enough.
    case high
}

/// Under which of TRL's names clipping is logged.
public enum ClippingMetrics: Sendable, Equatable {
    /// Not at all.
    case none
    /// `clip_ratio/{low_mean,low_min,high_mean,high_max,region_mean}`.
    case region
    /// One figure: the share of ratios at the upper bound.
    case single(String)
    /// One figure: the mean of the surrogate's weights over the sequences.
    case weight(String)
}
