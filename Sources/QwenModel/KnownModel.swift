import OrderedJSON

/// A published Qwen language model, by its shape: what fits a machine can be told before anything is fetched.
public struct KnownModel: Sendable {
    /// Its name on the Hugging Face hub, without the owner. Instruct, Coder, Math and Thinking models have the shape of the
    /// base that they were trained from.
    public let name: String
    /// Its sizes.
    public let configuration: QwenConfiguration

    /// Qwen2.5 and QwQ, then Qwen3, by parameters.
    public static let all: [KnownModel] =
        [
            ("Qwen2.5-0.5B", "qwen2", (896, 4864, 24, 14, 2, 64), true, 151_936),
            ("Qwen2.5-1.5B", "qwen2", (1536, 8960, 28, 12, 2, 128), true, 151_936),
            ("Qwen2.5-3B", "qwen2", (2048, 11008, 36, 16, 2, 128), true, 151_936),
            ("Qwen2.5-7B", "qwen2", (3584, 18944, 28, 28, 4, 128), false, 152_064),
            ("Qwen2.5-14B", "qwen2", (5120, 13824, 48, 40, 8, 128), false, 152_064),
            ("QwQ-32B", "qwen2", (5120, 27648, 64, 40, 8, 128), false, 152_064),
            ("Qwen2.5-72B", "qwen2", (8192, 29568, 80, 64, 8, 128), false, 152_064),
            ("Qwen3-0.6B", "qwen3", (1024, 3072, 28, 16, 8, 128), true, 151_936),
            ("Qwen3-1.7B", "qwen3", (2048, 6144, 28, 16, 8, 128), true, 151_936),
            ("Qwen3-4B", "qwen3", (2560, 9728, 36, 32, 8, 128), true, 151_936),
            ("Qwen3-8B", "qwen3", (4096, 12288, 36, 32, 8, 128), false, 151_936),
            ("Qwen3-14B", "qwen3", (5120, 17408, 40, 40, 8, 128), false, 151_936),
            ("Qwen3-30B-A3B", "qwen3_moe", (2048, 768, 48, 32, 4, 128), false, 151_936),
            ("Qwen3-32B", "qwen3", (5120, 25600, 64, 64, 8, 128), false, 151_936),
            ("Qwen3-235B-A22B", "qwen3_moe", (4096, 1536, 94, 64, 4, 128), false, 151_936),
        ].compactMap { KnownModel($0, type: $1, $2, isTied: $3, vocabulary: $4) }

    /// - Parameter sizes: C, F (of one expert), L, H, Hkv, D.
    private init?(
        _ name: String, type: String, _ sizes: (Int, Int, Int, Int, Int, Int), isTied: Bool,
        vocabulary: Int
    ) {
        var json: JSONObject = [
            "model_type": .string(type), "hidden_size": .integer(sizes.0),
            "intermediate_size": .integer(sizes.1),
            "num_hidden_layers": .integer(sizes.2), "num_attention_heads": .integer(sizes.3),
            "num_key_value_heads": .integer(sizes.4), "head_dim": .integer(sizes.5),
            "tie_word_embeddings": .bool(isTied), "vocab_size": .integer(vocabulary),
            "rope_theta": 1_000_000,
        ]
        json["max_position_embeddings"] = type == "qwen2" ? 32768 : 40960
        if type == "qwen3_moe" {
            (json["num_experts"], json["num_experts_per_tok"]) = (128, 8)
            (json["moe_intermediate_size"], json["norm_topk_prob"]) = (.integer(sizes.1), true)
        }
        guard let configuration = try? QwenConfiguration(.object(json), path: name) else { return nil }
        (self.name, self.configuration) = (name, configuration)
    }
}
