extension Tokenizer {
    /// A tokenizer from the lists that GGUF metadata holds.
    ///
    /// The metadata tells less than `tokenizer.json` and in part wrongly. So that the ids are those of the published
    /// Qwen tokenizer, text is brought into NFC, and tokens that Qwen publishes as not special (`<|fim_prefix|>`,
    /// `<think>`, `<tool_call>`, …) are so whatever their type says.
    ///
    /// - Parameter tokens: `tokenizer.ggml.tokens`, spellings by id.
    /// - Parameter merges: `tokenizer.ggml.merges`, `"a b"` by rank.
    /// - Parameter tokenTypes: `tokenizer.ggml.token_type`, one for each token: 1 normal, 2 unknown, 3 control, 4 user
    ///   defined, 5 unused (such ids stand for nothing and are never produced), 6 byte.
    /// - Parameter model: `tokenizer.ggml.model`; only `gpt2`, byte-level byte-pair encoding, is supported.
    /// - Parameter preTokenizer: `tokenizer.ggml.pre`; only `qwen2` is supported, which Qwen2, Qwen2.5, QwQ and Qwen3 use,
    ///   and `deepseek-r1-qwen`, which is the same rule.
    /// - Parameter addsBOS: `tokenizer.ggml.add_bos_token`: whether every text begins with `bosID`.
    /// - Throws: `TokenizationError`, also for tokenizers of another family.
    public convenience init(
        tokens: [String], merges: [String], tokenTypes: [Int], model: String = "gpt2", preTokenizer: String = "qwen2",
        eosID: Int? = nil, padID: Int? = nil, bosID: Int? = nil, addsBOS: Bool = false, chatTemplate: String? = nil
    ) throws(TokenizationError) {
        guard model == "gpt2" else {
            throw TokenizationError(.unsupported, "tokenizer.ggml.model is \(quote(model)), expected 'gpt2'")
        }
        guard ["qwen2", "deepseek-r1-qwen"].contains(preTokenizer) else {
            throw TokenizationError(.unsupported, "tokenizer.ggml.pre is \(quote(preTokenizer)), expected 'qwen2'")
        }
        guard tokens.count <= Vocabulary.largestID else {
            throw TokenizationError(
                .malformed, "tokenizer.ggml.tokens: \(tokens.count), expected at most \(Vocabulary.largestID)")
        }
        guard tokenTypes.count == tokens.count else {
            throw TokenizationError(
                .malformed,
                "tokenizer.ggml.token_type: \(tokenTypes.count) entries, expected one for each of \(tokens.count) tokens"
            )
        }
        for (name, id) in [("eos", eosID), ("padding", padID), ("bos", bosID)] {
            guard let id, !tokens.indices.contains(id) else { continue }
            throw TokenizationError(
                .malformed, "tokenizer.ggml.\(name)_token_id is \(id), expected 0 to \(tokens.count - 1)")
        }
        var definition = TokenizerDefinition(spellings: [], merges: merges.map { .joined($0) }, addedTokens: [])
        definition.spellings.reserveCapacity(tokens.count)
        for (id, (token, type)) in zip(tokens, tokenTypes).enumerated() {
            let kind = TokenKind(type: type, token: token)
            switch kind {
            case .unused: definition.spellings.append(nil)
            case .normal: definition.spellings.append(token)
            case .special, .userDefined:
                definition.spellings.append(nil)
                definition.addedTokens.append(AddedToken(id: id, content: token, isSpecial: kind == .special))
            }
        }
        while definition.spellings.last == .some(nil) { definition.spellings.removeLast() }
        definition.eos = eosID.map { .id($0) }
        definition.pad = padID.map { .id($0) }
        definition.bos = bosID.map { .id($0) }
        definition.prefix = addsBOS ? [bosID.map { .id($0) }].compactMap { $0 } : []
        definition.chatTemplate = chatTemplate
        try self.init(definition)
    }
}

/// What a token of GGUF metadata is.
private enum TokenKind {
    case normal, special, userDefined, unused

    /// Tokens that Qwen's own files add as not special; converters mark some of them as control tokens.
    private static let publishedAsText: Set<String> = [
        "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>",
        "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>",
    ]

    init(type: Int, token: String) {
        switch type {
        case 5: self = .unused
        case _ where Self.publishedAsText.contains(token): self = .userDefined
        case 3: self = .special
        case 4: self = .userDefined
        default: self = .normal
        }
    }
}
