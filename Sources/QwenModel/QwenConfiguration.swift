import OrderedJSON

/// The sizes and switches of a Qwen model, named as in Hugging Face's config.json.
public struct QwenConfiguration: Sendable, Hashable {
    /// `qwen2`, `qwen3` or `qwen3_moe`.
    public var modelType: String
    /// V, tokens that have a row in the embedding.
    public var vocabularySize: Int
    /// C, width of the residual stream.
    public var hiddenSize: Int
    /// F, width of the feed-forward layer.
    public var intermediateSize: Int
    /// L, number of blocks.
    public var hiddenLayers: Int
    /// H, query heads.
    public var attentionHeads: Int
    /// Hkv, heads of keys and values.
    public var keyValueHeads: Int
    /// D, width of a head.
    public var headDim: Int
    /// ε of every RMSNorm.
    public var rmsNormEpsilon: Float
    /// How positions turn into rotations.
    public var rope: RotaryConfiguration
    /// Whether q, k and v projections have a bias (Qwen2).
    public var attentionBias: Bool
    /// Whether the output projection of attention has a bias (Qwen3 with `attention_bias`).
    public var outputBias: Bool
    /// Whether queries and keys are normalised by head (Qwen3).
    public var qkNorm: Bool
    /// Whether the vocabulary projection is the embedding.
    public var tieWordEmbeddings: Bool
    /// For each block how many positions a token sees, itself included; 0 for all.
    public var windows: [Int]
    /// Longest sequence the model was made for, in tokens.
    public var maxPositionEmbeddings: Int
    /// Tokens that end a completion.
    public var eosTokenIDs: [Int]
    /// The experts of sparse blocks; `nil` for a dense model.
    public var experts: ExpertConfiguration?

    /// Reads a config.json; both the Hub's spelling (`rope_theta`, `rope_scaling`) and that of transformers 5
    /// (`rope_parameters`, `layer_types`).
    ///
    /// - Parameter path: Where it came from, for messages.
    /// - Throws: `QwenModelError` for what is missing, impossible or unsupported.
    public init(_ json: JSONValue, path: String) throws(QwenModelError) {
        let fields = ConfigurationFields(json: json, path: path)
        modelType = try fields.modelType()
        vocabularySize = try fields.size("vocab_size", limit: 1 << 24)
        hiddenSize = try fields.size("hidden_size", limit: 1 << 17)
        intermediateSize = try fields.size("intermediate_size", limit: 1 << 20)
        hiddenLayers = try fields.size("num_hidden_layers", limit: 4096)
        attentionHeads = try fields.size("num_attention_heads", limit: 4096)
        keyValueHeads = try fields.size("num_key_value_heads", limit: 4096, default: attentionHeads)
        guard attentionHeads % keyValueHeads == 0, attentionHeads / keyValueHeads <= 32 else {
            throw fields.invalid(
                "num_key_value_heads",
                "\(keyValueHeads) must divide num_attention_heads \(attentionHeads) into at most 32 a group")
        }
        qkNorm = modelType != "qwen2"
        guard modelType == "qwen3" || fields["head_dim"] != nil || hiddenSize % attentionHeads == 0 else {
            throw fields.invalid("head_dim", "is missing and \(attentionHeads) heads do not divide \(hiddenSize)")
        }
        // Where the key is missing, transformers takes 128 for Qwen3, whatever the hidden size.
        headDim = try fields.size(
            "head_dim", limit: 1024, default: modelType == "qwen3" ? 128 : hiddenSize / attentionHeads)
        guard headDim % 2 == 0 else { throw fields.invalid("head_dim", "\(headDim) is odd") }
        rmsNormEpsilon = Float(try fields.number("rms_norm_eps", default: 1e-6))
        maxPositionEmbeddings = try fields.size("max_position_embeddings", limit: 1 << 26, default: 32768)
        rope = try RotaryConfiguration(fields, maxPositionEmbeddings: maxPositionEmbeddings)
        let hasBias = try fields.flag("attention_bias", default: false)
        attentionBias = modelType == "qwen2" || hasBias
        outputBias = qkNorm && hasBias
        tieWordEmbeddings = try fields.flag("tie_word_embeddings", default: false)
        windows = try fields.windows(layers: hiddenLayers, onAll: modelType == "qwen3_moe")
        experts = modelType == "qwen3_moe" ? try ExpertConfiguration(fields, layers: hiddenLayers) : nil
        eosTokenIDs = try fields.tokenIDs("eos_token_id")
        let activation = try fields.text("hidden_act", default: "silu")
        guard activation == "silu" else {
            throw QwenModelError(.unsupported, "\(path): hidden_act is '\(activation)'; Qwen models use 'silu'")
        }
    }
}

/// Reads single values of a config.json with errors that name the key.
struct ConfigurationFields {
    let json: JSONValue
    let path: String

    subscript(key: String) -> JSONValue? {
        guard let value = json[key], !value.isNull else { return nil }
        return value
    }

    func invalid(_ key: String, _ message: String) -> QwenModelError {
        QwenModelError(.invalidConfiguration, "\(path): \(key) \(message)")
    }

    func size(_ key: String, limit: Int, default fallback: Int? = nil) throws(QwenModelError) -> Int {
        guard let value = self[key] else {
            if let fallback { return fallback }
            throw invalid(key, "is missing; is this the config.json of a Qwen2 or Qwen3 language model?")
        }
        guard let number = value.intValue, number > 0, number <= limit else {
            throw invalid(key, "is \(value.text()), expected a whole number from 1 to \(limit)")
        }
        return number
    }

    func number(_ key: String, default fallback: Double) throws(QwenModelError) -> Double {
        guard let value = self[key] else { return fallback }
        // It is computed with in single precision.
        guard let number = value.doubleValue, Float(number).isFinite, Float(number) > 0 else {
            throw invalid(key, "is \(value.text()), expected a positive number")
        }
        return number
    }

    func text(_ key: String, default fallback: String) throws(QwenModelError) -> String {
        guard let value = self[key] else { return fallback }
        guard let text = value.stringValue else { throw invalid(key, "is \(value.text()), expected a text") }
        return text
    }

    func flag(_ key: String, default fallback: Bool) throws(QwenModelError) -> Bool {
        guard let value = self[key] else { return fallback }
        guard let flag = value.boolValue else { throw invalid(key, "is \(value.text()), expected true or false") }
        return flag
    }

    func tokenIDs(_ key: String) throws(QwenModelError) -> [Int] {
        guard let value = self[key] else { return [] }
        let values = value.arrayValue ?? [value]
        let ids = values.compactMap(\.intValue).filter { $0 >= 0 }
        guard ids.count == values.count else {
            throw invalid(key, "is \(value.text()), expected a token's number or a list of them")
        }
        return ids
    }

    func modelType() throws(QwenModelError) -> String {
        let type = self["model_type"]?.stringValue ?? ""
        switch type {
        case "qwen2", "qwen3", "qwen3_moe": return type
        case "qwen2_moe":
            throw QwenModelError(
                .unsupported, "\(path): models with a shared expert (\(type)) are not supported; qwen3_moe models are")
        default:
            throw QwenModelError(
                .unsupported,
                "\(path): model_type is '\(type)', expected 'qwen2', 'qwen3' or 'qwen3_moe' (Qwen2, Qwen2.5, QwQ, Qwen3)"
            )
        }
    }

    /// Sliding windows by block: `layer_types` where given, else Qwen's `max_window_layers` rule.
    ///
    /// - Parameter onAll: Whether every block has the window, as in Qwen3's mixtures.
    func windows(layers: Int, onAll: Bool) throws(QwenModelError) -> [Int] {
        guard try flag("use_sliding_window", default: false), self["sliding_window"] != nil else {
            return Array(repeating: 0, count: layers)
        }
        let window = try size("sliding_window", limit: 1 << 26)
        if onAll { return Array(repeating: window, count: layers) }
        if let value = self["layer_types"] {
            let types = value.arrayValue ?? []
            guard types.count == layers, types.allSatisfy({ ["sliding_attention", "full_attention"].contains($0) })
            else {
                throw invalid("layer_types", "must hold \(layers) times sliding_attention or full_attention")
            }
            return types.map { $0 == "sliding_attention" ? window : 0 }
        }
        guard let first = (self["max_window_layers"] ?? 28).intValue else {
            throw invalid("max_window_layers", "is \(self["max_window_layers"]?.text() ?? ""), expected a whole number")
        }
        return (0..<layers).map { $0 >= first ? window : 0 }
    }
}
