import Synchronization

/// A wish that a run may end, set from anywhere, for example from a signal handler's thread.
///
/// The trainer looks at it between tokens, micro-batches and steps. A step counts as a whole or not at all.
public final class StopSignal: Sendable {
    private let flag = Atomic<Bool>(false)

    /// A signal that is not set.
    public init() {}

    /// Whether a stop was asked for.
    public var isSet: Bool { flag.load(ordering: .relaxed) }

    /// Asks for a stop.
    public func set() { flag.store(true, ordering: .relaxed) }

    /// Throws if a stop was asked for.
    func check() throws(TrainingError) {
        if isSet { throw TrainingError.interrupted }
    }
}
