import OrderedJSON

/// The experts of a mixture model, named as in Hugging Face's config.json.
public struct ExpertConfiguration: Sendable, Hashable {
    /// E, experts of a sparse block (`num_experts`, or `num_local_experts` since transformers 5).
    public var count: Int
    /// K, experts that compute each token (`num_experts_per_tok`).
    public var perToken: Int
    /// F of one expert (`moe_intermediate_size`).
    public var intermediateSize: Int
    /// Whether the weights of a token's experts add up to 1 (`norm_topk_prob`).
    public var renormalizes: Bool
    /// For each block whether it has experts: every `decoder_sparse_step`-th, but not those of `mlp_only_layers`.
    public var isSparse: [Bool]

    init(_ fields: ConfigurationFields, layers: Int) throws(QwenModelError) {
        let key = fields["num_experts"] == nil ? "num_local_experts" : "num_experts"
        count = try fields.size(key, limit: 4096)
        perToken = try fields.size("num_experts_per_tok", limit: count, default: min(8, count))
        intermediateSize = try fields.size("moe_intermediate_size", limit: 1 << 20, default: 768)
        renormalizes = try fields.flag("norm_topk_prob", default: false)
        let step = try fields.size("decoder_sparse_step", limit: 4096, default: 1)
        let value = fields["mlp_only_layers"] ?? []
        let dense = value.arrayValue?.compactMap(\.intValue)
        guard let dense, dense.count == value.arrayValue?.count else {
            throw fields.invalid("mlp_only_layers", "is \(value.text()), expected a list of layer numbers")
        }
        let numbers = Set(dense)
        isSparse = (0..<layers).map { !numbers.contains($0) && ($0 + 1) % step == 0 }
    }
}
