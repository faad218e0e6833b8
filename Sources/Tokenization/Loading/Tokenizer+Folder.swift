import Foundation
import OrderedJSON

extension Tokenizer {
    /// The tokenizer of a Hugging Face folder.
    ///
    /// Reads `tokenizer.json`; if they are there also `tokenizer_config.json` (names of eos, pad and bos, further added
    /// tokens, chat template) and `chat_template.jinja`, which goes before the configuration's template.
    /// `truncation` and `padding` in `tokenizer.json` are ignored, as `transformers` does.
    ///
    /// - Throws: `TokenizationError`, also for tokenizers of another family.
    public convenience init(folder: URL) throws(TokenizationError) {
        let file = folder.appendingPathComponent("tokenizer.json")
        guard let json = try Self.json(at: file, limit: 256 << 20) else {
            throw TokenizationError(
                .unreadable, "\(file.path): no such file; a model folder needs its tokenizer.json, get it from the Hub")
        }
        let configuration = try Self.json(at: folder.appendingPathComponent("tokenizer_config.json"), limit: 64 << 20)
        let template = try Self.data(at: folder.appendingPathComponent("chat_template.jinja"), limit: 16 << 20)
        try self.init(
            tokenizerJSON: json, configuration: configuration,
            chatTemplate: template.map { String(decoding: $0, as: UTF8.self) })
    }

    /// A tokenizer from the contents of its files.
    ///
    /// - Parameter tokenizerJSON: `tokenizer.json`.
    /// - Parameter configuration: `tokenizer_config.json`.
    /// - Parameter chatTemplate: `chat_template.jinja`; goes before the configuration's template.
    /// - Throws: `TokenizationError`, also for tokenizers of another family.
    public convenience init(
        tokenizerJSON: JSONValue, configuration: JSONValue? = nil, chatTemplate: String? = nil
    ) throws(TokenizationError) {
        var definition = try TokenizerFile(tokenizerJSON).definition()
        if let configuration { try TokenizerConfiguration(configuration).apply(to: &definition) }
        if let chatTemplate { definition.chatTemplate = chatTemplate }
        try self.init(definition)
    }

    private static func json(at url: URL, limit: Int) throws(TokenizationError) -> JSONValue? {
        guard let data = try data(at: url, limit: limit) else { return nil }
        do throws(JSONError) { return try JSONValue(parsing: data) } catch {
            throw TokenizationError(.malformed, "\(url.path): \(error)", cause: error)
        }
    }

    /// The bytes of a plain file; `nil` if there is none of the name.
    private static func data(at url: URL, limit: Int) throws(TokenizationError) -> Data? {
        let path = url.resolvingSymlinksInPath().path
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            guard attributes[.type] as? FileAttributeType == .typeRegular else {
                throw TokenizationError(.unreadable, "\(url.path): not a plain file")
            }
            let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
            guard size <= limit else {
                throw TokenizationError(.unreadable, "\(url.path): \(size) bytes, expected at most \(limit)")
            }
            return try Data(contentsOf: URL(fileURLWithPath: path))
        } catch let error as TokenizationError {
            throw error
        } catch {
            throw TokenizationError(
                .unreadable, "\(url.path): can't be read (\(error.localizedDescription))", cause: error)
        }
    }
}
