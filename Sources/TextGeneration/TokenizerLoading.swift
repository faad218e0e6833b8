import Foundation
import ModelFiles
import Tokenization

extension ModelLocation {
    /// Whether there are the files or metadata of a tokenizer.
    public var hasTokenizer: Bool {
        switch self {
        case .folder(let path):
            PathKind("\(path)/tokenizer.json") != .missing || PathKind("\(path)/qwen.tiktoken") != .missing
        case .gguf(let file): file.metadata["tokenizer.ggml.tokens"] != nil
        }
    }

    /// The model's tokenizer; needs no weights.
    ///
    /// - Throws: `TokenizationError` or `ModelFileError`.
    public func tokenizer() throws -> Tokenizer {
        switch self {
        case .folder(let path):
            guard let lists = try GGUFTokenizer(firstQwen: path) else {
                return try Tokenizer(folder: URL(fileURLWithPath: path))
            }
            return try Tokenizer(lists)
        case .gguf(let file): return try Tokenizer(GGUFTokenizer(file))
        }
    }
}

extension Tokenizer {
    /// A tokenizer of plain lists.
    fileprivate convenience init(_ lists: GGUFTokenizer) throws {
        try self.init(
            tokens: lists.tokens, merges: lists.merges, tokenTypes: lists.kinds.map { Int($0.rawValue) },
            model: lists.model, preTokenizer: lists.preTokenizer ?? "qwen2", eosID: lists.eosTokenID,
            padID: lists.paddingTokenID, bosID: lists.bosTokenID, addsBOS: lists.addsBOS,
            chatTemplate: lists.chatTemplate)
    }
}

extension Tokenizer {
    /// The text of a token of the vocabulary, or `nil`.
    public func text(of id: Int?) -> String? {
        id.flatMap { bytes(of: $0) }.map { String(decoding: $0, as: UTF8.self) }
    }
}
