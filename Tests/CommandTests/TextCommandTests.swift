import FileTesting
import OrderedJSON
import Testing

@Suite(.enabled(if: Reference.isPresent, Reference.missing))
struct TextCommandTests {
    @Test(
        "tokenize gives the reference's ids, and --decode its text",
        arguments: [
            ("tokenizer/qwen", "tokenizers/qwen3-tokenizer"), ("tokenizer/tiny", "fixtures/tokenizer/tiny"),
        ])
    func tokenize(_ fixture: String, _ model: String) throws {
        let model = Reference.path(model)
        let encode = try Reference.rows("fixtures/\(fixture)_encode.jsonl", every: 7)
        let ids = try Program.lines(["tokenize", model], encode.map { ["text": $0["text"] ?? .null] })
        #expect(ids.map { $0["ids"] } == encode.map { $0["ids"] })
        let decode = try Reference.rows("fixtures/\(fixture)_decode.jsonl", every: 7)
        let input: [JSONValue] = decode.map { ["ids": $0["ids"] ?? .null, "id": $0["id"] ?? .null] }
        let texts = try Program.lines(["tokenize", model, "--decode"], input)
        #expect(texts.map { $0["text"] } == decode.map { $0["text"] })
        #expect(texts.map { $0["id"] } == decode.map { $0["id"] })
        let shown = try Program.lines(["tokenize", model, "--decode", "--skip-special-tokens"], input)
        #expect(shown.map { $0["text"] } == decode.map { $0["text_skip_special"] })
    }

    @Test("render gives the reference's text, and an error object where the template raises")
    func render() throws {
        let conversations = try Reference.json("fixtures/chat/conversations.json")
        let rows = try Reference.rows("fixtures/chat/rendered.jsonl")
        for (name, rows) in Dictionary(grouping: rows, by: { $0["template"]?.stringValue ?? "" }) {
            let sample = rows.enumerated().filter { $0.offset % 5 == 0 || $0.element["error"] != nil }.map(\.element)
            let input = sample.map { row in
                var line = conversations[row["conversation"]?.stringValue ?? ""]?.objectValue ?? [:]
                for key in ["add_generation_prompt", "enable_thinking"] { line[key] = row[key] ?? line[key] }
                return JSONValue.object(line)
            }
            let output = try Program.lines(
                [
                    "render", Reference.path("tokenizers/qwen3-tokenizer"), "--chat-template",
                    Reference.path("fixtures/chat/templates/\(name).jinja"),
                ], input)
            for (row, line) in zip(sample, output) {
                #expect(line["text"] == row["text"], "\(name): \(row["conversation"] ?? .null)")
                #expect((line["error"] != nil) == (row["error"] != nil))
            }
            #expect(output.count == sample.count)
        }
    }

    @Test("render uses the model's own template, and needs no other file than the one that holds it")
    func ownTemplate() throws {
        let folder = try TemporaryFolder()
        try folder.write("{% for m in messages %}[{{ m.content }}]{% endfor %}{{ eos_token }}", "chat_template.jinja")
        try folder.write(#"{"eos_token": "<end>"}"#, "tokenizer_config.json")
        let output = try Program.lines(
            ["render", folder.path], [["id": "a", "messages": [["role": "user", "content": "hi"]]]])
        #expect(output == [["id": "a", "text": "[hi]<end>"]])
    }

    @Test("tokenize reads a GGUF file's tokenizer")
    func gguf() throws {
        let texts: [JSONValue] = [["text": "Hello<|im_end|>"], ["text": "\u{65}\u{301} caf\u{e9}"]]
        let fromFile = try Program.lines(["tokenize", Reference.path("fixtures/gguf/qwen2-f16.gguf")], texts)
        let fromFolder = try Program.lines(["tokenize", Reference.path("fixtures/tokenizer/tiny")], texts)
        #expect(fromFile == fromFolder)
    }

    @Test("verify math gives the contract's lines")
    func verifyMath() throws {
        let output = try Program.lines(
            ["verify", "math"],
            [
                ["id": "a", "gold": "1/2", "prediction": "It is \\boxed{0.5}."],
                ["gold": "2", "prediction": "So \\boxed{3}", "config": ["gold_form": "bare", "strict": true]],
                ["id": 7, "gold": "2", "prediction": "no idea"],
                ["id": 8, "gold": "\\sqrt{8}", "prediction": "\\boxed{2\\sqrt2}"],
            ])
        #expect(
            output == [
                [
                    "id": "a", "verdict": "correct", "score": 1, "extracted": "0.5",
                    "reason": "boxed: the answers are equal",
                ],
                ["id": 1, "verdict": "wrong", "score": 0, "extracted": "3", "reason": "boxed: the answers differ"],
                [
                    "id": 7, "verdict": "unparsable", "score": 0, "extracted": nil,
                    "reason": "no box, answer phrase, answer tag, formula or number",
                ],
                [
                    "id": 8, "verdict": "correct", "score": 1, "extracted": "2\\sqrt2",
                    "reason": "boxed: the answers are equal (algebra)",
                ],
            ])
    }
}
