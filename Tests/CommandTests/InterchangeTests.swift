import FileTesting
import Foundation
import OrderedJSON
import Testing

@Suite(
    "Folders of other makers and times",
    .enabled(
        if: Reference.isPresent && Reference.hasTokenizers, "../shared/fixtures or ../shared/tokenizers is missing"))
struct InterchangeTests {
    static let tokenizer = Reference.path("tokenizers/qwen25-tokenizer/tokenizer.json")

    private func ids(_ folder: String, _ texts: [String]) throws -> [[Int]] {
        let lines = texts.map { JSONValue.object(["text": .string($0)]).text() + "\n" }.joined()
        let outcome = try Program.run(["tokenize", folder, "--quiet"], input: lines)
        #expect(outcome.status == 0, "\(outcome.messages)")
        return try outcome.lines.map { try #require($0["ids"]?.arrayValue).compactMap(\.intValue) }
    }

    private func rendered(_ folder: String, _ line: JSONValue) throws -> String {
        let outcome = try Program.run(["render", folder, "--quiet"], input: line.text() + "\n")
        #expect(outcome.status == 0, "\(outcome.messages)")
        return try #require(try outcome.lines.first?["text"]?.stringValue)
    }

    @Test("the first Qwen's vocabulary gives the ids of Qwen2.5's, and its conversations are ChatML")
    func firstQwen() throws {
        let folder = try TemporaryFolder()
        let model = try #require(
            try JSONValue(parsing: Data(contentsOf: URL(fileURLWithPath: Self.tokenizer)))["model"])
        try folder.write(FirstQwenVocabulary.text(of: model), "qwen.tiktoken")
        try folder.write(#"{"chat_format": "chatml", "eos_token_id": 151643}"#, "generation_config.json")
        let rows = try Reference.rows("fixtures/tokenizer/qwen_encode.jsonl", every: 3)
        let texts = rows.compactMap { $0["text"]?.stringValue }.filter { !$0.contains("<") }
        #expect(texts.count > 200)
        let qwen = URL(fileURLWithPath: Self.tokenizer).deletingLastPathComponent().path
        #expect(try ids(folder.path(""), texts) == ids(qwen, texts))
        #expect(try ids(folder.path(""), ["<|im_start|>a<|im_end|><|extra_3|>"]) == [[151_644, 64, 151_645, 151_649]])
        let text = try rendered(
            folder.path(""), ["messages": [["role": "user", "content": "你好"]], "add_generation_prompt": true])
        #expect(
            text == "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n你好<|im_end|>\n"
                + "<|im_start|>assistant\n")
    }

    @Test("a folder as DeepSeek-R1-Distill-Qwen has it begins texts with its token once, and opens a thought")
    func distilled() throws {
        let folder = try TemporaryFolder()
        var file = try JSONValue(parsing: Data(contentsOf: URL(fileURLWithPath: Self.tokenizer)))
        guard var object = file.objectValue else { return }
        let names = [
            "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜begin▁of▁sentence｜>", "<|EOT|>", "<think>",
            "</think>",
        ]
        object["added_tokens"] = .array(
            names.enumerated().map { index, name in
                [
                    "id": .integer(151_643 + index), "content": .string(name), "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false, "special": .bool(![1, 2, 5, 6].contains(index)),
                ]
            })
        object["post_processor"] = [
            "type": "TemplateProcessing",
            "single": [
                ["SpecialToken": ["id": "<｜begin▁of▁sentence｜>", "type_id": 0]],
                ["Sequence": ["id": "A", "type_id": 0]],
            ],
        ]
        file = .object(object)
        try folder.write(file.text(), "tokenizer.json")
        func token(_ text: String) -> JSONValue {
            ["__type": "AddedToken", "content": .string(text), "lstrip": false, "normalized": true, "rstrip": false]
        }
        let template = """
            {% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}\
            {% set ns = namespace(system_prompt='') %}{%- for message in messages %}{%- if message['role'] == 'system' %}\
            {% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}{{bos_token}}{{ns.system_prompt}}\
            {%- for message in messages %}{%- if message['role'] == 'user' %}{{'<｜User｜>' + message['content']}}{%- endif %}\
            {%- if message['role'] == 'assistant' and message['content'] is not none %}{% set content = message['content'] %}\
            {% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}\
            {{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}{%- endif %}{%- endfor -%}\
            {% if add_generation_prompt %}{{'<｜Assistant｜><think>\\n'}}{% endif %}
            """
        let settings: JSONValue = [
            "add_bos_token": true, "add_eos_token": false, "bos_token": token(names[3]), "eos_token": token(names[0]),
            "pad_token": token(names[0]), "unk_token": nil, "tokenizer_class": "LlamaTokenizerFast",
            "legacy": true, "sp_model_kwargs": [:], "chat_template": .string(template),
        ]
        try folder.write(settings.text(), "tokenizer_config.json")
        let plain = try ids(folder.path(""), ["hello", "<｜begin▁of▁sentence｜>hello"])
        #expect(plain == [[151_646, 14990], [151_646, 14990]])
        let text = try rendered(
            folder.path(""),
            [
                "messages": [
                    ["role": "user", "content": "2+2?"], ["role": "assistant", "content": "<think>\neasy\n</think>4"],
                    ["role": "user", "content": "3+3?"],
                ], "add_generation_prompt": true,
            ])
        #expect(
            text
                == "<｜begin▁of▁sentence｜><｜User｜>2+2?<｜Assistant｜>4<｜end▁of▁sentence｜><｜User｜>3+3?<｜Assistant｜><think>\n"
        )
        #expect(try ids(folder.path(""), [text])[0].filter { $0 == 151_646 }.count == 1)
    }

    @Test("a shape gets fresh weights, in either format, and the result generates")
    func fresh() throws {
        let folder = try TemporaryFolder()
        let shape = folder.path("shape")
        try FileManager.default.createDirectory(atPath: shape, withIntermediateDirectories: true)
        for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
            try FileManager.default.copyItem(atPath: "\(Reference.model)/\(name)", toPath: "\(shape)/\(name)")
        }
        var answers: [String] = []
        for output in ["model", "again", "model.gguf"] {
            let written = try Program.run(
                [
                    "export", shape, "--initialize", "random", "--seed", "5", "--dtype", "f32", "--output",
                    folder.path(output),
                ])
            #expect(written.status == 0, "\(written.messages)")
            let outcome = try Program.run(
                [
                    "generate", folder.path(output), "--prompt", "a", "--max-new-tokens", "8", "--greedy", "--quiet",
                    "--precision", "fp32",
                ])
            #expect(outcome.status == 0, "\(outcome.messages)")
            answers.append(outcome.output)
        }
        #expect(answers[0] == answers[1] && answers[0] == answers[2])
        let other = try Program.run(["export", shape, "--output", folder.path("none")])
        #expect(other.status == 1 && other.messages.contains("has no weights"), "\(other.messages)")
    }
}
