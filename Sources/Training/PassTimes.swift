import TensorCore

/// Seconds of forward and backward passes.
public struct PassTimes: Sendable, Hashable {
    /// Forward passes and the objective.
    public internal(set) var forward = 0.0
    /// Backward passes, with what they compute again.
    public internal(set) var backward = 0.0

    /// The mean of so many.
    static func / (times: PassTimes, count: Int) -> PassTimes {
        PassTimes(forward: times.forward / Double(count), backward: times.backward / Double(count))
    }

    /// The sum of two.
    static func + (left: PassTimes, right: PassTimes) -> PassTimes {
        PassTimes(forward: left.forward + right.forward, backward: left.backward + right.backward)
    }
}

/// Measures how long the compute threads had nothing to do.
struct IdleWatch {
    private let watch = Stopwatch()
    private let busy = ComputeDevice.busySeconds

    /// Seconds so far in which the threads were idle, as their mean.
    var seconds: Double {
        max(0, watch.seconds - (ComputeDevice.busySeconds - busy) / Double(ComputeDevice.threadCount))
    }
}
