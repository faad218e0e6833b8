import Foundation
import OrderedJSON
import Tokenization

/// The reference renderings beside the package, made with transformers and Python's Jinja.
enum ChatTemplateFixtures {
    static let shared = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared")
    static let folder = shared.appending(path: "fixtures/chat")
    static let areThere = FileManager.default.fileExists(atPath: folder.appending(path: "rendered.jsonl").path)
    static let tokenizersAreThere = FileManager.default.fileExists(
        atPath: shared.appending(path: "tokenizers/qwen3-tokenizer/tokenizer_config.json").path)

    static func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: folder.appending(path: path)), as: UTF8.self)
    }

    static func json(_ path: String) throws -> JSONValue { try JSONValue(parsing: try text(path)) }

    static func lines(_ path: String) throws -> [JSONValue] {
        try text(path).split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }

    static let names = [
        "qwen2_5", "qwen2_5_training", "qwen3", "qwen3_2504", "qwen3_instruct_2507", "qwen3_training", "qwq",
    ]

    static func templates() throws -> [String: ChatTemplate] {
        var templates: [String: ChatTemplate] = [:]
        for name in names { templates[name] = try ChatTemplate(source: try text("templates/\(name).jinja")) }
        return templates
    }
}
