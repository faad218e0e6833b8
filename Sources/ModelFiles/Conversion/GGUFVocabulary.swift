import Foundation
import OrderedJSON

/// A tokenizer.json as the lists that GGUF holds.
struct GGUFVocabulary {
    private var tokens: [String] = []
    private var kinds: [Int32] = []
    private var merges: [String] = []
    private var ids: [(key: String, id: Int)] = []
    private var chatTemplate: String?
    private var addsBOS = false

    /// Reads the tokenizer of a folder; `nil` if it has none.
    ///
    /// - Parameter configuration: config.json; `vocab_size` says how many rows the embedding has.
    /// - Throws: `ModelFileError` if it is not byte-level BPE, or has more tokens than the model.
    init?(folder: String, configuration: JSONValue, generation: JSONValue?) throws(ModelFileError) {
        let path = folder + "/tokenizer.json"
        if let lists = try GGUFTokenizer(firstQwen: folder) {
            try readLists(lists, configuration, path: folder)
            return
        }
        guard access(path, F_OK) == 0 else { return nil }
        let file = JSONValue.object(try JSONFile.object(in: try MappedFile(path: path)))
        let settingsPath = folder + "/tokenizer_config.json"
        let settings: JSONValue? =
            access(settingsPath, F_OK) == 0 ? .object(try JSONFile.object(in: try MappedFile(path: settingsPath))) : nil
        guard let model = file["model"], model["type"]?.stringValue == "BPE",
            let vocabulary = model["vocab"]?.objectValue, let rules = model["merges"]?.arrayValue
        else {
            throw ModelFileError(.unsupported, "\(path): not a BPE tokenizer with vocab and merges, as Qwen's is")
        }
        try readTokens(vocabulary, added: file["added_tokens"]?.arrayValue ?? [], configuration, path: path)
        for rule in rules {
            let parts = rule.arrayValue?.compactMap(\.stringValue) ?? []
            merges.append(rule.stringValue ?? parts.joined(separator: " "))
        }
        readIDs(settings, configuration: configuration, generation: generation)
        let templatePath = folder + "/chat_template.jinja"
        if access(templatePath, F_OK) == 0 {
            chatTemplate = try MappedFile(path: templatePath).withBytes { String(decoding: $0, as: UTF8.self) }
        } else {
            chatTemplate = settings?["chat_template"]?.stringValue ?? Self.defaultTemplate(settings?["chat_template"])
        }
    }

    /// Takes lists as they are, filled up to the rows of the embedding.
    private mutating func readLists(
        _ lists: GGUFTokenizer, _ configuration: JSONValue, path: String
    ) throws(ModelFileError) {
        let count = configuration["vocab_size"]?.intValue ?? lists.tokens.count
        guard count >= lists.tokens.count, count <= 1 << 24 else {
            throw ModelFileError(
                .mismatched, "\(path): the tokenizer has \(lists.tokens.count) tokens, but the model \(count) rows")
        }
        let padding = (lists.tokens.count..<count).map { "[PAD\($0)]" }
        tokens = lists.tokens + padding
        kinds = lists.kinds.map(\.rawValue) + padding.map { _ in GGUFTokenizer.TokenKind.unused.rawValue }
        merges = lists.merges
        ids = [("eos_token_id", lists.eosTokenID), ("padding_token_id", lists.paddingTokenID)]
            .compactMap { key, id in id.map { (key, $0) } }
        chatTemplate = lists.chatTemplate
    }

    private static func defaultTemplate(_ list: JSONValue?) -> String? {
        list?.arrayValue?.first { $0["name"]?.stringValue == "default" }?["template"]?.stringValue
    }

    private mutating func readTokens(
        _ vocabulary: JSONObject, added: [JSONValue], _ configuration: JSONValue, path: String
    ) throws(ModelFileError) {
        var spelling: [Int: (text: String, kind: GGUFTokenizer.TokenKind)] = [:]
        for (token, id) in vocabulary { if let id = id.intValue { spelling[id] = (token, .normal) } }
        for token in added {
            guard let id = token["id"]?.intValue, let text = token["content"]?.stringValue else { continue }
            // llama.cpp takes what looks like a control token for one, whatever the file says.
            let isControl = token["special"]?.boolValue == true || text.hasPrefix("<|") && text.hasSuffix("|>")
            spelling[id] = (text, isControl ? .control : .userDefined)
        }
        let count = configuration["vocab_size"]?.intValue ?? (spelling.keys.max() ?? -1) + 1
        guard count > 0, count <= 1 << 24, spelling.keys.allSatisfy({ $0 >= 0 && $0 < count }) else {
            throw ModelFileError(
                .mismatched,
                "\(path): token ids reach from \(spelling.keys.min() ?? 0) to \(spelling.keys.max() ?? 0), but the model has "
                    + "\(count) rows; is it the tokenizer of this model?")
        }
        for id in 0..<count {
            let token = spelling[id] ?? ("[PAD\(id)]", .unused)
            tokens.append(token.text)
            kinds.append(token.kind.rawValue)
        }
    }

    private mutating func readIDs(_ settings: JSONValue?, configuration: JSONValue, generation: JSONValue?) {
        let indices = Dictionary(zip(tokens, tokens.indices), uniquingKeysWith: { first, _ in first })
        func id(_ name: String, _ fallback: String) -> Int? {
            let value = settings?[name]
            let text = value?.stringValue ?? value?["content"]?.stringValue
            let number = configuration[fallback]?.intValue ?? configuration[fallback]?[0]?.intValue
            return (text.flatMap { indices[$0] } ?? number).flatMap { tokens.indices.contains($0) ? $0 : nil }
        }
        let eos = id("eos_token", "eos_token_id")
        let isLlama = settings?["tokenizer_class"]?.stringValue?.hasPrefix("LlamaTokenizer") == true
        addsBOS = isLlama && settings?["add_bos_token"]?.boolValue == true
        ids = [
            ("bos_token_id", id("bos_token", "bos_token_id")), ("eos_token_id", eos),
            ("padding_token_id", id("pad_token", "pad_token_id")),
        ].compactMap { key, id in id.map { (key, $0) } }
        // A second token that ends a turn: generation_config.json lists both for chat models.
        let ends = generation?["eos_token_id"]?.arrayValue?.compactMap(\.intValue) ?? []
        if let other = ends.first(where: { $0 != eos && tokens.indices.contains($0) }) {
            ids.append(("eot_token_id", other))
        }
    }

    /// Adds the `tokenizer.*` keys.
    func add(to metadata: inout GGUFMetadata) {
        metadata.set("tokenizer.ggml.model", .string("gpt2"))
        metadata.set("tokenizer.ggml.pre", .string("qwen2"))
        metadata.set("tokenizer.ggml.tokens", .array(.string(tokens)))
        metadata.set("tokenizer.ggml.token_type", .array(.int32(kinds)))
        metadata.set("tokenizer.ggml.merges", .array(.string(merges)))
        for (key, id) in ids { metadata.set("tokenizer.ggml.\(key)", .uint32(UInt32(clamping: id))) }
        metadata.set("tokenizer.ggml.add_bos_token", .bool(addsBOS))
        if let chatTemplate { metadata.set("tokenizer.chat_template", .string(chatTemplate)) }
    }
}
