/// What GGUF and Hugging Face call the same tensor of a Qwen model. Both have the same values in the same order: Qwen's
/// query and key rows are not permuted in GGUF.
public enum GGUFTensorNames {
    /// The Hugging Face name of a GGUF tensor; `nil` if the name is not one of Qwen's, or if the tensor holds all experts
    /// of a layer (`stackedExperts(_:)`).
    ///
    /// `blk.3.attn_q.weight` → `model.layers.3.self_attn.q_proj.weight`.
    public static func huggingFaceName(_ ggufName: String) -> String? {
        if let outer = outerNames.first(where: { $0.gguf == ggufName }) { return outer.huggingFace }
        guard let (layer, part, suffix) = parts(of: ggufName),
            let inner = layerNames.first(where: { $0.gguf == part && ($0.hasBias || suffix == "weight") })
        else { return nil }
        return "model.layers.\(layer).\(inner.huggingFace).\(suffix)"
    }

    /// The GGUF name of a Hugging Face tensor that is a GGUF tensor by itself; `nil` for experts and unknown names.
    public static func ggufName(_ huggingFaceName: String) -> String? {
        if let outer = outerNames.first(where: { $0.huggingFace == huggingFaceName }) { return outer.gguf }
        let prefix = "model.layers."
        guard huggingFaceName.hasPrefix(prefix) else { return nil }
        let rest = huggingFaceName.dropFirst(prefix.count)
        guard let first = rest.firstIndex(of: "."), let last = rest.lastIndex(of: "."), first < last,
            let layer = canonicalIndex(rest[..<first])
        else { return nil }
        let part = rest[rest.index(after: first)..<last]
        let suffix = rest[rest.index(after: last)...]
        guard suffix == "weight" || suffix == "bias",
            let inner = layerNames.first(where: { $0.huggingFace == part && ($0.hasBias || suffix == "weight") })
        else { return nil }
        return "blk.\(layer).\(inner.gguf).\(suffix)"
    }

    /// Where the experts of a stacked tensor belong, if the name is that of one: `blk.3.ffn_up_exps.weight` → layer 3,
    /// `up_proj`. Expert `e`'s Hugging Face name is `model.layers.3.mlp.experts.e.up_proj.weight`.
    public static func stackedExperts(_ ggufName: String) -> (layer: Int, projection: String)? {
        guard let (layer, part, suffix) = parts(of: ggufName), suffix == "weight",
            let names = expertNames.first(where: { $0.gguf == part })
        else { return nil }
        return (layer, names.huggingFace)
    }

    /// The stacked tensor and the place in it of an expert's weight: `model.layers.3.mlp.experts.5.up_proj.weight` →
    /// `blk.3.ffn_up_exps.weight`, 5.
    public static func expert(_ huggingFaceName: String) -> (ggufName: String, index: Int)? {
        let pieces = huggingFaceName.split(separator: ".", omittingEmptySubsequences: false)
        guard pieces.count == 8, pieces[0] == "model", pieces[1] == "layers", pieces[3] == "mlp",
            pieces[4] == "experts",
            pieces[7] == "weight", let layer = canonicalIndex(pieces[2]), let index = canonicalIndex(pieces[5]),
            let names = expertNames.first(where: { $0.huggingFace == pieces[6] })
        else { return nil }
        return ("blk.\(layer).\(names.gguf).weight", index)
    }

    /// Where a tensor stands in a forward pass: the embedding, the layers, the last norm, the head.
    static func order(_ ggufName: String) -> (Int, Int) {
        guard let (layer, part, suffix) = parts(of: ggufName) else {
            return ggufName == "token_embd.weight" ? (-1, 0) : (.max, ggufName == "output_norm.weight" ? 0 : 1)
        }
        let sparse = layerNames.count + (expertNames.firstIndex { $0.gguf == part } ?? 0)
        let place = layerNames.firstIndex { $0.gguf == part } ?? sparse
        return (layer, place * 2 + (suffix == "weight" ? 0 : 1))
    }

    private static let outerNames: [(gguf: String, huggingFace: String)] = [
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("output_norm.weight", "model.norm.weight"),
        ("output.weight", "lm_head.weight"),
    ]

    private static let layerNames: [(gguf: String, huggingFace: String, hasBias: Bool)] = [
        ("attn_norm", "input_layernorm", false),
        ("attn_q", "self_attn.q_proj", true),
        ("attn_k", "self_attn.k_proj", true),
        ("attn_v", "self_attn.v_proj", true),
        ("attn_output", "self_attn.o_proj", true),
        ("attn_q_norm", "self_attn.q_norm", false),
        ("attn_k_norm", "self_attn.k_norm", false),
        ("ffn_norm", "post_attention_layernorm", false),
        ("ffn_gate", "mlp.gate_proj", false),
        ("ffn_up", "mlp.up_proj", false),
        ("ffn_down", "mlp.down_proj", false),
        ("ffn_gate_inp", "mlp.gate", false),
    ]

    private static let expertNames: [(gguf: String, huggingFace: String)] = [
        ("ffn_gate_exps", "gate_proj"),
        ("ffn_up_exps", "up_proj"),
        ("ffn_down_exps", "down_proj"),
    ]

    /// `blk.3.attn_q.weight` → 3, `attn_q`, `weight`.
    private static func parts(of ggufName: String) -> (layer: Int, part: Substring, suffix: Substring)? {
        let pieces = ggufName.split(separator: ".", omittingEmptySubsequences: false)
        guard pieces.count == 4, pieces[0] == "blk", let layer = canonicalIndex(pieces[1]),
            pieces[3] == "weight" || pieces[3] == "bias"
        else { return nil }
        return (layer, pieces[2], pieces[3])
    }

    /// A layer number, in the one spelling that it has, so that two names can't mean the same tensor.
    private static func canonicalIndex(_ text: Substring) -> Int? {
        guard let index = Int(text), index >= 0, String(index) == text else { return nil }
        return index
    }
}
