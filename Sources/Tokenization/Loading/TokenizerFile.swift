import OrderedJSON

/// Reads `tokenizer.json`, and refuses what is not byte-level byte-pair encoding with Qwen's pattern.
struct TokenizerFile {
    private let root: JSONObject
    private let place = "tokenizer.json"

    /// The file's content.
    init(_ json: JSONValue) throws(TokenizationError) {
        guard let object = json.objectValue else {
            throw TokenizationError(.malformed, "tokenizer.json: not a JSON object")
        }
        root = object
    }

    /// What the file defines.
    func definition() throws(TokenizationError) -> TokenizerDefinition {
        try checkPreTokenizer()
        try checkByteLevel("decoder")
        let prefix = try prefix()
        guard let model = root["model"]?.objectValue else { throw malformed("model", root["model"], "an object") }
        try check(model)
        var definition = TokenizerDefinition(
            spellings: try spellings(model["vocab"]), merges: try merges(model["merges"]),
            addedTokens: try addedTokens(), normalizes: try normalizes(root["normalizer"] ?? .null),
            ignoresMerges: model["ignore_merges"]?.boolValue ?? false)
        definition.prefix = prefix
        return definition
    }

    // MARK: Model

    private func check(_ model: JSONObject) throws(TokenizationError) {
        if let type = model["type"], type.stringValue != "BPE" { throw unsupported("model.type", type, "BPE") }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let value = model[key], !value.isNull, value.stringValue != "" {
                throw unsupported("model.\(key)", value, "none")
            }
        }
        if let dropout = model["dropout"], !dropout.isNull, dropout.doubleValue != 0 {
            throw unsupported("model.dropout", dropout, "none: ids would be random")
        }
    }

    private func spellings(_ json: JSONValue?) throws(TokenizationError) -> [String?] {
        guard let vocabulary = json?.objectValue else { throw malformed("model.vocab", json, "an object") }
        var spellings = [String?](repeating: nil, count: vocabulary.count)
        for (spelling, value) in vocabulary {
            guard let id = value.intValue, id >= 0, id < Vocabulary.largestID else {
                throw malformed("model.vocab[\(quote(spelling))]", value, "an id below \(Vocabulary.largestID)")
            }
            if id >= spellings.count {
                spellings += [String?](repeating: nil, count: id + 1 - spellings.count)
            }
            if let other = spellings[id] {
                throw TokenizationError(
                    .malformed, "\(place): id \(id) is both \(quote(other)) and \(quote(spelling))")
            }
            spellings[id] = spelling
        }
        return spellings
    }

    private func merges(_ json: JSONValue?) throws(TokenizationError) -> [TokenizerDefinition.MergeRule] {
        guard let list = json?.arrayValue else { throw malformed("model.merges", json, "an array") }
        var rules: [TokenizerDefinition.MergeRule] = []
        rules.reserveCapacity(list.count)
        for (index, entry) in list.enumerated() {
            switch entry {
            case .string(let text):
                if !text.utf8.starts(with: "#version".utf8) { rules.append(.joined(text)) }
            case .array(let parts):
                guard parts.count == 2, let left = parts[0].stringValue, let right = parts[1].stringValue else {
                    throw malformed("model.merges[\(index)]", entry, "two strings")
                }
                rules.append(.pair(left, right))
            default: throw malformed("model.merges[\(index)]", entry, "\"a b\" or [\"a\",\"b\"]")
            }
        }
        return rules
    }

    // MARK: Added tokens

    private func addedTokens() throws(TokenizationError) -> [AddedToken] {
        guard let json = root["added_tokens"], !json.isNull else { return [] }
        guard let list = json.arrayValue else { throw malformed("added_tokens", json, "an array") }
        var tokens: [AddedToken] = []
        for (index, entry) in list.enumerated() {
            guard let id = entry["id"]?.intValue, let token = AddedToken(id: id, json: entry) else {
                throw malformed(
                    "added_tokens[\(index)]", entry, "an object with an id, a content and true or false flags")
            }
            tokens.append(token)
        }
        return tokens
    }

    // MARK: Stages around the model

    private func normalizes(_ json: JSONValue) throws(TokenizationError) -> Bool {
        if json.isNull { return false }
        switch json["type"]?.stringValue {
        case "NFC": return true
        case "Sequence":
            var result = false
            for part in json["normalizers"]?.arrayValue ?? [] where try normalizes(part) { result = true }
            return result
        default: throw unsupported("normalizer", json["type"] ?? json, "NFC or none")
        }
    }

    private func checkPreTokenizer() throws(TokenizationError) {
        let json = root["pre_tokenizer"] ?? .null
        let parts = json["type"]?.stringValue == "Sequence" ? json["pretokenizers"]?.arrayValue ?? [] : [json]
        guard parts.count == 2, parts[0]["type"]?.stringValue == "Split",
            parts[1]["type"]?.stringValue == "ByteLevel"
        else {
            let types = parts.map { ($0["type"] ?? $0).text().prefix(60) }.joined(separator: ", ")
            throw TokenizationError(
                .unsupported, "\(place): pre_tokenizer is \(types), expected Split (Qwen's pattern), then ByteLevel")
        }
        let pattern = parts[0]["pattern"]?["Regex"]
        guard pattern?.stringValue == QwenPreTokenizer.pattern else {
            throw unsupported("pre_tokenizer pattern", pattern, "Qwen's \(QwenPreTokenizer.pattern)")
        }
        guard parts[0]["behavior"]?.stringValue == "Isolated", parts[0]["invert"]?.boolValue != true else {
            throw unsupported("pre_tokenizer split", parts[0]["behavior"], "Isolated, not inverted")
        }
        try checkFlags("pre_tokenizer", parts[1])
    }

    /// ByteLevel's flags default to true where they are absent.
    private func checkFlags(_ stage: String, _ json: JSONValue) throws(TokenizationError) {
        for key in ["add_prefix_space", "use_regex"] where json[key]?.boolValue != false {
            throw unsupported("\(stage).\(key)", json[key] ?? true, "false")
        }
    }

    private func checkByteLevel(_ stage: String) throws(TokenizationError) {
        let json = root[stage] ?? .null
        guard json["type"]?.stringValue == "ByteLevel" else {
            throw unsupported(stage, json["type"] ?? json, "ByteLevel")
        }
    }

    /// The tokens that the post-processor puts before a text.
    private func prefix() throws(TokenizationError) -> [TokenizerDefinition.Reference] {
        let json = root["post_processor"] ?? .null
        if json.isNull { return [] }
        let parts = json["type"] == "Sequence" ? json["processors"]?.arrayValue ?? [] : [json]
        guard let template = parts.first(where: { $0["type"] == "TemplateProcessing" }) else {
            try checkByteLevel("post_processor")
            return []
        }
        // Special tokens before the text A itself; what stands behind it would end prompts that are to be continued.
        guard let pieces = template["single"]?.arrayValue, let text = pieces.last?["Sequence"], text["id"] == "A" else {
            throw unsupported("post_processor", template["single"], "a template that ends in the text itself")
        }
        var prefix: [TokenizerDefinition.Reference] = []
        for piece in pieces.dropLast() {
            guard let token = piece["SpecialToken"]?["id"]?.stringValue else {
                throw malformed("post_processor.single", template["single"], "special tokens and the text A")
            }
            prefix.append(.content(token))
        }
        return prefix
    }

    // MARK: Errors

    private func malformed(_ key: String, _ got: JSONValue?, _ expected: String) -> TokenizationError {
        TokenizationError(.malformed, "\(place): \(key) is \(Self.excerpt(got)), expected \(expected)")
    }

    private func unsupported(_ key: String, _ got: JSONValue?, _ expected: String) -> TokenizationError {
        TokenizationError(
            .unsupported,
            "\(place): \(key) is \(Self.excerpt(got)), expected \(expected); only the byte-level BPE of Qwen is supported"
        )
    }

    private static func excerpt(_ json: JSONValue?) -> String {
        switch json {
        case nil: return "missing"
        case .object(let object): return "an object of \(object.count) keys"
        case .array(let elements): return "an array of \(elements.count) elements"
        case let value?:
            let text = value.text()
            return text.count > 200 ? text.prefix(200) + "…" : text
        }
    }
}

extension AddedToken {
    /// An added token as `added_tokens` and `added_tokens_decoder` describe it; `nil` if it is not of that form.
    init?(id: Int, json: JSONValue) {
        guard let content = json["content"]?.stringValue else { return nil }
        var flags: [String: Bool] = [:]
        for key in ["special", "lstrip", "rstrip", "normalized", "single_word"] {
            guard let value = json[key], !value.isNull else { continue }
            guard let flag = value.boolValue else { return nil }
            flags[key] = flag
        }
        let isSpecial = flags["special"] ?? false
        self.init(
            id: id, content: content, isSpecial: isSpecial, stripsLeft: flags["lstrip"] ?? false,
            stripsRight: flags["rstrip"] ?? false, isNormalized: flags["normalized"] ?? !isSpecial,
            isSingleWord: flags["single_word"] ?? false)
    }
}
