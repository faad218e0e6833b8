import Foundation
import OrderedJSON
import Testing
import WorkerProcesses

@testable import Rewards

/// One runner for all tests; `nil` with the reason where this machine can't isolate programs.
private let shared = Task { () -> Result<CodeRunner, any Error> in
    do { return .success(try await CodeRunner()) } catch { return .failure(error) }
}

private let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

/// The lines of a file of the shared corpora.
private func corpus(_ name: String) throws -> [JSONValue] {
    let text = try String(contentsOf: package.appendingPathComponent("../shared/corpora/\(name)"), encoding: .utf8)
    return try text.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
}

private func hasCorpus(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: package.appendingPathComponent("../shared/corpora/\(name)").path)
}

@Suite("Code runner", .serialized)
struct CodeRunnerTests {
    private func judge(
        _ program: String, _ tests: JSONValue, language: String = "python",
        limits: SandboxLimits = SandboxLimits(seconds: 10)
    ) async throws -> CodeVerdict {
        let runner = try await shared.value.get()
        return try await runner.judge(
            "```\(language)\n\(program)\n```\n", try CodeTask(tests), language: language, limits: limits)
    }

    private func asserts(_ tests: String...) -> JSONValue {
        ["type": "assert", "tests": .array(tests.map { .string($0) })]
    }

    @Test("the sandbox of this machine holds in every property; Landlock does so too")
    func probe() async throws {
        for kind in [nil, Sandbox.Kind.landlock] {
            let report = try await SandboxProbe.check(kind)
            #expect(report.holds, "\(report.properties.filter { !$0.holds })")
            #expect(report.properties.count == 10)
        }
    }

    @Test("two runners of one process don't get into each other's way")
    func twoRunners() async throws {
        _ = try await shared.value.get()
        async let first = CodeRunner()
        async let second = CodeRunner()
        let runners = try await [first, second]
        let task = try CodeTask(asserts("assert f(1) == 2"))
        let verdicts = try await inOrder(Array(0..<8), width: 8) { index in
            try await runners[index % 2].judge("def f(x): return x + 1 # \(index)", task)
        }
        #expect(verdicts.allSatisfy { $0.kind == .passed }, "\(verdicts)")
    }

    @Test("without isolation the probe says so, and the runner refuses")
    func refusal() async throws {
        let report = try await SandboxProbe.check(.limits)
        #expect(report.properties.first { $0.name == "files" }?.holds == false)
        var options = CodeRunner.Options()
        options.sandbox = .limits
        await #expect { _ = try await CodeRunner(options) } throws: { error in
            let error = error as? RewardsError
            return error?.code == .sandboxUnavailable && error?.message.contains("--allow-weak-sandbox") == true
        }
    }

    @Test("functions: plain values of every kind go both ways")
    func values() async throws {
        let values = [
            "None", "True", "-3", "10**5000", "1.5", "float('inf')", "'\\ud800é\\n'", "b'\\x00'", "(1, [2])",
            "{'a': {1, 2}}",
            "frozenset([1])", "1+2j", "range(3)", "collections.Counter('aab')", "collections.deque([1])",
            "decimal.Decimal('1.50')", "fractions.Fraction(1, 3)", "datetime.date(2020, 1, 2)", "[[[[]]]] * 3",
        ]
        let tests = values.map { "assert same(\($0)) == \($0) and type(same(\($0))) is type(\($0))" }
        let verdict = try await judge(
            "def same(x): return x",
            [
                "type": "assert", "setup": "import collections, decimal, fractions, datetime",
                "tests": .array(tests.map { .string($0) }),
            ])
        #expect(verdict == CodeVerdict(.passed, passed: values.count, total: values.count))
    }

    @Test("functions: objects, callbacks, generators, exceptions, work in place")
    func objects() async throws {
        let program = """
            class Stack:
                def __init__(self): self.items = []
                def push(self, x): self.items.append(x)
                def pop(self): return self.items.pop()
                def __len__(self): return len(self.items)
            def twice(f, x): return f(f(x))
            def count(n): yield from range(n)
            def bad(): raise KeyError("no")
            def sort(xs): xs.sort()
            """
        let verdict = try await judge(
            program,
            asserts(
                "s = Stack(); s.push(1); s.push(2)\nassert s.pop() == 2 and len(s) == 1 and s.items == [1]",
                "assert twice(lambda x: x * 3, 2) == 18", "assert list(count(3)) == [0, 1, 2]",
                "try:\n    bad()\n    assert False\nexcept KeyError:\n    pass",
                "xs = [3, 1]\nsort(xs)\nassert xs == [1, 3]",
                "import solution\nassert isinstance(Stack(), solution.Stack)"))
        #expect(verdict == CodeVerdict(.passed, passed: 6, total: 6))
    }

    @Test(
        "what a program patches, compares, exits and forges earns nothing",
        arguments: [
            "def f(x): return 0\nimport os\nos._exit(0)", "def f(x): return 0\nraise SystemExit(0)",
            "class E:\n    def __eq__(s, o): return True\n    def __sub__(s, o): return s\n    def __abs__(s): return 0\n"
                + "    def __lt__(s, o): return True\n    def __hash__(s): return 1\n    def __bool__(s): return True\n"
                + "def f(x): return E()",
            "def f(x): return 0\ndef abs(x): return 0\ndef set(x): return 1\ndef all(x): return True",
            "def f(x): raise StopIteration", "import os\ndef f(x): os._exit(0)",
            "import os\nfor n in range(3, 20):\n    try: os.write(n, b'D{\"passed\":9,\"total\":9}\\n' * 9)\n"
                + "    except OSError: pass\ndef f(x): return 0",
            "import builtins, sys\nbuiltins.AssertionError = KeyError\nsys.settrace(lambda *a: None)\ndef f(x): return 0",
            "def f(x):\n    x.clear()\n    return 0", "def f(x): return float('nan')",
            "def f(x):\n    x = []\n    x.append(x)\n    return x",
            "def f(x):\n    for i in range(10**5): x = [x]\n    return x",
            "import itertools\ndef f(x): return itertools.repeat(6)",
        ])
    func attacks(program: String) async throws {
        let verdict = try await judge(
            program,
            asserts(
                "assert f([1, 2, 3]) == 6", "assert abs(f([1]) - 1) < 1e-6", "assert set([f([2])]) == {2}",
                "try:\n    ok = f([4]) == 4\nexcept Exception:\n    ok = False\nassert ok"))
        #expect(verdict.score == 0)
        #expect(verdict.kind != .sandboxError, "\(verdict)")
    }

    @Test("each limit has its verdict")
    func limits() async throws {
        // Only what is to run out of time gets little of it: a busy machine must not make the others do so.
        func limits(_ kind: CodeVerdict.Kind) -> SandboxLimits {
            SandboxLimits(seconds: kind == .timeout ? 1 : 20, memory: 64, outputBytes: 10_000)
        }
        let io: JSONValue = ["type": "stdio", "cases": [["input": "", "output": "1"]]]
        for (program, kind) in [
            ("while True: pass", CodeVerdict.Kind.timeout), ("import time\ntime.sleep(100)", .timeout),
            ("x = []\nwhile True: x.append(bytes(1 << 20) + b'x')", .memory), ("while True: print(1)", .rejected),
            ("import os\nos.kill(os.getpid(), 11)", .crashed), ("raise ValueError", .crashed), ("print(2)", .failed),
            ("print(1)", .passed),
        ] {
            let verdict = try await judge(program, io, limits: limits(kind))
            #expect(verdict.kind == kind, "\(program): \(verdict)")
        }
        let call = asserts("assert f() == 1")
        for (program, kind) in [
            ("def f():\n    while True: pass", CodeVerdict.Kind.timeout), ("def f(): return bytes(1 << 30)", .memory),
            ("import sys\nsys.exit(0)", .crashed), ("def f(): return 2", .failed), ("def g(): return 1", .failed),
            ("def f(:", .failed),
        ] {
            let verdict = try await judge(program, call, limits: limits(kind))
            #expect(verdict.kind == kind, "\(program): \(verdict)")
        }
    }

    @Test("C programs are compiled and run in the sandbox")
    func compiled() async throws {
        let io: JSONValue = ["inputs": ["1 2", "3 4"], "outputs": ["3", "7"]]
        let sum = "#include <stdio.h>\nint main(void) { int a, b; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a + b); }"
        let verdict = try await judge(sum, io, language: "c")
        #expect(verdict.kind == .passed, "\(verdict)")
        let stolen = try await judge("#include \"/etc/passwd\"\nint main(void) {}", io, language: "c")
        #expect(stolen.reason.contains("No such file"))
        #expect(try await judge("x", asserts("assert f() == 1"), language: "c").kind == .sandboxError)
    }

    @Test("the reward scores, keeps broken rows apart, and gives partial credit only if asked")
    func reward() async throws {
        let runner = try await shared.value.get()
        let tests: JSONValue = ["type": "assert", "tests": ["assert f(1) == 1", "assert f(2) == 2"]]
        func sample(_ body: String, _ columns: JSONObject) -> RewardSample {
            RewardSample(prompt: "", completion: "```python\ndef f(x): return \(body)\n```", columns: columns)
        }
        let broken: JSONValue = ["type": "assert", "tests": ["assert f( == 1"]]
        let batch = [
            sample("x", ["tests": tests]), sample("2", ["tests": tests]), sample("x", [:]), sample("x", ["tests": nil]),
            sample("x", ["tests": ["type": "what"]]), sample("x", ["tests": broken]),
        ]
        let result = try await CodeReward(runner).score(batch)
        #expect(result.outcomes[0] == .score(1) && result.outcomes[1] == .score(0))
        #expect(result.outcomes[2] == .notApplicable && result.outcomes[3] == .notApplicable)
        #expect(result.outcomes[4].failure?.boundary == .badRow)
        #expect(
            result.outcomes[5].failure?.boundary == .badRow
                && result.outcomes[5].failure?.detail.contains("test 1 is no Python in line 1") == true)
        #expect(abs((result.logs["verdict/failed"] ?? 0) - 1.0 / 3) < 1e-9)
        let reward = CodeReward(runner)
        #expect(
            try reward.applies(to: ["tests": tests]) && !reward.applies(to: [:]) && !reward.applies(to: ["tests": nil]))
        #expect(throws: RewardFailure.self) { try reward.applies(to: ["tests": ["type": "what"]]) }
        #expect(throws: RewardFailure.self) { try reward.applies(to: ["tests": tests, "language": "c"]) }
        #expect(try !CodeReward(runner, column: nil).applies(to: ["prompt": "x", "answer": "4"]))
        #expect(try await CodeReward(options: .init(), partial: true).score(batch).outcomes[1] == .score(0.5))
    }

    @Test(
        "no attack of the corpus earns a reward, every honest program does",
        .enabled(if: hasCorpus("code-attacks-public.jsonl"), "needs ../shared/corpora/code-attacks-public.jsonl"))
    func attackCorpus() async throws {
        let runner = try await shared.value.get()
        let rows = try corpus("code-attacks-public.jsonl")
        for row in rows {
            // Rows that could hurt the machine if the sandbox failed run by hand, never by the way.
            guard row["danger"]?.stringValue != "high", let tests = row["tests"] else { continue }
            let verdict = try await runner.judge(
                row["completion"]?.stringValue ?? "", try CodeTask(tests), limits: SandboxLimits(seconds: 3))
            #expect(verdict.score == row["expected_reward"]?.intValue, "\(row["id"] ?? .null): \(verdict)")
        }
    }

    @Test(
        "canonical solutions of HumanEval pass and mutants fail (one task in sixteen)",
        .enabled(if: hasCorpus("humaneval.jsonl"), "needs ../shared/corpora/humaneval.jsonl"))
    func humanEval() async throws {
        let runner = try await shared.value.get()
        for (index, row) in try corpus("humaneval.jsonl").enumerated() where index % 16 == 2 {
            let task = try CodeTask(row)
            let right = try await runner.judge(row["canonical_solution"]?.stringValue ?? "", task)
            #expect(right.kind == .passed, "\(row["task_id"] ?? .null): \(right)")
            for mutant in row["mutants"]?.arrayValue ?? [] {
                let wrong = try await runner.judge("```python\n\(mutant["code"]?.stringValue ?? "")\n```", task)
                #expect(wrong.score == 0 && wrong.kind != .sandboxError, "\(row["task_id"] ?? .null): \(wrong)")
            }
        }
    }
}
