import Synchronization

/// Verdicts on programs that were judged before: in a group many completions hold the same program.
///
/// Keys are compared as a whole, so no two programs can be taken for each other.
final class VerdictCache: Sendable {
    private struct State {
        var verdicts: [CodeJob: CodeVerdict] = [:]
        var order: [CodeJob] = []
        var bytes = 0
    }

    /// The bytes of programs that are kept.
    private static let capacity = 32 << 20
    private let state = Mutex(State())

    subscript(job: CodeJob) -> CodeVerdict? {
        get { state.withLock { $0.verdicts[job] } }
        set {
            guard let newValue else { return }
            state.withLock { state in
                guard state.verdicts.updateValue(newValue, forKey: job) == nil else { return }
                state.order.append(job)
                state.bytes += job.program.utf8.count + 512
                while state.bytes > Self.capacity, let oldest = state.order.first {
                    state.order.removeFirst()
                    state.verdicts[oldest] = nil
                    state.bytes -= oldest.program.utf8.count + 512
                }
            }
        }
    }
}
