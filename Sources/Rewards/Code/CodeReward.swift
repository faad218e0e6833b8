import OrderedJSON
import Synchronization
import WorkerProcesses

/// 1 if a completion's program passes the tests of its data row, else 0.
public struct CodeReward: RewardFunction {
    /// The name in the metrics.
    public let name: String
    /// The column that holds the tests; `nil` if the row itself is what a data set writes.
    public let column: String?
    /// The language of rows that don't name one in their column `language`.
    public let language: String
    /// What each program may use.
    public let limits: SandboxLimits
    /// Whether a program that passes some tests earns their share.
    public let partial: Bool
    private let source: RunnerSource

    /// A code reward.
    ///
    public init(
        _ runner: CodeRunner, name: String = "code", column: String? = "tests", language: String = "python",
        limits: SandboxLimits = SandboxLimits(), partial: Bool = false
    ) {
        self.init(.init(runner), name, column, language, limits, partial)
    }

    /// A code reward that sets up its own runner, and tries the sandbox, when it scores for the first time.
    public init(
        options: CodeRunner.Options, name: String = "code", column: String? = "tests", language: String = "python",
        limits: SandboxLimits = SandboxLimits(), partial: Bool = false
    ) {
        self.init(.init(options), name, column, language, limits, partial)
    }

    private init(
        _ source: RunnerSource, _ name: String, _ column: String?, _ language: String, _ limits: SandboxLimits,
        _ partial: Bool
    ) {
        self.source = source
        self.name = name
        self.column = column
        self.language = language
        self.limits = limits
        self.partial = partial
    }

    /// 1, 0, or an outcome without a score for each sample; the programs run side by side.
    public func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        let runner = try await source.runner()
        let verdicts = try await inOrder(batch, width: runner.width) { try await self.judge($0, runner) }
        var logs: [String: Double] = [:]
        let judged = verdicts.compactMap { if case .success(let verdict) = $0 { verdict } else { nil } }
        for kind in CodeVerdict.Kind.allCases where !judged.isEmpty && kind != .passed {
            logs[kind.rawValue] = Double(judged.count { $0.kind == kind }) / Double(judged.count)
        }
        return RewardBatch(verdicts.map(outcome), logs: logs)
    }

    private func judge(_ sample: RewardSample, _ runner: CodeRunner) async throws -> Result<CodeVerdict, RewardFailure>
    {
        let task: CodeTask
        do throws(RewardFailure) {
            if let column {
                guard let tests = sample.columns[column], !tests.isNull else {
                    throw RewardFailure(.badRow, "the row has no column '\(column)'")
                }
                task = try CodeTask(tests)
            } else {
                task = try CodeTask(row: sample.columns)
            }
        } catch {
            return .failure(error)
        }
        return .success(
            try await runner.judge(
                ThinkTags.completion(of: sample), task, language: sample.columns["language"]?.stringValue ?? language,
                limits: limits, countsAll: partial))
    }

    private func outcome(_ verdict: Result<CodeVerdict, RewardFailure>) -> RewardOutcome {
        switch verdict {
        case .failure(let failure): .failed(failure)
        case .success(let verdict) where verdict.kind == .sandboxError:
            .failed(RewardFailure(.unavailable, verdict.reason))
        case .success(let verdict) where partial && verdict.total > 0:
            .score(Double(verdict.passed) / Double(verdict.total))
        case .success(let verdict): .score(Double(verdict.score))
        }
    }
}

/// A runner, made when it is first needed.
private final class RunnerSource: Sendable {
    private let task: Mutex<Task<CodeRunner, any Error>?>
    private let options: CodeRunner.Options

    init(_ runner: CodeRunner) {
        options = runner.options
        task = Mutex(Task { runner })
    }

    init(_ options: CodeRunner.Options) {
        self.options = options
        task = Mutex(nil)
    }

    /// The runner; the same for everyone who asks.
    func runner() async throws -> CodeRunner {
        let task = task.withLock { task in
            let made = task ?? Task { [options] in try await CodeRunner(options) }
            task = made
            return made
        }
        return try await task.value
    }
}
