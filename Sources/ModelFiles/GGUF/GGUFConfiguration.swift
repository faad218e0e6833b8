import OrderedJSON

/// Turns GGUF's metadata into what config.json of the same model says.
///
/// Where GGUF is silent, llama.cpp's defaults hold, written out so that no reader's own defaults come in.
struct GGUFConfiguration {
    private let keys: GGUFKeys
    private let architecture: GGUFModel.Architecture

    init(_ file: GGUFFile, _ architecture: GGUFModel.Architecture) {
        keys = GGUFKeys(file)
        self.architecture = architecture
    }

    private var path: String { keys.file.file.path }

    /// `qwen2.block_count` for `block_count`.
    private func key(_ name: String) -> String { "\(architecture.rawValue).\(name)" }

    func json() throws(ModelFileError) -> JSONValue {
        let hidden = try keys.require(key("embedding_length"), keys.size)
        let heads = try keys.require(key("attention.head_count"), keys.size)
        let vocabulary = try vocabularySize(hidden: hidden)
        var config = JSONObject()
        let (className, modelType) = huggingFaceNames
        config["architectures"] = .array([.string(className)])
        config["model_type"] = .string(modelType)
        config["hidden_size"] = .integer(hidden)
        config["num_hidden_layers"] = .integer(try keys.require(key("block_count"), keys.size))
        config["num_attention_heads"] = .integer(heads)
        config["num_key_value_heads"] = .integer(try keys.size(key("attention.head_count_kv")) ?? heads)
        config["head_dim"] = .integer(try headWidth(hidden: hidden, heads: heads))
        config["intermediate_size"] = .integer(try keys.require(key("feed_forward_length"), keys.size))
        config["hidden_act"] = "silu"
        config["rms_norm_eps"] = .double(try keys.require(key("attention.layer_norm_rms_epsilon"), keys.positive))
        config["rope_theta"] = .double(try keys.positive(key("rope.freq_base")) ?? 10_000)
        config["rope_scaling"] = try ropeScaling()
        config["max_position_embeddings"] = .integer(try keys.require(key("context_length"), keys.size))
        config["use_sliding_window"] = false
        config["vocab_size"] = .integer(vocabulary)
        config["tie_word_embeddings"] = .bool(keys.file.tensors["output.weight"] == nil)
        if architecture != .qwen2 {
            config["attention_bias"] = .bool(keys.file.tensors["blk.0.attn_q.bias"] != nil)
        }
        if architecture == .qwen3moe { try addExperts(to: &config) }
        let ids = 0..<vocabulary
        config["bos_token_id"] = try keys.integer("tokenizer.ggml.bos_token_id", in: ids).map(JSONValue.integer)
        config["eos_token_id"] = try keys.integer("tokenizer.ggml.eos_token_id", in: ids).map(JSONValue.integer)
        config["pad_token_id"] = try keys.integer("tokenizer.ggml.padding_token_id", in: ids).map(JSONValue.integer)
        return .object(config)
    }

    private var huggingFaceNames: (className: String, modelType: String) {
        switch architecture {
        case .qwen2: ("Qwen2ForCausalLM", "qwen2")
        case .qwen3: ("Qwen3ForCausalLM", "qwen3")
        case .qwen3moe: ("Qwen3MoeForCausalLM", "qwen3_moe")
        }
    }

    /// The rows of the embedding, which is padded beyond the tokens.
    private func vocabularySize(hidden: Int) throws(ModelFileError) -> Int {
        guard let embedding = keys.file.tensors["token_embd.weight"] else {
            throw ModelFileError(.missing, "\(path): tensor 'token_embd.weight' is not there, but it is needed")
        }
        guard embedding.shape.count == 2, embedding.shape[1] == hidden else {
            throw ModelFileError(
                .mismatched,
                "\(path): tensor 'token_embd.weight' has shape \(embedding.shape), expected [tokens, \(hidden)]")
        }
        if case .array(.string(let tokens))? = keys.file.metadata["tokenizer.ggml.tokens"],
            tokens.count > embedding.shape[0]
        {
            throw ModelFileError(
                .mismatched,
                "\(path): the tokenizer has \(tokens.count) tokens, but 'token_embd.weight' only \(embedding.shape[0]) rows"
            )
        }
        return embedding.shape[0]
    }

    private func headWidth(hidden: Int, heads: Int) throws(ModelFileError) -> Int {
        let keyWidth = try keys.size(key("attention.key_length"))
        guard let width = keyWidth ?? (hidden % heads == 0 ? hidden / heads : nil) else {
            throw ModelFileError(
                .malformed,
                "\(path): \(key("attention.key_length")) is not there, and embedding_length \(hidden) is not a multiple "
                    + "of head_count \(heads)")
        }
        for name in ["attention.value_length", "rope.dimension_count"] {
            if let other = try keys.size(key(name)), other != width {
                throw ModelFileError(
                    .unsupported, "\(path): \(key(name)) is \(other), expected \(width), the width of a key")
            }
        }
        return width
    }

    private func addExperts(to config: inout JSONObject) throws(ModelFileError) {
        let experts = try keys.require(key("expert_count")) { (key) throws(ModelFileError) in
            try keys.integer(key, in: 1..<4097)
        }
        let used = try keys.require(key("expert_used_count")) { (key) throws(ModelFileError) in
            try keys.integer(key, in: 1..<experts + 1)
        }
        config["num_experts"] = .integer(experts)
        config["num_experts_per_tok"] = .integer(used)
        config["moe_intermediate_size"] = .integer(try keys.require(key("expert_feed_forward_length"), keys.size))
        config["norm_topk_prob"] = .bool(try keys.bool(key("expert_weights_norm")) ?? true)
        config["decoder_sparse_step"] = 1
        config["mlp_only_layers"] = []
    }

    /// `rope_scaling` as config.json has it; `nil` if positions are not scaled.
    ///
    /// llama.cpp's converter copies Hugging Face's `attention_factor` into `yarn_attn_factor`, and so it comes back.
    private func ropeScaling() throws(ModelFileError) -> JSONValue? {
        let kind = try keys.string(key("rope.scaling.type")) ?? "none"
        switch kind {
        case "none": return nil
        case "linear":
            return [
                "rope_type": "linear", "factor": .double(try keys.require(key("rope.scaling.factor"), keys.positive)),
            ]
        case "yarn": break
        default:
            throw ModelFileError(
                .unsupported,
                "\(path): \(key("rope.scaling.type")) is '\(kind.prefix(60))', expected none, linear or yarn")
        }
        var scaling: JSONObject = ["rope_type": "yarn"]
        scaling["factor"] = .double(try keys.require(key("rope.scaling.factor"), keys.positive))
        let original = try keys.require(key("rope.scaling.original_context_length"), keys.size)
        scaling["original_max_position_embeddings"] = .integer(original)
        let optional = [
            ("attention_factor", "yarn_attn_factor"), ("beta_fast", "yarn_beta_fast"), ("beta_slow", "yarn_beta_slow"),
        ]
        for (huggingFace, gguf) in optional {
            scaling[huggingFace] = try keys.positive(key("rope.scaling.\(gguf)")).map(JSONValue.double)
        }
        if let mix = keys.file.metadata[key("rope.scaling.yarn_ext_factor")], mix.doubleValue != 1 {
            throw ModelFileError(
                .unsupported,
                "\(path): \(key("rope.scaling.yarn_ext_factor")) is \(mix.summary), expected 1, as Qwen has it")
        }
        return .object(scaling)
    }
}
