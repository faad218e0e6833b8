import OrderedJSON

/// The tokenizer of a GGUF file, or of a first Qwen, as the files of a Hugging Face folder.
///
/// GGUF says less than tokenizer.json does; what it is silent about is as Qwen publishes it: NFC, the splitting rule, and
/// that `<|fim_…|>`, `<tool_call>`, `<think>` and their like are not special.
struct TokenizerFiles {
    private let lists: GGUFTokenizer?

    init(_ file: GGUFFile) throws(ModelFileError) {
        lists = file.metadata["tokenizer.ggml.tokens"] == nil ? nil : try GGUFTokenizer(file)
    }

    init(_ lists: GGUFTokenizer) { self.lists = lists }

    /// Qwen's rule for cutting text into words, the same for Qwen2, Qwen2.5, QwQ and Qwen3.
    private static let splitting =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    private static let publishedAsText: Set<String> = [
        "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>",
        "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>",
    ]

    /// Writes tokenizer.json, tokenizer_config.json, generation_config.json and chat_template.jinja.
    func write(to folder: String) throws(ModelFileError) {
        guard let lists else { return }
        try AtomicFile.write(tokenizer(lists).text(.pretty(2)) + "\n", to: folder + "/tokenizer.json")
        try AtomicFile.write(settings(lists).text(.pretty(2)) + "\n", to: folder + "/tokenizer_config.json")
        if let template = lists.chatTemplate { try AtomicFile.write(template, to: folder + "/chat_template.jinja") }
        var ends = [lists.eosTokenID, lists.eotTokenID].compactMap { $0 }
        if ends.count == 2, ends[0] == ends[1] { ends.removeLast() }
        if !ends.isEmpty {
            let generation: JSONValue = ["eos_token_id": .array(ends.map { .integer($0) })]
            try AtomicFile.write(generation.text(.pretty(2)) + "\n", to: folder + "/generation_config.json")
        }
    }

    private func added(_ lists: GGUFTokenizer) -> [(id: Int, text: String, isSpecial: Bool)] {
        lists.tokens.enumerated().compactMap { id, token in
            switch lists.kinds[id] {
            case .control, .userDefined, .unknown:
                (id, token, lists.kinds[id] != .userDefined && !Self.publishedAsText.contains(token))
            case .normal, .unused, .byte: nil
            }
        }
    }

    private func tokenizer(_ lists: GGUFTokenizer) -> JSONValue {
        let byteLevel: JSONObject = [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false,
        ]
        var vocabulary = JSONObject()
        for (id, token) in lists.tokens.enumerated() where lists.kinds[id] == .normal {
            vocabulary[token] = .integer(id)
        }
        let addedTokens: [JSONValue] = added(lists).map { token in
            [
                "id": .integer(token.id), "content": .string(token.text), "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": .bool(token.isSpecial),
            ]
        }
        let split: JSONValue = [
            "type": "Split", "pattern": ["Regex": .string(Self.splitting)], "behavior": "Isolated", "invert": false,
        ]
        return [
            "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": .array(addedTokens),
            "normalizer": ["type": "NFC"],
            "pre_tokenizer": ["type": "Sequence", "pretokenizers": [split, .object(byteLevel)]],
            "post_processor": .object(byteLevel), "decoder": .object(byteLevel),
            "model": [
                "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": "",
                "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": .object(vocabulary),
                "merges": .array(lists.merges.map { .array($0.split(separator: " ").map { .string(String($0)) }) }),
            ],
        ]
    }

    private func settings(_ lists: GGUFTokenizer) -> JSONValue {
        var object: JSONObject = [
            "add_bos_token": .bool(lists.addsBOS), "add_prefix_space": false, "clean_up_tokenization_spaces": false,
            "errors": "replace", "split_special_tokens": false,
            "tokenizer_class": lists.addsBOS ? "LlamaTokenizerFast" : "Qwen2Tokenizer", "unk_token": nil,
        ]
        // Qwen names a bos token in config.json but none in the tokenizer: it never begins a text.
        let bos = lists.addsBOS ? lists.bosTokenID : nil
        for (key, id) in [("bos_token", bos), ("eos_token", lists.eosTokenID), ("pad_token", lists.paddingTokenID)] {
            if let id { object[key] = .string(lists.tokens[id]) }
        }
        object["added_tokens_decoder"] = .object(
            JSONObject(
                added(lists).map { token in
                    (
                        String(token.id),
                        [
                            "content": .string(token.text), "lstrip": false, "normalized": false, "rstrip": false,
                            "single_word": false, "special": .bool(token.isSpecial),
                        ]
                    )
                }))
        return .object(object)
    }
}
