/// Where an engine's time went, in seconds.
///
/// A step that computes pieces of prompts beside sequences that decode is divided by their rows.
public struct EngineTimes: Sendable, Hashable {
    /// Computing prompts.
    public private(set) var prefill = 0.0
    /// Computing and choosing tokens.
    public private(set) var decode = 0.0

    /// No time.
    public init() {}

    mutating func add(_ seconds: Double, _ work: StepBatch) {
        let rows = work.batch.ids.count
        let decoding = seconds * Double(work.decoding.count) / Double(max(rows, 1))
        decode += decoding
        prefill += seconds - decoding
    }

    /// The time from an earlier moment of the same engine.
    public func since(_ earlier: EngineTimes) -> EngineTimes {
        var times = self
        times.prefill -= earlier.prefill
        times.decode -= earlier.decode
        return times
    }
}
