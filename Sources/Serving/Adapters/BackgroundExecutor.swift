import Dispatch
import Foundation
import Synchronization
import TensorCore

/// Runs the jobs of an actor one after the other on a thread of its own. Their long work is done between the steps of a batch, and
/// leaves the pool of threads to those that compute.
final class BackgroundExecutor: SerialExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var hasEnded = false
    }

    private let breaks: StepBreaks
    private let state = Mutex(State())
    private let arrival = DispatchSemaphore(value: 0)

    /// An executor at work, until `end()`.
    init(name: String, breaks: StepBreaks) {
        self.breaks = breaks
        let thread = Thread { [self] in work() }
        thread.name = name
        thread.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs.append(job) }
        arrival.signal()
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// Ends the thread when its jobs have run: nobody has more.
    func end() {
        state.withLock { $0.hasEnded = true }
        arrival.signal()
    }

    private func work() {
        while true {
            arrival.wait()
            let (job, hasEnded) = state.withLock { state in
                (state.jobs.isEmpty ? nil : state.jobs.removeFirst(), state.hasEnded)
            }
            guard let job else {
                if hasEnded { return }
                continue
            }
            ComputeDevice.alone(pausing: breaks.pause) { job.runSynchronously(on: asUnownedSerialExecutor()) }
            breaks.leave()
        }
    }
}
