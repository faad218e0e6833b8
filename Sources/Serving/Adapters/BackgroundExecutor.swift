import Dispatch
import Foundation
import Synchronization
import TensorCore

/// Runs the jobs of actors one after the other on a thread of its own. It gets less of a busy processor than those that
/// compute, and leaves their pool of threads to them.
final class BackgroundExecutor: SerialExecutor {
    /// On a busy processor a thread that computes gets three times as much.
    private static let niceness: Int32 = 5

    private let jobs = Mutex<[UnownedJob]>([])
    private let arrival = DispatchSemaphore(value: 0)

    /// An executor at work. Its thread lasts as long as the process.
    init(name: String) {
        let thread = Thread { [self] in work() }
        thread.name = name
        thread.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        arrival.signal()
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private func work() {
        #if os(Linux)
            // Of the calling thread alone. Where it is not allowed, the thread is as any other.
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
        #endif
        while true {
            arrival.wait()
            let job: UnownedJob? = jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            // Loops inside of a loop run serially.
            parallelFor(1) { _ in job?.runSynchronously(on: asUnownedSerialExecutor()) }
        }
    }
}
