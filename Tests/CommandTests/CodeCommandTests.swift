import FileTesting
import Foundation
import OrderedJSON
import Testing

/// Whether this machine isolates programs, which the commands themselves say.
private let holds = (try? Program.run(["sandbox", "check"]).status) == 0

private func fenced(_ program: String) -> String { "Here it is:\n```python\n\(program)\n```\n" }

/// A program with the tests of each type that it passes.
private let double = fenced("def double(x):\n    return 2 * x")
private let typesOfTests: [JSONValue] = [
    ["type": "assert", "tests": ["assert double(2) == 4", "assert double('a') == 'aa'"]],
    [
        "type": "humaneval", "entry_point": "double", "prompt": "def double(x):\n",
        "test": "def check(candidate):\n    assert candidate(3) == 6\n",
    ],
    [
        "type": "call", "fn_name": "double",
        "cases": [["args": [4], "expected": 8], ["args": [[1]], "expected": [1, 1]], ["args": [0], "expected": 0]],
    ],
    ["type": "pytest", "test": "from solution import double\n\ndef test_it():\n    assert double(5) == 10\n"],
    ["type": "stdio", "cases": [["input": "1 2\n", "output": "3\n"], ["input": "4 5\n", "output": "9"]]],
]

@Suite("Code commands", .enabled(if: holds, "this machine does not isolate programs"))
struct CodeCommandTests {
    @Test("verify code gives the contract's lines for each type of tests", arguments: typesOfTests.indices)
    func types(index: Int) throws {
        let tests = typesOfTests[index]
        let isProgram = tests["type"] == "stdio"
        let right = isProgram ? fenced("print(sum(map(int, input().split())))") : double
        let wrong = isProgram ? fenced("print(3)") : fenced("def double(x):\n    return 5")
        let total = JSONValue.integer([2, 1, 3, 1, 2][index])
        let lines = try Program.lines(
            ["verify", "code", "--all"],
            [
                ["id": "right", "completion": .string(right), "tests": tests],
                ["completion": .string(wrong), "tests": tests],
                ["id": 2, "completion": "I can't.", "tests": tests],
            ])
        #expect(
            lines.first == [
                "id": "right", "verdict": "passed", "passed": total, "total": total, "score": 1, "reason": "",
            ])
        #expect(lines[1]["id"] == 1 && lines[1]["verdict"] == "failed" && lines[1]["score"] == 0, "\(lines[1])")
        #expect(lines[1]["passed"] == (isProgram ? 1 : 0) && lines[1]["total"] == total, "\(lines[1])")
        #expect(lines[2]["id"] == 2 && lines[2]["score"] == 0 && lines[2]["reason"]?.stringValue?.isEmpty == false)
        #expect(lines[2].objectValue?.keys == ["id", "verdict", "passed", "total", "score", "reason"])
    }

    @Test("limits of a line and of the command end a program, each with its verdict")
    func limits() throws {
        func line(_ id: String, _ body: String, _ limits: JSONValue = nil) -> JSONValue {
            [
                "id": .string(id), "completion": .string(fenced("def f():\n    \(body)")),
                "tests": ["type": "assert", "tests": ["assert f() == 1"]], "limits": limits,
            ]
        }
        let verdicts = try Program.lines(
            ["verify", "code"],
            [
                line("slow", "while True: pass", ["time_s": 0.5]),
                line("large", "return len(bytearray(300 << 20))", ["memory_mb": 128]),
                line("exit", "import os; os._exit(0)"),
                line("none", "return 1"),
            ]
        ).map { $0["verdict"]?.stringValue }
        #expect(verdicts == ["timeout", "memory", "crashed", "passed"])
        let start = ContinuousClock.now
        let slow = try Program.run(
            ["verify", "code", "--timeout", "0.5"], input: line("slow", "while True: pass").text() + "\n")
        #expect(try slow.lines.first?["verdict"] == "timeout")
        #expect(ContinuousClock.now - start < .seconds(30))
        let small = try Program.run(
            ["verify", "code", "--memory", "64"], input: line("large", "return len(bytearray(200 << 20))").text() + "\n"
        )
        #expect(try small.lines.first?["verdict"] == "memory")
    }

    @Test("garbage lines are told with their numbers; the others are judged all the same")
    func garbage() throws {
        let good =
            #"{"id":"good","completion":"def f(): return 1","tests":{"type":"assert","tests":["assert f() == 1"]}}"#
        let outcome = try Program.run(
            ["verify", "code"],
            input: """
                {"id":"no tests","completion":"x"}
                nonsense
                {"id":"no completion","tests":{"type":"assert","tests":["assert 1"]}}
                {"id":"odd","completion":"x","tests":{"type":"asserts","tests":["assert 1"]}}
                {"id":"empty","completion":"x","tests":{"type":"call","fn_name":"f","cases":[]}}
                {"id":"number","completion":"x","tests":5}
                \(good)
                {"id":"broken","completion":"def f(): return 1","tests":{"type":"assert","tests":["assert f( == 1"]}}

                """)
        #expect(outcome.status == 1)
        let lines = try outcome.lines
        let judged = lines.filter { $0["verdict"] != nil }
        #expect(judged.map { $0["verdict"] } == ["passed", "sandbox_error"])
        #expect(judged[1]["reason"]?.stringValue?.contains("test 1 is no Python in line 1") == true, "\(judged[1])")
        for part in [
            "\"tests\" is missing, expected an object such as", "line 2", "\"completion\"",
            "the tests' type is 'asserts', expected assert, humaneval, stdio, call or pytest",
            "the list of cases is empty",
            "the tests are 5, expected an object or a list",
        ] {
            #expect((outcome.messages + outcome.output).contains(part), "\(part)")
        }
    }

    @Test(
        "options that make no sense are refused",
        arguments: [
            (["--timeout", "0"], "--timeout is 0.0, expected more than 0 seconds"),
            (["--memory", "8"], "--memory is 8, expected at least 16 MiB"),
            (["--jobs", "0"], "--jobs is 0, expected at least 1"),
        ])
    func options(arguments: [String], message: String) throws {
        let outcome = try Program.run(["verify", "code"] + arguments)
        #expect(outcome.status == 2 && outcome.messages.contains(message), "\(outcome.messages)")
    }

    @Test("sandbox check tells each property, as text and as JSON, and its status says whether all hold")
    func check() throws {
        let text = try Program.run(["sandbox", "check"])
        #expect(text.status == 0 && text.output.contains("The sandbox holds.\n") && !text.output.contains("BROKEN"))
        let report = try #require(try Program.run(["sandbox", "check", "--json"]).lines.first)
        #expect(report["holds"] == true && report["properties"]?.arrayValue?.count == 10)
        #expect(report["properties"]?.arrayValue?.allSatisfy { $0["holds"] == true } == true)
        let weak = try Program.run(["sandbox", "check", "--kind", "limits"])
        #expect(weak.status == 1 && weak.output.contains("BROKEN  files"), "\(weak.output)")
        #expect(weak.output.contains("model-written programs are refused on this machine"))
    }

    @Test("a run over rows whose tests can't be read ends before it begins, and says which rows")
    func rows() throws {
        let folder = try TemporaryFolder()
        let recipe = Program.package.appendingPathComponent("Recipes/quickstart.yaml").path
        func screen(_ rows: [String]) throws -> Program.Outcome {
            let file = try folder.write(rows.map { $0 + "\n" }.joined(), "rows.jsonl")
            return try Program.run([
                "reward", "test", recipe, "--set", "data={train: {path: \(file)}}", "--set", "evaluation.every=0",
                "--set",
                "rewards=[{type: code}]",
            ])
        }
        let good =
            #"{"prompt":"f","tests":{"type":"assert","tests":["assert f() == 1"]},"solution":"def f(): return 1"}"#
        let none = #"{"prompt":"no tests"}"#
        let mixed = try screen([good, none])
        #expect(mixed.status == 0, "\(mixed.messages)")
        #expect(try mixed.lines.last == ["reward": "code", "rows": 2, "with_answer": 1, "faults": 0, "ok": true])
        let broken = try screen([good, #"{"prompt":"b","tests":{"type":"what"}}"#, none, #"{"prompt":"c","tests":[]}"#])
        #expect(broken.status == 1)
        #expect(
            broken.messages.contains(
                "data.train: the reward code can't read 2 of 4 rows (counted from 0): row 1: the tests' type is 'what'"),
            "\(broken.messages)")
        #expect(broken.messages.contains("row 3: the list of cases is empty"))
        let nothing = try screen([none])
        #expect(nothing.status == 1)
        #expect(
            nothing.messages.contains(
                "the reward code applies to none of the 1 rows; the first has the columns prompt. Give the column"),
            "\(nothing.messages)")
    }
}
