import WorkerProcesses

/// One program that is run on inputs.
struct ProgramRun {
    private let runner: CodeRunner
    private let job: CodeJob
    private var language: CodeLanguage { job.language }
    private var limits: SandboxLimits { job.limits }

    init(_ runner: CodeRunner, _ job: CodeJob) { (self.runner, self.job) = (runner, job) }

    /// The verdict on the program.
    func judge(_ cases: [CodeTask.ProgramCase], _ comparison: OutputComparison) async throws -> CodeVerdict {
        var bytes = Array(job.program.utf8)
        if language.compile != nil {
            switch try await compiled(bytes, count: cases.count) {
            case .program(let finished): bytes = finished
            case .refused(let verdict): return verdict
            }
        }
        var passed = 0
        var first: CodeVerdict?
        for (number, one) in cases.enumerated() {
            let fault = try await run(bytes, one, comparison, "case \(number + 1)", cases.count)
            if let fault {
                first = first ?? fault
                // After a time-out the others would cost as much again.
                if !job.countsAll || fault.kind == .timeout { break }
            } else {
                passed += 1
            }
        }
        guard var verdict = first else { return CodeVerdict(.passed, passed: passed, total: cases.count) }
        verdict.passed = passed
        return verdict
    }

    /// Runs the program on one input. Returns what is wrong, or `nil`.
    private func run(
        _ bytes: [UInt8], _ one: CodeTask.ProgramCase, _ comparison: OutputComparison, _ label: String, _ total: Int
    ) async throws -> CodeVerdict? {
        let name = language.compile == nil ? language.fileName : "program"
        let stay = try runner.sandbox.enter(
            language.run, readable: language.readable, files: [(name, bytes)], limits: limits)
        let result: RunResult
        do {
            result = try await stay.run(input: Array(one.input.utf8), limits: limits)
        } catch {
            await stay.leave()
            throw error
        }
        let ranOut = await stay.leave()
        func wrong(_ kind: CodeVerdict.Kind, _ reason: String) -> CodeVerdict {
            CodeVerdict(kind, passed: 0, total: total, reason: "\(label): \(reason)")
        }
        if ranOut { return wrong(.memory, "more than \(limits.memory) MiB of memory") }
        switch result.outcome {
        case .timedOut: return wrong(.timeout, "not done within \(limits.seconds) s")
        case .flooded: return wrong(.rejected, "more than \(limits.outputBytes) bytes of output")
        case .ended: break
        }
        guard result.end.isSuccess else {
            let message = Self.lastLine(result.errorOutput)
            // Without the line that the launcher writes last, the program was never begun.
            guard result.errorOutput.starts(with: "touchstone-confine: start\n".utf8) else {
                return wrong(.sandboxError, message)
            }
            return wrong(message.hasPrefix("MemoryError") ? .memory : .crashed, "\(result.end): \(message)")
        }
        return comparison.accepts(result.output, expected: one.output)
            ? nil : wrong(.failed, "another output was expected")
    }

    /// What a compiler made of a source.
    private enum Build {
        case program([UInt8])
        case refused(CodeVerdict)
    }

    /// Compiles the program in a sandbox of its own.
    private func compiled(_ source: [UInt8], count: Int) async throws -> Build {
        let allowed = SandboxLimits(
            seconds: language.compileSeconds, memory: language.compileMemory, processes: 64, outputBytes: 1 << 26,
            files: 256)
        let stay = try runner.sandbox.enter(
            language.compile ?? [], readable: language.readable, files: [(language.fileName, source)], limits: allowed)
        let result: RunResult
        do {
            result = try await stay.run(input: [], limits: allowed)
        } catch {
            await stay.leave()
            throw error
        }
        await stay.leave()
        guard result.outcome == .ended, result.end.isSuccess, !result.output.isEmpty else {
            let lines = String(decoding: result.errorOutput, as: UTF8.self).split(whereSeparator: \.isNewline)
            let message = lines.first { $0.contains("error") } ?? lines.last ?? ""
            let reason =
                "the program can't be compiled: \(result.outcome == .ended ? String(message) : "\(result.outcome)")"
            return .refused(CodeVerdict(.failed, passed: 0, total: count, reason: reason))
        }
        return .program(result.output)
    }

    private static func lastLine(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).last.map { String($0.prefix(300)) }
            ?? ""
    }
}
