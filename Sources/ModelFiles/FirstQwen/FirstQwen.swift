import OrderedJSON

/// The first Qwen (2023: 1.8B, 7B, 14B, 72B, and models trained from them) under the names and keys of Qwen2, whose
/// computation it is up to the length that it was trained for: one tensor holds queries, keys and values, every head has
/// keys of its own, and `w2` is the gate of the feed-forward layer.
///
/// Beyond that length (`seq_length`) the first Qwen changes its rotations and scales its queries, which nothing here does:
/// it is the length of the context.
///
/// Source: Bai et al. 2023, arXiv:2309.16609, section 2.3.
enum FirstQwen {
    /// Whether a config.json is of one.
    static func describes(_ configuration: JSONValue) -> Bool { configuration["model_type"] == "qwen" }

    /// Qwen2's configuration of the same model.
    ///
    /// - Throws: `ModelFileError` (`unsupported`) for what Qwen2 has no key for.
    static func configuration(
        _ configuration: JSONValue, generation: JSONValue?, path: String
    ) throws(ModelFileError) -> JSONValue {
        func require(_ key: String, _ expected: JSONValue) throws(ModelFileError) {
            guard let value = configuration[key], value != expected, value.doubleValue != expected.doubleValue ?? .nan
            else { return }
            throw ModelFileError(
                .unsupported, "\(path): \(key) is \(value.text()), expected \(expected.text()), as Qwen published it")
        }
        try require("no_bias", true)
        try require("rotary_pct", 1)
        try require("scale_attn_weights", true)
        guard configuration["quantization_config"]?.isNull != false else {
            throw ModelFileError(
                .unsupported,
                "\(path): the weights are quantised by GPTQ, which can't be read; take those without -Int4, -Int8")
        }
        let width = configuration["intermediate_size"]?.intValue ?? 0
        guard width > 0, width.isMultiple(of: 2) else {
            throw ModelFileError(
                .malformed,
                "\(path): intermediate_size is \(width), expected an even number: gate and up are a half each")
        }
        var result: JSONObject = ["architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu"]
        result["intermediate_size"] = .integer(width / 2)
        for (key, old) in [
            ("hidden_size", "hidden_size"), ("num_hidden_layers", "num_hidden_layers"),
            ("num_attention_heads", "num_attention_heads"), ("num_key_value_heads", "num_attention_heads"),
            ("head_dim", "kv_channels"), ("vocab_size", "vocab_size"), ("initializer_range", "initializer_range"),
            ("rms_norm_eps", "layer_norm_epsilon"), ("rope_theta", "rotary_emb_base"),
            ("max_position_embeddings", "seq_length"), ("tie_word_embeddings", "tie_word_embeddings"),
            ("torch_dtype", "torch_dtype"),
        ] {
            if let value = configuration[old], !value.isNull { result[key] = value }
        }
        result["use_sliding_window"] = false
        result["eos_token_id"] = isChat(generation) ? .array([151_645, 151_643]) : 151_643
        return .object(result)
    }

    /// Whether a generation_config.json is a chat model's.
    static func isChat(_ generation: JSONValue?) -> Bool { generation?["chat_format"] == "chatml" }

    /// Which tensor holds a weight of Qwen2's, and which third of its rows it is, where it is one of three.
    static func place(of name: String) -> (stored: String, third: Int?)? {
        if let stored = outer[name] { return (stored, nil) }
        let pieces = name.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard pieces.count == 4, pieces[0] == "model", pieces[1] == "layers",
            let (stored, third) = inner[String(pieces[3])]
        else { return nil }
        return ("transformer.h.\(pieces[2]).\(stored)", third)
    }

    /// Qwen2's names of a stored tensor: three for that of queries, keys and values, none for buffers.
    static func names(of stored: String) -> [String] {
        if let name = outer.first(where: { $1 == stored })?.key { return [name] }
        let pieces = stored.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard pieces.count == 4, pieces[0] == "transformer", pieces[1] == "h" else { return [] }
        return inner.filter { $1.stored == pieces[3] }.sorted { ($0.value.third ?? 0) < ($1.value.third ?? 0) }
            .map { "model.layers.\(pieces[2]).\($0.key)" }
    }

    private static let outer = [
        "model.embed_tokens.weight": "transformer.wte.weight", "model.norm.weight": "transformer.ln_f.weight",
        "lm_head.weight": "lm_head.weight",
    ]

    private static let inner: [String: (stored: String, third: Int?)] = [
        "input_layernorm.weight": ("ln_1.weight", nil), "post_attention_layernorm.weight": ("ln_2.weight", nil),
        "self_attn.q_proj.weight": ("attn.c_attn.weight", 0), "self_attn.q_proj.bias": ("attn.c_attn.bias", 0),
        "self_attn.k_proj.weight": ("attn.c_attn.weight", 1), "self_attn.k_proj.bias": ("attn.c_attn.bias", 1),
        "self_attn.v_proj.weight": ("attn.c_attn.weight", 2), "self_attn.v_proj.bias": ("attn.c_attn.bias", 2),
        "self_attn.o_proj.weight": ("attn.c_proj.weight", nil), "mlp.gate_proj.weight": ("mlp.w2.weight", nil),
        "mlp.up_proj.weight": ("mlp.w1.weight", nil), "mlp.down_proj.weight": ("mlp.c_proj.weight", nil),
    ]
}

extension StoredTensor {
    /// The same tensor under another name.
    func renamed(_ name: String) -> StoredTensor {
        StoredTensor(name: name, shape: shape, type: type, file: file, offset: offset)
    }

    /// A third of the rows under a name of its own; `nil` where rows don't come in threes.
    func third(_ index: Int, named name: String) -> StoredTensor? {
        guard let rows = shape.first, rows.isMultiple(of: 3), type.elementsPerBlock == 1 else { return nil }
        let part = [rows / 3] + shape.dropFirst()
        return StoredTensor(
            name: name, shape: part, type: type, file: file,
            offset: offset + index * part.reduce(1, *) * type.bytesPerBlock)
    }
}

extension HuggingFaceFolder {
    /// What config.json says in the keys of Qwen2 and Qwen3: that of a first Qwen is translated, others stay as they are.
    ///
    /// - Throws: `ModelFileError` for a first Qwen that can't be.
    public static func currentKeys(
        _ configuration: JSONValue, generation: JSONValue?, path: String
    ) throws(ModelFileError) -> JSONValue {
        guard FirstQwen.describes(configuration) else { return configuration }
        return try FirstQwen.configuration(configuration, generation: generation, path: path)
    }
}
