import OrderedJSON
import Synchronization
import WorkerProcesses

/// Runs programs against tests in a sandbox.
///
/// Functions are tested from outside: the tests run in a process of their own, which never loads the program; calls and
/// results cross a pipe as plain typed values. So the program can patch, exit, print and compare as it likes: it decides
/// nothing but the values that it returns.
///
///     let runner = try await CodeRunner()
///     let task = try CodeTask(["type": "assert", "tests": ["assert double(2) == 4"]])
///     let verdict = try await runner.judge(completion, task)
public final class CodeRunner: Sendable {
    /// How a runner is set up.
    public struct Options: Sendable {
        /// The kind of sandbox; `nil` for the best that this machine has.
        public var sandbox: Sandbox.Kind?
        /// Run even if the sandbox does not hold what it should; for trusted programs only.
        public var allowsWeakSandbox = false
        /// How many programs run at once; `nil` for the number of processors.
        public var width: Int?
        /// The languages besides Python.
        public var languages: [CodeLanguage] = [.c, .swift]

        /// The usual options.
        public init() {}
    }

    let sandbox: Sandbox
    let python: CodeLanguage
    let options: Options
    /// How many programs run at once.
    public let width: Int
    private let turns: FairQueue<Void>
    private let cache = VerdictCache()

    /// A runner, after trying that the sandbox holds.
    ///
    /// - Throws: `RewardsError` (`sandboxUnavailable`) if it does not and `allowsWeakSandbox` is not set.
    public init(_ options: Options = Options()) async throws {
        self.options = options
        python = try await .python()
        let sandbox = try Sandbox(options.sandbox)
        let report = await SandboxProbe(sandbox, python: python).essentials()
        if !report.holds, options.sandbox == nil, sandbox.kind == .namespaces {
            // Containers often forbid namespaces.
            let other = Sandbox(sandbox, kind: .landlock)
            let second = await SandboxProbe(other, python: python).essentials()
            self.sandbox = second.holds ? other : sandbox
            try Self.require(second.holds ? second : report, options)
        } else {
            self.sandbox = sandbox
            try Self.require(report, options)
        }
        width = max(1, options.width ?? Processors.count)
        turns = FairQueue([Void](repeating: (), count: width))
    }

    private static func require(_ report: SandboxReport, _ options: Options) throws(RewardsError) {
        guard !report.holds, !options.allowsWeakSandbox else { return }
        let faults = report.properties.filter { !$0.holds }.map { "\($0.name): \($0.finding)" }.joined(separator: "; ")
        throw RewardsError(
            .sandboxUnavailable,
            "sandbox (\(report.kind.rawValue)): this machine does not isolate programs well enough: \(faults). "
                + "See 'touchstone sandbox check'; --allow-weak-sandbox (recipe: allow_weak_sandbox: true) runs trusted "
                + "programs all the same")
    }

    /// The kind of sandbox in which programs run.
    public var kind: Sandbox.Kind { sandbox.kind }

    /// Judges the program of a completion.
    ///
    /// - Parameter language: Its name; `python`, `c`, `swift`, or one of the options' languages.
    /// - Parameter countsAll: Run all tests even if one failed, so that `passed` tells how many pass.
    /// - Throws: `CancellationError` only.
    public func judge(
        _ completion: String, _ task: CodeTask, language: String = "python", limits: SandboxLimits = SandboxLimits(),
        countsAll: Bool = false
    ) async throws -> CodeVerdict {
        guard let language = ([python] + options.languages).first(where: { $0.name == language.lowercased() }) else {
            let known = ([python] + options.languages).map(\.name).joined(separator: ", ")
            return CodeVerdict(
                .sandboxError, passed: 0, total: task.count,
                reason: "no runner for the language '\(language)'; there are \(known)")
        }
        guard let program = CodeExtraction.program(in: completion, language: language) else {
            return CodeVerdict(
                .rejected, passed: 0, total: task.count, reason: "no complete \(language.name) program in a fence")
        }
        guard program.utf8.count <= 1 << 20 else {
            return CodeVerdict(.rejected, passed: 0, total: task.count, reason: "the program is longer than 1 MiB")
        }
        let job = CodeJob(program: program, task: task, language: language, limits: limits, countsAll: countsAll)
        if let known = cache[job] { return known }
        try await turns.take()
        defer { turns.giveBack(()) }
        var verdict = try await attempt(job)
        // The sandbox's own faults, such as a machine without breath, are not the program's: once more.
        if verdict.kind == .sandboxError, !verdict.hasBrokenTests { verdict = try await attempt(job) }
        // What depends on the machine's mood is tried again next time.
        if verdict.hasBrokenTests || ![.sandboxError, .timeout].contains(verdict.kind) { cache[job] = verdict }
        return verdict
    }

    /// One run; whatever goes wrong besides the program is a verdict too.
    private func attempt(_ job: CodeJob) async throws -> CodeVerdict {
        do {
            switch job.task.tests {
            case .functions(let spec):
                guard job.language == python else {
                    return CodeVerdict(
                        .sandboxError, passed: 0, total: job.task.count,
                        reason:
                            "functions of \(job.language.name) programs can't be tested, only their input and output")
                }
                return try await FunctionRun(self, job).judge(spec)
            case .programs(let cases, let comparison):
                return try await ProgramRun(self, job).judge(cases, comparison)
            }
        } catch let error as CancellationError {
            throw error
        } catch {
            return CodeVerdict(.sandboxError, passed: 0, total: job.task.count, reason: "\(error)")
        }
    }
}

/// One program with all that its verdict depends on.
struct CodeJob: Hashable, Sendable {
    let program: String
    let task: CodeTask
    let language: CodeLanguage
    let limits: SandboxLimits
    let countsAll: Bool
}

/// How many processors this process may use.
enum Processors {
    static let count: Int = {
        let allowed = SystemFile.text("/proc/self/status")?.split(separator: "\n")
            .first { $0.hasPrefix("Cpus_allowed:") }?.split(separator: "\t").last
        let bits = allowed?.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) } ?? 1
        return max(1, bits)
    }()
}
