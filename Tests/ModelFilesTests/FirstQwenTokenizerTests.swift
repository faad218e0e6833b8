import FileTesting
import Foundation
import ModelFiles
import OrderedJSON
import Testing

@Suite("The tokenizer file of the first Qwen")
struct FirstQwenTokenizerTests {
    /// A file of the 256 bytes and some tokens.
    private static func file(_ tokens: [[UInt8]]) -> String {
        ((UInt8.min...UInt8.max).map { [$0] } + tokens).enumerated()
            .map { "\(Data($1).base64EncodedString()) \($0)\n" }.joined()
    }

    @Test("tokens become merges of the two that they are joined from, in their order")
    func merges() throws {
        let folder = try TemporaryFolder()
        // "the" is joined from "th" and "e" although "he" is a token too: "th" comes first.
        let tokens = ["th", "he", "the", " t", " the"].map { Array($0.utf8) } + [[0xE4, 0xBD]]
        try folder.write(Self.file(tokens), "qwen.tiktoken")
        let lists = try #require(try GGUFTokenizer(firstQwen: folder.path))
        #expect(lists.merges == ["t h", "h e", "th e", "Ġ t", "Ġ the", "ä ½"])
        #expect(lists.tokens.count == 262 + 208 && lists.tokens[256 + 3] == "Ġt")
        #expect(lists.tokens[262...264] == ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
        #expect(lists.kinds[262] == .control && lists.tokens.last == "<|extra_204|>")
        #expect(lists.eosTokenID == 262 && lists.chatTemplate == nil && lists.paddingTokenID == 262)
        try folder.write(#"{"chat_format": "chatml", "eos_token_id": 151643}"#, "generation_config.json")
        let chat = try #require(try GGUFTokenizer(firstQwen: folder.path))
        #expect(chat.eosTokenID == 264 && chat.chatTemplate?.contains("You are a helpful assistant.") == true)
        try folder.write("{}", "tokenizer.json")
        #expect(try GGUFTokenizer(firstQwen: folder.path) == nil)
    }

    @Test(
        "the published vocabulary gives the merges that Qwen2's tokenizer.json has",
        .enabled(if: ReferenceVocabulary.isPresent, "\(ReferenceVocabulary.path) is missing"))
    func published() throws {
        let model = try #require(
            try JSONValue(parsing: Data(contentsOf: URL(filePath: ReferenceVocabulary.path)))["model"])
        let folder = try TemporaryFolder()
        try folder.write(FirstQwenVocabulary.text(of: model), "qwen.tiktoken")
        let lists = try #require(try GGUFTokenizer(firstQwen: folder.path))
        let expected = (model["merges"]?.arrayValue ?? []).map { rule in
            rule.stringValue ?? (rule.arrayValue ?? []).compactMap(\.stringValue).joined(separator: " ")
        }
        #expect(lists.merges.count == expected.count && lists.merges == expected)
        #expect(lists.tokens[151_645] == "<|im_end|>" && lists.tokens.count == 151_851)
    }

    @Test(
        "a damaged file is told by its line",
        arguments: [
            ("AA== 1\n", "line 1 is \"AA== 1\", expected a token in base64 and the number 0"),
            ("? 0\n", "line 1 is \"? 0\", expected a token in base64 and the number 0"),
            ("AA== 0\nAA== 1\n", "a token is there twice"),
            ("AA== 0\n", "the first 256 tokens are not the 256 bytes"),
            (Self.file([[1, 2, 3]]), "token 256 is joined from 3 tokens of lower numbers, expected 2"),
        ])
    func faults(text: String, message: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(text, "qwen.tiktoken")
        let error = #expect(throws: ModelFileError.self) { try GGUFTokenizer(firstQwen: folder.path) }
        #expect(error?.message == "\(folder.path)/qwen.tiktoken: \(message)")
    }
}

/// The published tokenizer beside the package.
enum ReferenceVocabulary {
    static let path = URL(filePath: ReferenceFile.folder).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "tokenizers/qwen25-tokenizer/tokenizer.json").path
    static let isPresent = FileManager.default.fileExists(atPath: path)
}
