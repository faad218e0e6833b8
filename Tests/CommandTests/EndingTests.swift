import FileTesting
import Foundation
import OrderedJSON
import Testing

@Suite(.enabled(if: Reference.isPresent, Reference.missing))
struct EndingTests {
    @Test("an interrupted generation leaves whole lines and status 130")
    func interrupt() throws {
        let input = (0..<3000).map { _ in #"{"ids":[5,6,7]}"# + "\n" }.joined()
        let outcome = try Program.run(
            ["generate", Reference.model, "--max-new-tokens", "400", "--ignore-eos", "--max-batch", "4"], input: input
        ) { process in
            Thread.sleep(forTimeInterval: 1.5)
            process.interrupt()
        }
        #expect(outcome.status == 130)
        #expect(outcome.output.isEmpty || outcome.output.hasSuffix("\n"))
        #expect(try outcome.lines.count < 3000)
        #expect(!outcome.messages.contains("rror"))
    }

    @Test("a reader that leaves ends the program quietly", arguments: ["tokenize", "score", "generate"])
    func brokenPipe(_ command: String) throws {
        let folder = try TemporaryFolder()
        let line = command == "generate" ? #"{"ids":[5,6]}"# : #"{"text":"hello hello hello"}"#
        try folder.write(String(repeating: line + "\n", count: 5000), "in")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let model = Reference.model
        let options = command == "generate" ? " --max-new-tokens 4 --ignore-eos" : ""
        process.arguments = [
            "-c",
            "('\(Program.path)' \(command) '\(model)' --input '\(folder.path("in"))'\(options) 2>'\(folder.path("err"))'; "
                + "echo $? >'\(folder.path("status"))') | head -n 1 >'\(folder.path("out"))'",
        ]
        try process.run()
        process.waitUntilExit()
        func text(_ name: String) -> String { (try? String(contentsOfFile: folder.path(name), encoding: .utf8)) ?? "" }
        #expect(text("status") == "0\n")
        #expect(text("err") == "")
        #expect(text("out").split(separator: "\n").count == 1)
    }

    @Test("a chat answers each line of piped input, and forgets after /reset")
    func chat() throws {
        let options = ["chat", Reference.model, "--greedy", "--max-new-tokens", "5", "--precision", "fp32", "--quiet"]
        let one = try Program.run(options, input: "hello\n")
        let twice = try Program.run(options, input: "hello\n/reset\nhello\n/exit\nnever\n")
        #expect(one.status == 0 && twice.status == 0)
        #expect(one.output.hasSuffix("\n") && one.output.count > 1)
        #expect(twice.output == one.output + one.output)
        #expect(twice.messages.isEmpty)
    }

    @Test("a chat says what generate would")
    func chatIsGenerate() throws {
        let common = ["--greedy", "--max-new-tokens", "12", "--precision", "fp32", "--enable-thinking", "false"]
        let neutral = ["--repetition-penalty", "1", "--top-k", "0", "--top-p", "1"]
        let chat = try Program.run(
            ["chat", Reference.model, "--system", "Be brief.", "--quiet"] + common + neutral, input: "hello")
        let lines = try Program.lines(
            ["generate", Reference.model] + common,
            [["messages": [["role": "system", "content": "Be brief."], ["role": "user", "content": "hello"]]]])
        #expect(chat.output == (lines[0]["text"]?.stringValue ?? "?") + "\n")
    }
}
