import Foundation
import OrderedJSON
import Testing

@testable import Tokenization

@Suite("Tokenizers that are refused")
struct TokenizerErrorTests {
    /// One fault in an otherwise sound `tokenizer.json`.
    struct Fault: Sendable, CustomTestStringConvertible {
        let path: [String]
        let value: JSONValue?
        let code: TokenizationError.Code
        let message: String
        var testDescription: String { message }

        init(_ path: String, _ value: JSONValue?, _ code: TokenizationError.Code, _ message: String) {
            self.path = path.split(separator: "/").map(String.init)
            self.value = value
            self.code = code
            self.message = message
        }
    }

    static let family = "; only the byte-level BPE of Qwen is supported"

    @Test(
        "another family or a contradiction in tokenizer.json is named",
        arguments: [
            Fault(
                "model/type", "Unigram", .unsupported,
                "tokenizer.json: model.type is \"Unigram\", expected BPE" + family),
            Fault("model", nil, .malformed, "tokenizer.json: model is missing, expected an object"),
            Fault(
                "model/vocab", [], .malformed,
                "tokenizer.json: model.vocab is an array of 0 elements, expected an object"),
            Fault(
                "model/vocab/a", 0.5, .malformed,
                "tokenizer.json: model.vocab['a'] is 0.5, expected an id below 4194304"),
            Fault(
                "model/vocab/a", 99_999_999, .malformed,
                "tokenizer.json: model.vocab['a'] is 99999999, expected an id below 4194304"),
            Fault("model/vocab/a", 98, .malformed, "tokenizer.json: id 98 is both 'a' and 'b'"),
            Fault(
                "model/vocab/a", nil, .malformed,
                "vocabulary: no token for byte 97, spelled 'a'; a byte-level vocabulary has all 256"),
            Fault("model/merges", nil, .malformed, "tokenizer.json: model.merges is missing, expected an array"),
            Fault(
                "model/merges", [1], .malformed,
                "tokenizer.json: model.merges[0] is 1, expected \"a b\" or [\"a\",\"b\"]"),
            Fault(
                "model/merges", [["a"]], .malformed,
                "tokenizer.json: model.merges[0] is an array of 1 elements, expected two strings"),
            Fault(
                "model/merges", ["th"], .malformed, "merge 0: got 'th', expected two tokens with one space between them"
            ),
            Fault(
                "model/merges", [["", "a"]], .malformed,
                "merge 0: got ['', 'a'], expected two tokens with one space between them"),
            Fault(
                "model/merges", ["t h", "q q"], .malformed,
                "merge 1: 'q' and 'q' or what they make is not in the vocabulary"),
            Fault(
                "model/end_of_word_suffix", "</w>", .unsupported,
                "tokenizer.json: model.end_of_word_suffix is \"</w>\", expected none" + family),
            Fault(
                "model/dropout", 0.1, .unsupported,
                "tokenizer.json: model.dropout is 0.1, expected none: ids would be random" + family),
            Fault(
                "normalizer/type", "NFKC", .unsupported,
                "tokenizer.json: normalizer is \"NFKC\", expected NFC or none" + family),
            Fault(
                "pre_tokenizer", ["type": "Whitespace"], .unsupported,
                "tokenizer.json: pre_tokenizer is \"Whitespace\", expected Split (Qwen's pattern), then ByteLevel"),
            Fault(
                "decoder", ["type": "Metaspace"], .unsupported,
                "tokenizer.json: decoder is \"Metaspace\", expected ByteLevel" + family),
            Fault(
                "post_processor", ["type": "TemplateProcessing"], .unsupported,
                "tokenizer.json: post_processor is missing, expected a template that ends in the text itself" + family),
            Fault("added_tokens", 3, .malformed, "tokenizer.json: added_tokens is 3, expected an array"),
            Fault(
                "added_tokens", [["id": 266, "content": "x", "special": "yes"]], .malformed,
                "tokenizer.json: added_tokens[0] is an object of 3 keys, "
                    + "expected an object with an id, a content and true or false flags"),
            Fault(
                "added_tokens", [SmallTokenizer.added(-4, "x")], .malformed,
                "added token 'x': id -4, expected 0 to 4194303"),
            Fault(
                "added_tokens", [SmallTokenizer.added(97, "<x>")], .malformed,
                "added token '<x>': id 97 is 'a' in the vocabulary"),
            Fault(
                "added_tokens", [SmallTokenizer.added(300, "a")], .malformed,
                "added token 'a': id 300, but it is also token 97"),
            Fault(
                "added_tokens", [SmallTokenizer.added(300, "<x>"), SmallTokenizer.added(300, "<y>")], .malformed,
                "added token '<y>': id 300 is also '<x>'"),
            Fault(
                "added_tokens", [SmallTokenizer.added(300, String(repeating: "x", count: 257))], .unsupported,
                "added token '\(String(repeating: "x", count: 60))…': 257 bytes, expected at most 256"),
        ])
    func faults(_ fault: Fault) {
        expect(fault.code, fault.message) { try SmallTokenizer.make(changes: [(fault.path, fault.value)]) }
    }

    @Test("another pattern is shown beside Qwen's")
    func pattern() {
        let json = SmallTokenizer.json()
        var parts = json["pre_tokenizer"]?["pretokenizers"]?.arrayValue ?? []
        parts[0].set(["pattern", "Regex"], #"\s+"#)
        let other = JSONValue.array(parts)
        expect(
            .unsupported,
            #"tokenizer.json: pre_tokenizer pattern is "\\s+", expected Qwen's "# + QwenPreTokenizer.pattern
                + Self.family
        ) { try SmallTokenizer.make(changes: [(["pre_tokenizer", "pretokenizers"], other)]) }
    }

    @Test("faults of the configuration are named")
    func configuration() {
        let faults: [(JSONValue, String)] = [
            (3, "tokenizer_config.json: not a JSON object"),
            (["eos_token": "a\n\u{202E}b"], #"eos_token is 'a\n\u{202E}b', which is not a token of this vocabulary"#),
            (["eos_token": "<|no|>"], "eos_token is '<|no|>', which is not a token of this vocabulary"),
            (["pad_token": 3], "tokenizer_config.json: pad_token, expected a string or an object with a content"),
            (
                ["added_tokens_decoder": ["x": ["content": "y"]]],
                "tokenizer_config.json: added_tokens_decoder['x'], expected an id and an object "
                    + "with a content and true or false flags"
            ),
            (
                ["chat_template": 1],
                "tokenizer_config.json: chat_template, expected a string or a list of named templates"
            ),
        ]
        for (json, message) in faults {
            expect(.malformed, message) {
                try Tokenizer(tokenizerJSON: SmallTokenizer.json(), configuration: json)
            }
        }
    }

    @Test("faults of GGUF metadata are named")
    func lists() {
        let tokens = SmallTokenizer.spellings(merges: [])
        let types = [Int](repeating: 1, count: 256)
        expect(.unsupported, "tokenizer.ggml.model is 'llama', expected 'gpt2'") {
            try Tokenizer(tokens: tokens, merges: [], tokenTypes: types, model: "llama")
        }
        expect(.unsupported, "tokenizer.ggml.pre is 'llama-bpe', expected 'qwen2'") {
            try Tokenizer(tokens: tokens, merges: [], tokenTypes: types, preTokenizer: "llama-bpe")
        }
        expect(.malformed, "tokenizer.ggml.token_type: 1 entries, expected one for each of 256 tokens") {
            try Tokenizer(tokens: tokens, merges: [], tokenTypes: [1])
        }
        expect(.malformed, "tokenizer.ggml.eos_token_id is 256, expected 0 to 255") {
            try Tokenizer(tokens: tokens, merges: [], tokenTypes: types, eosID: 256)
        }
        expect(.malformed, "vocabulary: 'a' is both token 97 and 256") {
            try Tokenizer(tokens: tokens + ["a"], merges: [], tokenTypes: types + [1])
        }
    }

    @Test("a folder without a sound tokenizer.json is an error with the path")
    func folder() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tokenizer-\(UUID().uuidString)")
        let file = folder.appendingPathComponent("tokenizer.json")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        expect(
            .unreadable, "\(file.path): no such file; a model folder needs its tokenizer.json, get it from the Hub"
        ) { try Tokenizer(folder: folder) }
        try Data("{".utf8).write(to: file)
        expect(.malformed, "\(file.path): invalid JSON at byte 1: expected a key in double quotes") {
            try Tokenizer(folder: folder)
        }
        try FileManager.default.removeItem(at: file)
        try FileManager.default.createDirectory(at: file, withIntermediateDirectories: true)
        expect(.unreadable, "\(file.path): not a plain file") { try Tokenizer(folder: folder) }
        try FileManager.default.removeItem(at: file)
        try Data(SmallTokenizer.json().text().utf8).write(to: file)
        try Data("from the folder".utf8).write(to: folder.appendingPathComponent("chat_template.jinja"))
        #expect(try Tokenizer(folder: folder).chatTemplate == "from the folder")
    }

    @Test("mutated tokenizers are read or refused, and work if they are read")
    func fuzz() {
        // Most of the file is the vocabulary of bytes; mutations go anywhere.
        let seed = Array(SmallTokenizer.json().text().utf8)
        var random = TestRandom(state: 11)
        var accepted = 0
        for _ in 0..<100_000 {
            var bytes = seed
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0x20...0x7E, using: &random)
                case 1: bytes.insert(UInt8.random(in: .min ... .max, using: &random), at: place)
                case 2: bytes[place] = seed[Int.random(in: 0..<seed.count, using: &random)]
                default: bytes.remove(at: place)
                }
            }
            guard let json = try? JSONValue(parsing: bytes), let tokenizer = try? Tokenizer(tokenizerJSON: json) else {
                continue
            }
            accepted += 1
            if accepted % 16 == 0 { _ = tokenizer.decode(tokenizer.encode("<think> the <|end|>\u{E9}")) }
        }
        #expect(accepted > 1_000)
    }

    private func expect(
        _ code: TokenizationError.Code, _ message: String, location: SourceLocation = #_sourceLocation,
        _ body: () throws -> Tokenizer
    ) {
        do {
            _ = try body()
            Issue.record("nothing thrown, expected: \(message)", sourceLocation: location)
        } catch let error as TokenizationError {
            #expect(error.code == code, sourceLocation: location)
            #expect(error.message == message, sourceLocation: location)
        } catch {
            Issue.record(error, sourceLocation: location)
        }
    }

    @Test("tokens that a template puts before a text begin a whole text once, and nothing else")
    func prefix() throws {
        let start: JSONValue = ["SpecialToken": ["id": "<|end|>", "type_id": 0]]
        let text: JSONValue = ["Sequence": ["id": "A", "type_id": 0]]
        let template: JSONValue = ["type": "TemplateProcessing", "single": .array([start, text])]
        let plain = try SmallTokenizer.make()
        let json = SmallTokenizer.json(changes: [(["post_processor"], template)])
        let tokenizer = try Tokenizer(tokenizerJSON: json)
        #expect(tokenizer.prefixIDs == [266] && plain.prefixIDs.isEmpty)
        #expect(tokenizer.encode("the") == plain.encode("the"))
        #expect(tokenizer.encodeWhole("the") == [266] + plain.encode("the"))
        #expect(tokenizer.encodeWhole("<|end|>the") == [266] + plain.encode("the"))
        #expect(plain.encodeWhole("the") == plain.encode("the"))
        func prefix(_ settings: JSONValue) throws -> [Int] {
            try Tokenizer(tokenizerJSON: SmallTokenizer.json(), configuration: settings).prefixIDs
        }
        let llama: JSONValue = ["tokenizer_class": "LlamaTokenizerFast", "add_bos_token": true, "bos_token": "<|end|>"]
        #expect(try prefix(llama) == [266])
        #expect(try prefix(["add_bos_token": true, "bos_token": "<|end|>"]).isEmpty)
        #expect(
            try Tokenizer(
                tokenizerJSON: json,
                configuration: ["tokenizer_class": "LlamaTokenizerFast", "add_bos_token": false]
            ).prefixIDs.isEmpty)
    }

    @Test("a template that adds nothing is as good as ByteLevel; one that adds tokens behind the text is refused")
    func templates() throws {
        let nothing: JSONValue = ["type": "TemplateProcessing", "single": [["Sequence": ["id": "A", "type_id": 0]]]]
        let tokens: JSONValue = [
            "type": "TemplateProcessing",
            "single": [["Sequence": ["id": "A"]], ["SpecialToken": ["id": "<|end|>"]]],
        ]
        let plain = try SmallTokenizer.make()
        let template = try SmallTokenizer.make(changes: [(["post_processor"], nothing)])
        #expect(template.encode("the thing<|end|>") == plain.encode("the thing<|end|>"))
        #expect(throws: TokenizationError.self) {
            try SmallTokenizer.make(changes: [(["post_processor"], tokens)])
        }
    }
}
