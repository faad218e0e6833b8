import Foundation
import OrderedJSON
import Testing

@testable import Recipes

private func recipe(_ train: String, kind: String = "grpo", extra: String = "") throws -> Recipe {
    try Recipe(
        yaml: "kind: \(kind)\nmodel: {path: m}\ndata:\n  train: {path: a.jsonl\(train.isEmpty ? "" : ", " + train)}\n"
            + (kind == "grpo" ? "rewards: [{type: math}]\n" : "") + extra, folder: "/d")
}

/// Rows of a text in pieces of so many bytes.
private func rows(
    _ text: [UInt8], _ recipe: Recipe, piece: Int = 7, maximumLineBytes: Int = 1 << 20
) throws(RecipeError) -> [DataRow] {
    guard case .file(let file) = recipe.data.train else { return [] }
    var reader = try JSONLinesFile(file, recipe, maximumLineBytes: maximumLineBytes)
    var rest = text[...]
    while !rest.isEmpty, !reader.isDone {
        try reader.feed(rest.prefix(piece))
        rest = rest.dropFirst(piece)
    }
    return try reader.finish()
}

@Suite("Data sets")
struct DataSetTests {
    static let faults: [(kind: String, keys: String, text: String, expected: [String])] = [
        ("grpo", "", "", ["/d/a.jsonl: empty; expected one JSON object a line"]),
        ("grpo", "", "\n \n", ["/d/a.jsonl: empty; expected one JSON object a line"]),
        (
            "grpo", "", "{\"prompt\":\"p\",\"answer\":1}\n[1]\n\n{\"prompt\":3\n{}\n",
            [
                "/d/a.jsonl:2:1: expected a JSON object, got a list of 1",
                "/d/a.jsonl:4:12: not JSON: expected ',' or '}'",
                "/d/a.jsonl:5:1: column 'prompt' is missing (it is the prompt); the row has none",
            ]
        ),
        (
            "grpo", "", "{\"promt\":\"p\",\"answer\":\"1\"}",
            [
                "/d/a.jsonl:1:1: column 'prompt' is missing (it is the prompt); did you mean 'promt'?"
            ]
        ),
        (
            "grpo", "", "{\"prompt\":null,\"answer\":\"1\"}",
            [
                "/d/a.jsonl:1:1: column 'prompt': expected text, got null"
            ]
        ),
        (
            "grpo", "", "{\"prompt\":\"p\"}\n{\"prompt\":\"p\",\"answer\":[1]}\n",
            [
                "/d/a.jsonl:1:1: column 'answer' is missing (the math reward needs it); the row has prompt",
                "/d/a.jsonl:2:1: column 'answer': expected text, got a list of 1",
            ]
        ),
        (
            "grpo", "answer_after: '####'", "{\"prompt\":\"p\",\"answer\":\"1\"}",
            [
                "/d/a.jsonl:1:1: column 'answer' doesn't contain '####', which the answer should follow"
            ]
        ),
        (
            "grpo", "template: 'Q: {q} {r}'", "{\"q\":\"p\",\"answer\":\"1\"}",
            [
                "/d/a.jsonl:1:1: column 'r' is missing (the template needs it); the row has q, answer"
            ]
        ),
        (
            "grpo", "messages: c", "{\"c\":\"p\",\"answer\":\"1\"}",
            [
                "/d/a.jsonl:1:1: column 'c': expected a list of messages, got the text 'p'"
            ]
        ),
        (
            "grpo", "", "{\"messages\":[{\"role\":\"user\",\"content\":1}]}\n{\"messages\":[{\"content\":\"\"}]}\n",
            [
                "/d/a.jsonl:1:1: column 'messages': message 0: expected content to be text, got 1",
                "/d/a.jsonl:2:1: column 'messages': message 0 has no role; expected {\"role\": …, \"content\": "
                    + "…}",
            ]
        ),
        (
            "grpo", "", "{\"messages\":[{\"role\":\"user\"}]}\n{\"messages\":[]}\n",
            [
                "/d/a.jsonl:1:1: column 'messages': message 0 has no content",
                "/d/a.jsonl:2:1: column 'messages': expected a list of messages, got an empty list",
            ]
        ),
        (
            "grpo", "", "{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"}],\"answer\":1}\n",
            [
                "/d/a.jsonl:1:1: column 'messages' ends with an assistant message; a prompt ends before it"
            ]
        ),
        (
            "sft", "", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}\n{\"prompt\":\"p\"}\n",
            [
                "/d/a.jsonl:1:1: column 'messages' has no assistant message to learn from",
                "/d/a.jsonl:2:1: column 'completion' is missing (sft learns it); the row has prompt",
            ]
        ),
        (
            "sft", "",
            "{\"ids\":[1,2]}\n{\"ids\":[1],\"mask\":[2]}\n{\"ids\":[1],\"mask\":[1,0]}\n{\"ids\":[-1],\"mask\":[1]}\n{\"ids\":[1.5],\"mask\":[1]}\n{\"ids\":[],\"mask\":[]}\n",
            [
                "/d/a.jsonl:1:1: column 'mask' is missing (it says which ids are learned (1)); the row has ids",
                "/d/a.jsonl:2:1: column 'mask': element 0: expected 0 or 1, got 2",
                "/d/a.jsonl:3:1: column 'mask': expected a list of 1, as long as ids, got a list of 2",
                "/d/a.jsonl:4:1: column 'ids': element 0: expected a token id, got -1",
                "/d/a.jsonl:5:1: column 'ids': element 0: expected a token id, got 1.5",
                "/d/a.jsonl:6:1: column 'ids': expected a list of token ids, got an empty list",
            ]
        ),
    ]

    @Test("every bad line is said with its number and what is wrong", arguments: faults.indices)
    func badLines(index: Int) throws {
        let row = Self.faults[index]
        let recipe = try recipe(row.keys, kind: row.kind)
        do throws(RecipeError) {
            _ = try rows(Array(row.text.utf8), recipe)
            Issue.record("expected an error")
        } catch {
            let found = error.description.split(separator: "\n").map(String.init)
            #expect(found == row.expected)
        }
    }

    @Test("a byte order mark, CR LF, blank lines and pieces of any size don't matter")
    func tolerance() throws {
        let text = Array("\u{FEFF}{\"prompt\":\"é\",\"answer\":12}\r\n\r\n{\"prompt\":\"b\",\"answer\":\"x\"}\r\n".utf8)
        let recipe = try recipe("")
        let whole = try rows(text, recipe, piece: text.count)
        #expect(whole.map(\.answer) == ["12", "x"])
        #expect(whole[0].content == .messages([["role": "user", "content": "é"]]))
        #expect(whole.map(\.index) == [0, 1])
        for piece in 1...20 { #expect(try rows(text, recipe, piece: piece) == whole) }
    }

    @Test("a line over the cap and invalid UTF-8 are errors with their numbers")
    func hostile() throws {
        let long = Array("{\"prompt\":\"".utf8) + [UInt8](repeating: 0x61, count: 5000) + Array("\"}\n[]\n".utf8)
        #expect(
            performing: { try rows(long, try recipe(""), piece: 100, maximumLineBytes: 1000) },
            throws: { (($0 as? RecipeError)?.faults.map(\.place)) == [.line(1, column: 1), .line(2, column: 1)] })
        let invalid = Array("{\"prompt\":\"a\",\"answer\":1}\n{\"prompt\":\"".utf8) + [0xFF] + Array("\"}".utf8)
        #expect(
            performing: { try rows(invalid, try recipe("")) },
            throws: { "\($0)" == "/d/a.jsonl:2:13: not JSON: a string is not valid UTF-8" })
        let many = Array(String(repeating: "x\n", count: 1000).utf8)
        #expect(performing: { try rows(many, try recipe("")) }, throws: { ($0 as? RecipeError)?.faults.count == 20 })
    }

    @Test("columns, templates, answers, limits and the system message make the row")
    func content() throws {
        let text = Array(
            "{\"q\":\"1+1\",\"a\":\"so\\n#### 2\",\"n\":[1]}\n{\"q\":\"2\",\"a\":\"#### 1 #### 3 \"}\n{\n".utf8)
        let recipe = try recipe(
            "template: 'Q {{{q}}}', answer: a, answer_after: '####', limit: 2", extra: ""
        ).with(system: "S")
        let found = try rows(text, recipe, piece: 1000)
        #expect(found.map(\.answer) == ["2", "3"])
        #expect(
            found[0].content
                == .messages([["role": "system", "content": "S"], ["role": "user", "content": "Q {1+1}"]]))
        #expect(found[0].columns["n"] == [1])
    }

    @Test("supervised rows are conversations, prompt and completion, or token ids with a mask")
    func supervised() throws {
        let text = Array(
            """
            {"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}
            {"prompt":"p","completion":"c"}
            {"prompt":[{"role":"user","content":"a"}],"completion":[{"role":"assistant","content":"b"}]}
            {"ids":[1,2,3],"mask":[0,1,true]}
            """.utf8)
        let conversation: [JSONValue] = [["role": "user", "content": "a"], ["role": "assistant", "content": "b"]]
        #expect(
            try rows(text, try recipe("", kind: "sft")).map(\.content) == [
                .messages(conversation), .completion(prompt: "p", completion: "c"), .messages(conversation),
                .tokens(ids: [1, 2, 3], mask: [false, true, true]),
            ])
        let system: JSONValue = ["role": "system", "content": "S"]
        let chat = try rows(text, try recipe("", kind: "sft").with(system: "S")).map(\.content)
        #expect(chat[0] == .messages([system] + conversation))
        #expect(
            chat[1] == .messages([system, ["role": "user", "content": "p"], ["role": "assistant", "content": "c"]]))
    }

    @Test("each epoch is a permutation of its own, a pure function of seed and epoch")
    func shuffling() {
        let rows = (0..<100).map { DataRow(index: $0, content: .text("\($0)"), answer: nil, columns: [:]) }
        let set = DataSet(rows: rows, shuffle: true, seed: 5)
        let epochs = (0..<3).map { epoch in (0..<100).map { set.row(at: epoch * 100 + $0).index } }
        for epoch in epochs { #expect(epoch.sorted() == Array(0..<100) && epoch != Array(0..<100)) }
        #expect(epochs[0] != epochs[1] && epochs[1] != epochs[2])
        let again = DataSet(rows: rows, shuffle: true, seed: 5)
        #expect(again.row(at: 250).index == epochs[2][50] && again.row(at: 3).index == epochs[0][3])
        #expect((0..<100).map { DataSet(rows: rows, shuffle: true, seed: 6).row(at: $0).index } != epochs[0])
        let plain = DataSet(rows: rows, shuffle: false, seed: 5)
        #expect((0..<250).map { plain.row(at: $0).index } == (0..<250).map { $0 % 100 })
    }

    @Test("generated sets are endless or of the given size, and sft learns the solution")
    func generated() throws {
        let yaml = "kind: sft\nmodel: {path: m}\ndata: {train: {generator: countdown, count: 5}}\n"
        let train = try DataSet.load(try Recipe(yaml: yaml, folder: "/")).train
        #expect(train.count == 5)
        #expect(Set((0..<5).map { train.row(at: $0).index }) == Set(0..<5))
        guard case .completion(let prompt, let completion) = train.row(index: 0).content else {
            Issue.record("expected a completion")
            return
        }
        #expect(prompt.hasPrefix("Use each") && !completion.isEmpty)
        let endless = try DataSet.load(try Recipe(yaml: sound, folder: "/")).train
        #expect(endless.count == nil && endless.row(at: 1 << 40).index == 1 << 40)
    }

    private static let gsm8k = packageRoot.appendingPathComponent("../shared/corpora/gsm8k-test.jsonl")
        .standardizedFileURL.path

    @Test(
        "GSM8K is read with its answers",
        .enabled(if: FileManager.default.fileExists(atPath: gsm8k), "the reference data is not there"))
    func file() throws {
        let yaml =
            "kind: grpo\nmodel: {path: m}\nrewards: [{type: math}]\n"
            + "data: {train: {path: \(Self.gsm8k), prompt: question, answer_after: '####'}}\n"
        let train = try DataSet.load(try Recipe(yaml: yaml, folder: "/")).train
        #expect(train.count ?? 0 > 100)
        #expect(train.row(index: 0).answer == "18")
    }

    @Test("a file that is not there is an error")
    func missing() throws {
        #expect(
            performing: { try DataSet.load(try recipe("")) },
            throws: { "\($0)" == "/d/a.jsonl: can't be opened; expected a JSON Lines file" })
    }

    @Test("mutated JSON Lines give rows or an error, never a crash or a hang")
    func fuzz() throws {
        var random = Mutations()
        let recipes = [try recipe(""), try recipe("", kind: "sft")]
        let seed = Array(
            "{\"prompt\":\"p\",\"answer\":\"1\",\"completion\":\"c\"}\n{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}\r\n{\"ids\":[1,2],\"mask\":[0,1]}\n"
                .utf8)
        for round in 0..<100_000 {
            _ = try? rows(random.mutated(seed), recipes[round % 2], piece: 1 + round % 64, maximumLineBytes: 100)
        }
    }
}

extension Recipe {
    /// The recipe with a system message, as if it had been given.
    fileprivate func with(system: String) throws -> Recipe {
        var recipe = self
        recipe.data.system = system
        recipe.data.format = .chat
        return recipe
    }
}
