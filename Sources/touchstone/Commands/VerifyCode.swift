import ArgumentParser
import Foundation
import OrderedJSON
import Rewards
import WorkerProcesses

/// `touchstone verify code`.
struct VerifyCode: AsyncParsableCommand, RankedCommand {
    static let configuration = CommandConfiguration(
        commandName: "code",
        abstract: "Runs programs against tests in the sandbox.",
        discussion: """
            Reads {"id","completion","tests","limits"?,"language"?} and writes {"id","verdict","passed","total","score",\
            "reason"}, with the verdict passed, failed, timeout, memory, crashed, rejected or sandbox_error, in the order of \
            the input. "tests" is an object with "type": assert, humaneval, stdio, call or pytest, or what MBPP, HumanEval, \
            APPS, KodCode, LeetCode, LiveCodeBench and open-r1 rows hold. The program is the last complete fenced block.

            Example:
              echo '{"id":1,"completion":"```python\\ndef f(x): return x+1\\n```","tests":{"type":"assert","tests":\
            ["assert f(1) == 2"]}}' | touchstone verify code
            """)

    @OptionGroup var input: InputOptions
    @OptionGroup var ranks: RankOptions
    @OptionGroup var messages: MessageOptions

    @Option(help: "Seconds of wall time for each program; default 5, or the line's limits.")
    var timeout: Double?

    @Option(help: "MiB of memory for each program; default 512, or the line's limits.")
    var memory: Int?

    @Option(help: "How many programs run at once; default: one for each processor.")
    var jobs: Int?

    @Option(help: "The kind of sandbox: namespaces, landlock or limits; without it the best one.")
    var sandbox: Sandbox.Kind?

    @Flag(help: "Run all tests of a program even if one fails.")
    var all = false

    @Flag(help: "Run even if the sandbox does not hold; for programs that you trust.")
    var allowWeakSandbox = false

    func validate() throws {
        if let timeout, !(timeout > 0) {
            throw ValidationError("--timeout is \(timeout), expected more than 0 seconds")
        }
        if let memory, memory < 16 { throw ValidationError("--memory is \(memory), expected at least 16 MiB") }
        if let jobs, jobs < 1 { throw ValidationError("--jobs is \(jobs), expected at least 1") }
    }

    func run() async throws {
        try await ranks.run(messages.messages) { group, messages in
            var options = CodeRunner.Options()
            options.sandbox = sandbox
            options.allowsWeakSandbox = allowWeakSandbox
            let processors = ProcessInfo.processInfo.processorCount
            options.width = jobs ?? (group.neighbours > 1 ? max(1, processors / group.neighbours) : nil)
            let runner = try await CodeRunner(options)
            let lines = try SharedLines(path: input.input, group: group, messages: messages, enough: runner.width)
            let countsAll = all
            try await lines.run {
                // Some lines ahead, so that a slow program doesn't keep the others waiting.
                while let taken = try lines.take(wanted: 16 * runner.width) {
                    let block = try taken.compactMap { line -> Request? in
                        do { return try request(line) } catch let error as LineError {
                            lines.fail(line, error)
                            return nil
                        }
                    }
                    let verdicts = try await inOrder(block, width: runner.width) { request in
                        try await runner.judge(
                            request.completion, request.task, language: request.language, limits: request.limits,
                            countsAll: countsAll)
                    }
                    for (request, verdict) in zip(block, verdicts) {
                        lines.put(Self.result(request.id, verdict), index: request.index)
                    }
                    try lines.flush()
                }
            }
            try lines.finish()
        }
    }

    private struct Request: Sendable {
        var id: JSONValue
        var index: Int
        var completion: String
        var task: CodeTask
        var language: String
        var limits: SandboxLimits
    }

    private func request(_ line: InputLine) throws -> Request {
        guard let tests = line.field("tests") else {
            throw LineError("\"tests\" is missing, expected an object such as {\"type\":\"assert\",\"tests\":[…]}")
        }
        let task: CodeTask
        do { task = try CodeTask(tests) } catch { throw LineError("\"tests\": \(error.detail)") }
        let asked = line.field("limits")
        var limits = SandboxLimits()
        limits = SandboxLimits(
            seconds: timeout ?? asked?["time_s"]?.doubleValue ?? limits.seconds,
            memory: memory ?? asked?["memory_mb"]?.intValue ?? limits.memory,
            processes: asked?["processes"]?.intValue ?? limits.processes,
            outputBytes: asked?["output_bytes"]?.intValue ?? limits.outputBytes,
            files: asked?["file_mb"]?.intValue ?? limits.files)
        return Request(
            id: line.id, index: line.index, completion: try line.text("completion"), task: task,
            language: line.field("language")?.stringValue ?? "python", limits: limits)
    }

    private static func result(_ id: JSONValue, _ verdict: CodeVerdict) -> JSONObject {
        [
            "id": id, "verdict": .string(verdict.kind.rawValue), "passed": .integer(verdict.passed),
            "total": .integer(verdict.total), "score": .integer(verdict.score), "reason": .string(verdict.reason),
        ]
    }
}
