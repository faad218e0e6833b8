import OrderedJSON

/// Reads what `tokenizer_config.json` adds to a tokenizer.
struct TokenizerConfiguration {
    private let root: JSONObject

    /// The file's content.
    init(_ json: JSONValue) throws(TokenizationError) {
        guard let object = json.objectValue else {
            throw TokenizationError(.malformed, "tokenizer_config.json: not a JSON object")
        }
        root = object
    }

    /// Adds tokens that `tokenizer.json` lacks, the names of eos, pad and bos, and the chat template.
    func apply(to definition: inout TokenizerDefinition) throws(TokenizationError) {
        let known = Set(definition.addedTokens.map(\.id))
        for (key, value) in root["added_tokens_decoder"]?.objectValue ?? [:] {
            guard let id = Int(key), let token = AddedToken(id: id, json: value) else {
                throw TokenizationError(
                    .malformed,
                    "tokenizer_config.json: added_tokens_decoder[\(quote(key))], expected an id and an object "
                        + "with a content and true or false flags")
            }
            if !known.contains(id) { definition.addedTokens.append(token) }
        }
        definition.eos = try token("eos_token") ?? definition.eos
        definition.pad = try token("pad_token") ?? definition.pad
        definition.bos = try token("bos_token") ?? definition.bos
        try readPrefix(into: &definition)
        try readChatTemplate(into: &definition)
    }

    /// transformers' Llama tokenizers, which DeepSeek's models name, make their own post-processor of `add_bos_token`.
    private func readPrefix(into definition: inout TokenizerDefinition) throws(TokenizationError) {
        guard root["tokenizer_class"]?.stringValue?.hasPrefix("LlamaTokenizer") == true,
            let flag = root["add_bos_token"]?.boolValue
        else { return }
        definition.prefix = flag ? [definition.bos].compactMap { $0 } : []
    }

    private func token(_ key: String) throws(TokenizationError) -> TokenizerDefinition.Reference? {
        guard let value = root[key], !value.isNull else { return nil }
        if let content = value.stringValue ?? value["content"]?.stringValue { return .content(content) }
        throw TokenizationError(
            .malformed, "tokenizer_config.json: \(key), expected a string or an object with a content")
    }

    /// One template, or a list of `{"name", "template"}` of which `default` is the default.
    private func readChatTemplate(into definition: inout TokenizerDefinition) throws(TokenizationError) {
        switch root["chat_template"] ?? .null {
        case .null: return
        case .string(let text): definition.chatTemplate = text
        case .array(let entries):
            for entry in entries {
                guard let name = entry["name"]?.stringValue, let text = entry["template"]?.stringValue else {
                    throw TokenizationError(
                        .malformed,
                        "tokenizer_config.json: an entry of chat_template, expected an object with name and template")
                }
                definition.namedChatTemplates[name] = text
            }
            definition.chatTemplate = definition.namedChatTemplates["default"] ?? definition.chatTemplate
        default:
            throw TokenizationError(
                .malformed, "tokenizer_config.json: chat_template, expected a string or a list of named templates")
        }
    }
}
