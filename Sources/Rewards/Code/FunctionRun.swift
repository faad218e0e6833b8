import OrderedJSON
import WorkerProcesses

/// One program whose functions are called by tests in another process.
struct FunctionRun {
    /// Why a program answers no more.
    private struct Gone {
        var kind: CodeVerdict.Kind
        var reason: String
    }

    private let runner: CodeRunner
    private let job: CodeJob
    private var limits: SandboxLimits { job.limits }
    /// The time that the tests' own work may take beyond the program's.
    private static let testerGrace = Duration.seconds(1.5)
    /// The time for starting an interpreter in a sandbox.
    private static let startTime = Duration.seconds(20)

    init(_ runner: CodeRunner, _ job: CodeJob) { (self.runner, self.job) = (runner, job) }

    /// The verdict on the program.
    ///
    /// - Parameter spec: The tests, as the tester reads them.
    func judge(_ spec: JSONObject) async throws -> CodeVerdict {
        let program = try enter(PythonSources.candidate, limits)
        let tests: SandboxStay
        do {
            tests = try enter(
                PythonSources.tester,
                SandboxLimits(seconds: limits.seconds + 30, memory: max(1024, 2 * limits.memory), processes: 8))
        } catch {
            await program.leave()
            throw error
        }
        let candidate = LineWorker(program.command, maximumReplyBytes: max(limits.outputBytes, 1 << 20) * 16)
        let tester = LineWorker(tests.command, maximumReplyBytes: 1 << 26)
        var result: Result<CodeVerdict, any Error>
        do {
            result = .success(try await converse(candidate, tester, spec))
        } catch {
            result = .failure(error)
        }
        async let first: Void = candidate.stop(grace: .zero)
        async let second: Void = tester.stop(grace: .zero)
        _ = await (first, second)
        async let ranOut = program.leave()
        async let left = tests.leave()
        let (memoryEnded, _) = await (ranOut, left)
        if memoryEnded, case .success(var verdict) = result, verdict.kind != .passed {
            verdict.kind = .memory
            verdict.reason = "more than \(limits.memory) MiB of memory"
            result = .success(verdict)
        }
        return try result.get()
    }

    private func enter(_ script: String, _ limits: SandboxLimits) throws -> SandboxStay {
        let interpreter = runner.python.run[0]
        return try runner.sandbox.enter(
            [interpreter, "-I", "-S", "-X", "utf8", "-c", script], readable: runner.python.readable, limits: limits)
    }

    /// Loads the program, then carries calls and answers between tests and program.
    private func converse(
        _ candidate: LineWorker, _ tester: LineWorker, _ spec: JSONObject
    ) async throws -> CodeVerdict {
        var task = spec
        task["all"] = .bool(job.countsAll)
        async let ready = candidate.ask(#"{"id":0,"op":"names"}"#, timeout: Self.startTime)
        async let begun = tester.ask(JSONValue.object(task).text(), timeout: Self.startTime)
        _ = try await ready
        let deadline = ContinuousClock.now + limits.wallTime
        let (prelude, source) = job.task.source(of: job.program)
        let load: JSONObject = [
            "id": 0, "op": "load", "prelude": .array(prelude.map { .string($0) }), "source": .string(source),
        ]
        var gone = try await self.load(candidate, JSONValue.object(load).text(), deadline)
        var line = try await begun
        while line.utf8.first == UInt8(ascii: "C") {
            var answer = "X" + (gone?.reason ?? "")
            if gone == nil {
                do {
                    answer = "R" + (try await self.ask(candidate, String(line.dropFirst()), deadline))
                } catch let error as WorkerError {
                    gone = describe(error)
                    answer = "X" + (gone?.reason ?? "")
                }
            }
            do {
                line = try await tester.ask(
                    answer.filter { $0 != "\n" }, timeout: Self.left(deadline) + Self.testerGrace)
            } catch let error as WorkerError {
                return testerFault(error, gone)
            }
        }
        return verdict(line, gone)
    }

    private static func left(_ deadline: ContinuousClock.Instant) -> Duration { max(deadline - .now, .zero) }

    /// Asks the program, in the time that is left.
    private func ask(_ candidate: LineWorker, _ line: String, _ deadline: ContinuousClock.Instant) async throws
        -> String
    {
        let reply = try await candidate.ask(line, timeout: Self.left(deadline))
        // A second process knows nothing of the program.
        guard candidate.starts == 1 else { throw WorkerError(.died(.unknown), "the program closed its pipes") }
        return reply
    }

    /// Runs the program's own statements. Returns why it can't be called, if so.
    private func load(_ candidate: LineWorker, _ line: String, _ deadline: ContinuousClock.Instant) async throws
        -> Gone?
    {
        do {
            let reply = try await ask(candidate, line, deadline)
            guard let answer = try? JSONValue(parsing: reply) else {
                return Gone(kind: .crashed, reason: "the program wrote to the runner's pipe")
            }
            guard let names = answer["raise"]?.arrayValue else { return nil }
            let name = names.first?.stringValue ?? "error"
            let kind: CodeVerdict.Kind = name == "MemoryError" ? .memory : name == "SystemExit" ? .crashed : .failed
            let place = answer["line"]?.intValue.map { " (line \($0))" } ?? ""
            return Gone(
                kind: kind, reason: "\(name) while the program was loaded\(place): \(answer["text"]?.stringValue ?? "")"
            )
        } catch let error as WorkerError {
            return describe(error)
        }
    }

    private func describe(_ error: WorkerError) -> Gone {
        switch error.code {
        case .timeout: Gone(kind: .timeout, reason: "not done within \(limits.seconds) s")
        case .died(let end): Gone(kind: .crashed, reason: "the program ended (\(end)) before the tests were done")
        case .floodedOutput: Gone(kind: .rejected, reason: "the program's answer is too large")
        default: Gone(kind: .crashed, reason: "the program broke its pipe to the tests")
        }
    }

    /// The tests can only be broken by the values that they got.
    private func testerFault(_ error: WorkerError, _ gone: Gone?) -> CodeVerdict {
        if let gone { return CodeVerdict(gone.kind, passed: 0, total: job.task.count, reason: gone.reason) }
        if error.code == .timeout {
            return CodeVerdict(
                .timeout, passed: 0, total: job.task.count, reason: "the tests were not done within \(limits.seconds) s"
            )
        }
        return CodeVerdict(
            .failed, passed: 0, total: job.task.count,
            reason: "the tests ended on the program's values: \(error.message)")
    }

    private func verdict(_ line: String, _ gone: Gone?) -> CodeVerdict {
        guard line.utf8.first == UInt8(ascii: "D"), let result = try? JSONValue(parsing: String(line.dropFirst())),
            let passed = result["passed"]?.intValue, let total = result["total"]?.intValue
        else {
            return CodeVerdict(
                .sandboxError, passed: 0, total: job.task.count, reason: "the tests wrote '\(line.prefix(60))'")
        }
        let reason = result["reason"]?.stringValue ?? ""
        if result["unreadable"] == true {
            var verdict = CodeVerdict(.sandboxError, passed: 0, total: total, reason: reason)
            verdict.hasBrokenTests = true
            return verdict
        }
        if let gone { return CodeVerdict(gone.kind, passed: passed, total: total, reason: gone.reason) }
        if passed == total, total > 0, result["broken"] == nil, result["gone"] == nil {
            return CodeVerdict(.passed, passed: passed, total: total)
        }
        return CodeVerdict(
            reason.contains(": MemoryError") ? .memory : .failed, passed: min(passed, total), total: total,
            reason: reason)
    }
}
