import ArgumentParser
import Foundation
import MathAlgebra
import Rewards
import WorkerProcesses

/// `touchstone math-worker`: a process that answers algebra questions for `verify math` and the `math` reward.
///
/// It is a process of its own because the algebra library ends its process when it runs out of memory, and because a
/// computation in it can't be stopped in any other way.
struct MathWorker: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "math-worker", abstract: "Answers algebra questions line by line.", shouldDisplay: false)

    /// Most memory of a worker, in bytes of address space.
    private static let maximumMemory: rlim_t = 2 << 30

    func run() throws {
        var limit = rlimit(rlim_cur: Self.maximumMemory, rlim_max: Self.maximumMemory)
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        // A crash here is an answer, not a fault to be looked into.
        var noCore = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &noCore)
        while let line = readLine() {
            try StandardOutput.write(AlgebraWorker.answer(to: line) + "\n")
        }
    }
}

extension MathVerifier {
    /// The worker processes of this process: every math reward of a run asks the same ones. They are started when they are
    /// first needed.
    private static let workers = MathWorkers(WorkerCommand("/proc/self/exe", ["math-worker"]), size: 2)

    /// The verifier of the program: algebra is asked of this program again, in worker processes.
    static func withWorkers(timeLimit: Duration = .milliseconds(100)) -> MathVerifier {
        MathVerifier(algebra: workers, timeLimit: timeLimit)
    }
}
