import OrderedJSON

/// Turns a config.json into GGUF's metadata: the inverse of `GGUFConfiguration`, with llama.cpp's keys.
struct GGUFDescription {
    private let configuration: JSONValue
    private let path: String
    private let architecture: GGUFModel.Architecture

    /// - Throws: `ModelFileError` (`unsupported`) for models that GGUF's Qwen architectures can't hold.
    init(_ configuration: JSONValue, path: String) throws(ModelFileError) {
        self.configuration = configuration
        self.path = path
        architecture = try Self.architecture(of: configuration, path: path)
    }

    /// The architecture that llama.cpp has for a config.json.
    static func architecture(
        of configuration: JSONValue, path: String
    ) throws(ModelFileError) -> GGUFModel.Architecture {
        let type = configuration["model_type"]?.stringValue ?? ""
        switch type {
        case "qwen2": return .qwen2
        case "qwen3": return .qwen3
        case "qwen3_moe": return .qwen3moe
        default:
            throw ModelFileError(
                .unsupported, "\(path): model_type is \(quoted(type)); GGUF is written for qwen2, qwen3 and qwen3_moe")
        }
    }

    private func key(_ name: String) -> String { "\(architecture.rawValue).\(name)" }

    private func number(_ name: String) throws(ModelFileError) -> UInt32 {
        guard let value = configuration[name]?.intValue, value > 0, let number = UInt32(exactly: value) else {
            let got = configuration[name].map { quoted($0.text()) } ?? "missing"
            throw ModelFileError(.malformed, "\(path): \(name) is \(got), expected a whole number above 0")
        }
        return number
    }

    /// `general.*` and the architecture's keys.
    func metadata(name: String) throws(ModelFileError) -> GGUFMetadata {
        var metadata = GGUFMetadata()
        metadata.set("general.architecture", .string(architecture.rawValue))
        metadata.set("general.type", .string("model"))
        metadata.set("general.name", .string(name))
        for (gguf, huggingFace) in [
            ("block_count", "num_hidden_layers"), ("context_length", "max_position_embeddings"),
            ("embedding_length", "hidden_size"), ("feed_forward_length", "intermediate_size"),
            ("attention.head_count", "num_attention_heads"),
        ] {
            metadata.set(key(gguf), .uint32(try number(huggingFace)))
        }
        let heads = try number("num_attention_heads")
        let keyHeads = configuration["num_key_value_heads"] == nil ? heads : try number("num_key_value_heads")
        metadata.set(key("attention.head_count_kv"), .uint32(keyHeads))
        if configuration["head_dim"]?.isNull == false || architecture == .qwen3 {
            let width = configuration["head_dim"]?.isNull == false ? try number("head_dim") : 128
            metadata.set(key("attention.key_length"), .uint32(width))
            metadata.set(key("attention.value_length"), .uint32(width))
        }
        metadata.set(
            key("attention.layer_norm_rms_epsilon"), .float32(Float(configuration["rms_norm_eps"]?.doubleValue ?? 1e-6))
        )
        try addRotary(to: &metadata)
        if architecture == .qwen3moe { try addExperts(to: &metadata) }
        if configuration["use_sliding_window"]?.boolValue == true, configuration["sliding_window"]?.intValue != nil {
            throw ModelFileError(
                .unsupported, "\(path): the model uses a sliding window, which GGUF's Qwen architectures don't have")
        }
        return metadata
    }

    private func addExperts(to metadata: inout GGUFMetadata) throws(ModelFileError) {
        let count = configuration["num_experts"] == nil ? "num_local_experts" : "num_experts"
        metadata.set(key("expert_count"), .uint32(try number(count)))
        metadata.set(key("expert_used_count"), .uint32(try number("num_experts_per_tok")))
        metadata.set(key("expert_feed_forward_length"), .uint32(try number("moe_intermediate_size")))
        let isPlain =
            (configuration["decoder_sparse_step"]?.intValue ?? 1) == 1
            && configuration["mlp_only_layers"]?.arrayValue?.isEmpty != false
        guard isPlain, configuration["norm_topk_prob"]?.boolValue == true else {
            throw ModelFileError(
                .unsupported,
                "\(path): GGUF's qwen3moe needs experts in every layer (decoder_sparse_step 1, no mlp_only_layers) and "
                    + "norm_topk_prob true")
        }
    }

    private func addRotary(to metadata: inout GGUFMetadata) throws(ModelFileError) {
        let parameters =
            configuration["rope_parameters"]?.objectValue ?? configuration["rope_scaling"]?.objectValue ?? [:]
        let theta = parameters["rope_theta"]?.doubleValue ?? configuration["rope_theta"]?.doubleValue ?? 10_000
        metadata.set(key("rope.freq_base"), .float32(Float(theta)))
        switch parameters["rope_type"]?.stringValue ?? parameters["type"]?.stringValue ?? "default" {
        case "default": return
        case "yarn": break
        case let type:
            throw ModelFileError(
                .unsupported, "\(path): rotary scaling of type \(quoted(type)) can't be written; default and yarn can")
        }
        metadata.set(key("rope.scaling.type"), .string("yarn"))
        guard let factor = parameters["factor"]?.doubleValue else {
            throw ModelFileError(.malformed, "\(path): the rotary scaling has no factor")
        }
        metadata.set(key("rope.scaling.factor"), .float32(Float(factor)))
        let original = parameters["original_max_position_embeddings"]?.intValue
        let length: UInt32
        if let original, let exact = UInt32(exactly: original) {
            length = exact
        } else {
            length = try number("max_position_embeddings")
        }
        metadata.set(key("rope.scaling.original_context_length"), .uint32(length))
        for (gguf, huggingFace) in [
            ("yarn_attn_factor", "attention_factor"), ("yarn_beta_fast", "beta_fast"), ("yarn_beta_slow", "beta_slow"),
        ] {
            guard let value = parameters[huggingFace]?.doubleValue else { continue }
            metadata.set(key("rope.scaling.\(gguf)"), .float32(Float(value)))
        }
    }
}
