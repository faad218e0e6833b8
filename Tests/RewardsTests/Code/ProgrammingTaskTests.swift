import OrderedJSON
import Recipes
import Testing
import WorkerProcesses

@testable import Rewards

@Suite("Generated programming tasks in the sandbox")
struct ProgrammingTaskTests {
    @Test("every kind's own program passes its hidden tests, and one that returns the example's result does not")
    func solutions() async throws {
        let runner = try await CodeRunner()
        var problems: [Problem] = []
        for kind in ProgrammingGenerator.kindNames.kinds {
            var settings = Recipe.Programming()
            settings.kinds = [kind]
            settings.seed = 11
            let generator = try ProgrammingGenerator(settings)
            problems += (0..<4).map { generator.problem(index: $0) }
        }
        let verdicts = try await inOrder(problems, width: runner.width) { problem in
            try await runner.judge(
                problem.solution ?? "", try CodeTask(problem.columns["tests"] ?? .null), limits: Self.limits,
                countsAll: true)
        }
        for (problem, verdict) in zip(problems, verdicts) {
            #expect(
                verdict.kind == .passed && verdict.total == 8, "\(verdict.reason)\n\(problem.prompt)\n\(problem.answer)"
            )
        }
    }

    /// Time enough on a machine that does much else.
    private static let limits = SandboxLimits(seconds: 60)

    @Test("a program that returns one thing for all passes no kind's tests")
    func constants() async throws {
        let runner = try await CodeRunner()
        let problems = try ProgrammingGenerator.kindNames.kinds.map { kind in
            var settings = Recipe.Programming()
            settings.kinds = [kind]
            settings.seed = 12
            return try ProgrammingGenerator(settings).problem(index: 0)
        }
        let verdicts = try await inOrder(problems, width: runner.width) { problem in
            let first = problem.columns["tests"]?["cases"]?.arrayValue?.first?["expected"] ?? .null
            let name = problem.columns["kind"]?.stringValue ?? ""
            let program =
                "import json\ndef \(name)(*args):\n    return json.loads(\(JSONValue.string(first.text()).text()))\n"
            return try await runner.judge(
                program, try CodeTask(problem.columns["tests"] ?? .null), limits: Self.limits, countsAll: true)
        }
        for (problem, verdict) in zip(problems, verdicts) {
            #expect(verdict.kind == .failed && verdict.passed >= 1, "\(problem.prompt): \(verdict)")
        }
    }
}
