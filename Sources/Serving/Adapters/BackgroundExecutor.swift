import Dispatch
import Foundation
import Synchronization
import TensorCore

/// Runs the jobs of actors one after the other on a thread of its own. It gets what those that compute leave of the
/// processors, and leaves their pool of threads to them.
final class BackgroundExecutor: SerialExecutor {
    /// Linux's SCHED_IDLE.
    private static let idlePolicy: Int32 = 5

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
            // Of the calling thread alone. With a low priority only it would take slices of milliseconds from one of the threads
            // that compute, and all of them wait for the slowest: steps of 45 ms became steps of 110 to 190.
            var parameters = sched_param()
            _ = sched_setscheduler(0, Self.idlePolicy, &parameters)
        #endif
        while true {
            arrival.wait()
            let job: UnownedJob? = jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            // Loops inside of a loop run serially.
            parallelFor(1) { _ in job?.runSynchronously(on: asUnownedSerialExecutor()) }
        }
    }
}
