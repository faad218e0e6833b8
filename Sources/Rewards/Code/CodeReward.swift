import OrderedJSON
import Synchronization
import WorkerProcesses

/// 1 if a completion's program passes the tests of its data row, else 0.
///
/// It does not apply to rows without tests. Tests that can't be read are the row's fault, not the program's: they are told
/// before a run begins (`RowReading`), and a sample that meets them all the same is failed, never scored 0.
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
        let judged = verdicts.compactMap { if case .success(let verdict?) = $0 { verdict } else { nil } }
        for kind in CodeVerdict.Kind.allCases where !judged.isEmpty && kind != .passed {
            logs["verdict/\(kind.rawValue)"] = Double(judged.count { $0.kind == kind }) / Double(judged.count)
        }
        return RewardBatch(verdicts.map(outcome), logs: logs)
    }

    /// The verdict on a sample; `nil` if its row has no tests.
    private func judge(
        _ sample: RewardSample, _ runner: CodeRunner
    ) async throws -> Result<CodeVerdict?, RewardFailure> {
        let task: CodeTask?
        do throws(RewardFailure) { task = try self.task(of: sample.columns) } catch { return .failure(error) }
        guard let task else { return .success(nil) }
        return .success(
            try await runner.judge(
                ThinkTags.completion(of: sample), task, language: language(of: sample.columns), limits: limits,
                countsAll: partial))
    }

    /// The tests of a row; `nil` if it has none.
    private func task(of columns: JSONObject) throws(RewardFailure) -> CodeTask? {
        guard let column else { return CodeTask.hasTests(columns) ? try CodeTask(row: columns) : nil }
        guard let tests = columns[column], !tests.isNull else { return nil }
        return try CodeTask(tests)
    }

    private func language(of columns: JSONObject) -> String { columns["language"]?.stringValue ?? language }

    private func outcome(_ verdict: Result<CodeVerdict?, RewardFailure>) -> RewardOutcome {
        switch verdict {
        case .failure(let failure): .failed(failure)
        case .success(nil): .notApplicable
        case .success(let verdict?): outcome(verdict)
        }
    }

    private func outcome(_ verdict: CodeVerdict) -> RewardOutcome {
        switch verdict {
        case _ where verdict.hasBrokenTests: .failed(RewardFailure(.badRow, verdict.reason))
        case _ where verdict.kind == .sandboxError: .failed(RewardFailure(.unavailable, verdict.reason))
        case _ where partial && verdict.total > 0: .score(Double(verdict.passed) / Double(verdict.total))
        default: .score(Double(verdict.score))
        }
    }
}

extension CodeReward: RowReading {
    /// Whether the row has tests.
    ///
    /// - Throws: `RewardFailure` (`badRow`) if they can't be read, or call functions of a language that can't be asked.
    public func applies(to columns: JSONObject) throws(RewardFailure) -> Bool {
        guard let task = try task(of: columns) else { return false }
        let language = language(of: columns)
        if task.callsFunctions, language.lowercased() != "python" {
            throw RewardFailure(
                .badRow,
                "the tests call functions, which only Python programs can be asked for; the row's language is "
                    + "'\(language.prefix(40))'. Give input and output (type stdio) instead")
        }
        return true
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
