import Foundation
import OrderedJSON
import Testing

@testable import Tokenization

/// The reference data of the tokenizer tests, next to the package.
enum TokenizerReference {
    static let shared = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared")
    static let fixtures = shared.appendingPathComponent("fixtures/tokenizer")
    static let isPresent = ["fixtures/tokenizer/qwen_encode.jsonl", "tokenizers/qwen3-tokenizer/tokenizer.json"]
        .allSatisfy { FileManager.default.fileExists(atPath: shared.appendingPathComponent($0).path) }
    static let missing: Comment = "reference data ../shared/fixtures/tokenizer and ../shared/tokenizers is missing"

    static let qwen3 = Result { try Tokenizer(folder: folder("tokenizers/qwen3-tokenizer")) }
    static let qwen25 = Result { try Tokenizer(folder: folder("tokenizers/qwen25-tokenizer")) }
    static let tiny = Result { try Tokenizer(folder: folder("fixtures/tokenizer/tiny")) }

    /// Qwen 2.5 as GGUF metadata holds it: everything in one list, padded, the fill-in-the-middle tokens marked control.
    static let qwen25FromLists = Result { () -> Tokenizer in
        let json = try TokenizerReference.json("tokenizers/qwen25-tokenizer/tokenizer.json")
        var tokens = (0..<151_936).map { "[PAD\($0)]" }
        var types = [Int](repeating: 5, count: tokens.count)
        for (token, id) in json["model"]?["vocab"]?.objectValue ?? [:] {
            let id = try #require(id.intValue)
            tokens[id] = token
            types[id] = 1
        }
        for token in json["added_tokens"]?.arrayValue ?? [] {
            let id = try #require(token["id"]?.intValue)
            tokens[id] = try #require(token["content"]?.stringValue)
            types[id] = tokens[id].hasPrefix("<|") ? 3 : 4
        }
        let merges = json["model"]?["merges"]?.arrayValue?.compactMap(\.stringValue) ?? []
        return try Tokenizer(
            tokens: tokens, merges: merges, tokenTypes: types, eosID: 151_645, padID: 151_643, bosID: 151_643)
    }

    static func folder(_ path: String) -> URL { shared.appendingPathComponent(path) }

    static func json(_ path: String) throws -> JSONValue {
        try JSONValue(parsing: Data(contentsOf: shared.appendingPathComponent(path)))
    }

    static func rows(_ name: String) throws -> [JSONValue] {
        let data = try Data(contentsOf: fixtures.appendingPathComponent(name))
        return try data.split(separator: UInt8(ascii: "\n")).map { try JSONValue(parsing: $0) }
    }
}

extension JSONValue {
    /// The elements as integers, if it is an array of them.
    var integers: [Int]? { arrayValue.map { $0.compactMap(\.intValue) } }
}

extension String {
    /// The scalars: strings compare by canonical equivalence, which would hide what these tests are about.
    var exact: [UInt32] { unicodeScalars.map(\.value) }
}
