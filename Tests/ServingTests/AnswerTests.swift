import InferenceCore
import OrderedJSON
import Testing
import Tokenization

@testable import Serving

@Suite("Answers")
struct AnswerTests {
    /// A text cut at every place, and into single characters.
    private static func cuts(_ text: String) -> [[String]] {
        let characters = Array(text.unicodeScalars).map { String($0) }
        return [characters, [text]]
            + (1..<max(2, characters.count)).map { [characters[..<$0].joined(), characters[$0...].joined()] }
    }

    @Test(
        "thoughts are parted off wherever the text is cut",
        arguments: [
            ("<think>\nI add.\n\nThen I carry.\n</think>\n\n42", false, "I add.\n\nThen I carry.", "42"),
            ("I add.\n</think>\n\n42 < 43", true, "I add.", "42 < 43"),
            ("42", false, "", "42"), ("  \n<think></think>x", false, "", "x"), ("<thin", false, "", "<thin"),
            ("  <b>", false, "", "  <b>"), ("<think>endless </thin", false, "endless </thin", ""),
            ("\n\n", false, "", "\n\n"), ("<think>\n\n</think>\n\nyes\n", false, "", "yes\n"),
        ])
    func thoughts(text: String, isOpen: Bool, thought: String, content: String) {
        for pieces in Self.cuts(text) {
            var splitter = ThoughtSplitter(isOpen: isOpen)
            let outputs = pieces.map { splitter.append($0) } + [splitter.finish()]
            #expect(outputs.map(\.thought).joined() == thought, "\(pieces)")
            #expect(outputs.map(\.content).joined() == content, "\(pieces)")
        }
    }

    @Test("calls of tools are read wherever the text is cut, and what only looks like one stays text")
    func calls() {
        let call = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": [2]}}\n</tool_call>"
        let table: [(String, String, [(String, String)])] = [
            (call, "", [("add", "{\"a\": 1, \"b\": [2]}")]),
            (
                "Let me see.\n" + call + "\n" + call, "Let me see.",
                [("add", "{\"a\": 1, \"b\": [2]}"), ("add", "{\"a\": 1, \"b\": [2]}")]
            ),
            ("a <tool_call>nonsense</tool_call> b", "a <tool_call>nonsense</tool_call> b", []),
            ("x <tool_call>{\"name\": 3}</tool_call>", "x <tool_call>{\"name\": 3}</tool_call>", []),
            ("no <tool_cal", "no <tool_cal", []), ("cut <tool_call>{\"name", "cut <tool_call>{\"name", []),
        ]
        for (text, content, expected) in table {
            for pieces in Self.cuts(text) {
                var reader = ToolCallReader()
                let outputs = pieces.map { reader.append($0) } + [reader.finish()]
                #expect(outputs.map(\.text).joined() == content, "\(pieces)")
                let calls = outputs.flatMap(\.calls)
                #expect(calls.map(\.name) == expected.map(\.0))
                for (call, expected) in zip(calls, expected) {
                    #expect(try! JSONValue(parsing: call.arguments) == JSONValue(parsing: expected.1))
                    #expect(call.id.hasPrefix("call_") && call.id.count == 29)
                }
            }
        }
    }

    @Test("a thought over its budget ends with the hand-off, once, and the model goes on by itself")
    func budget() async throws {
        let bench = try Workbench()
        for budget in [0, 1, 100] {
            let answer = try await bench.answer([
                "model": "tiny", "messages": [["role": "user", "content": "What is 12 + 30?"]], "temperature": 0,
                "max_tokens": 200, "thinking_budget": .integer(budget), "return_token_ids": true,
            ])
            let tokens = answer["choices"]?[0]?["token_ids"]?.arrayValue?.compactMap(\.intValue) ?? []
            let handOff = bench.served.tokenizer.encode(ThoughtTokens.handOffText)
            let opening = try #require(bench.served.tokenizer.id(of: "<think>"))
            let free = try bench.alone(
                answer["prompt_token_ids"]?.arrayValue?.compactMap(\.intValue) ?? [], seed: 0, samples: 1, adapter: nil,
                temperature: 0, max: 200)[0].tokens
            let closing = try #require(bench.served.tokenizer.id(of: "</think>"))
            guard free.first == opening, !free.dropFirst().prefix(budget).contains(closing), free.count > budget + 1
            else {
                #expect(tokens == free)
                continue
            }
            #expect(Array(tokens.prefix(1 + budget)) == Array(free.prefix(1 + budget)))
            #expect(Array(tokens.dropFirst(1 + budget).prefix(handOff.count)) == handOff)
            #expect(tokens.count > 1 + budget + handOff.count)
            let thought = answer["choices"]?[0]?["message"]?["reasoning_content"]?.stringValue ?? ""
            #expect(thought.hasSuffix("based on the thinking directly now."))
        }
    }

    @Test("stop texts end an answer before them, over the bounds of tokens")
    func stops() async throws {
        let bench = try Workbench()
        func text(_ stop: JSONValue) async throws -> (String, JSONValue?) {
            let answer = try await bench.answer(
                [
                    "model": "tiny", "prompt": "1 2 3 4 5", "max_tokens": 60, "seed": 3, "stop": stop,
                    "ignore_eos": true,
                ],
                chat: false)
            return (answer["choices"]?[0]?["text"]?.stringValue ?? "", answer["choices"]?[0]?["finish_reason"])
        }
        let (free, reason) = try await text(.null)
        #expect(reason == "length")
        let middle = String(free.dropFirst(20).prefix(3))
        let (cut, stopped) = try await text([.string(middle), "no such text"])
        #expect(stopped == "stop")
        #expect(free.hasPrefix(cut) && !cut.contains(middle))
        #expect(free.dropFirst(cut.count).hasPrefix(middle))
    }
}
