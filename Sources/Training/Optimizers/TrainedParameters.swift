import QwenModel
import TensorCore

/// The part of the model that moves.
public enum TrainedParameters: Sendable {
    /// Low-rank factors beside a frozen base.
    case adapter(TrainableAdapter)
    /// Every parameter of the model.
    case all(FullParameters)

    /// The numbers that are trained, with their gradients.
    public var set: ParameterSet {
        switch self {
        case .adapter(let adapter): adapter.parameters
        case .all(let full): full.parameters
        }
    }

    /// Makes the present numbers the ones to compute with. Nothing may be computing meanwhile when every parameter is
    /// trained; an adapter is a new value, and whoever uses an older one goes on with it.
    ///
    /// - Returns: The adapter, or `nil` when the model itself has moved.
    public func install() -> Adapter? {
        switch self {
        case .adapter(let adapter): return adapter.snapshot()
        case .all(let full):
            full.install()
            return nil
        }
    }
}
