import Foundation
import ModelFiles
import Tokenization

extension ModelLocation {
    /// Whether there are the files or metadata of a tokenizer.
    public var hasTokenizer: Bool {
        switch self {
        case .folder(let path): PathKind("\(path)/tokenizer.json") != .missing
        case .gguf(let file): file.metadata["tokenizer.ggml.tokens"] != nil
        }
    }

    /// The model's tokenizer; needs no weights.
    ///
    /// - Throws: `TokenizationError` or `ModelFileError`.
    public func tokenizer() throws -> Tokenizer {
        switch self {
        case .folder(let path): return try Tokenizer(folder: URL(fileURLWithPath: path))
        case .gguf(let file):
            let lists = try GGUFTokenizer(file)
            return try Tokenizer(
                tokens: lists.tokens, merges: lists.merges, tokenTypes: lists.kinds.map { Int($0.rawValue) },
                model: lists.model, preTokenizer: lists.preTokenizer ?? "qwen2", eosID: lists.eosTokenID,
                padID: lists.paddingTokenID, bosID: lists.bosTokenID, chatTemplate: lists.chatTemplate)
        }
    }
}

extension Tokenizer {
    /// The text of a token of the vocabulary, or `nil`.
    public func text(of id: Int?) -> String? {
        id.flatMap { bytes(of: $0) }.map { String(decoding: $0, as: UTF8.self) }
    }
}
