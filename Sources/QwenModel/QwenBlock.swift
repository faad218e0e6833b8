import TensorCore

/// Where a block's tokens stand and where their keys and values go.
struct Placement: Sendable {
    let layout: SequenceLayout
    let pages: KeyValuePages
    let rotary: RotaryTable
    /// The layer of `pages` to use; training has only one, since it keeps no keys between blocks.
    let layer: Int
}

/// Grouped-query attention with rotary positions; Qwen3 normalises queries and keys by head.
///
/// Source: Ainslie et al. 2023, arXiv:2305.13245; Qwen2, arXiv:2407.10671; Qwen3, arXiv:2505.09388.
struct QwenAttention: Sendable {
    let q, k, v, o: LinearLayer
    let qNorm, kNorm: NormLayer?
    let headDim: Int
    let window: Int

    var layers: [LinearLayer] { [q, k, v, o] }

    func callAsFunction(_ x: Tensor, _ placement: Placement, _ context: ForwardContext) -> Tensor {
        let inputs = LinearLayer.together([q, k, v], x, context)
        var (q, k, v) = (inputs[0], inputs[1], inputs[2])  // [N, H·D], [N, Hkv·D], [N, Hkv·D]
        if let qNorm, let kNorm { (q, k) = (qNorm(q, context), kNorm(k, context)) }
        let positions = placement.layout.positions
        q = rotary(q, positions: positions, headWidth: headDim, table: placement.rotary)
        k = rotary(k, positions: positions, headWidth: headDim, table: placement.rotary)
        if placement.pages.type == .bfloat16 { (k, v) = (roundedToBFloat16(k), roundedToBFloat16(v)) }
        let y = attention(
            q, k, v, headWidth: headDim, window: window, layout: placement.layout, pages: placement.pages,
            layer: placement.layer)  // [N, H·D]
        return o(y, context)  // [N, C]
    }
}

/// The gated feed-forward layer.
struct QwenMLP: Sendable {
    let gate, up, down: LinearLayer

    var layers: [LinearLayer] { [gate, up, down] }

    func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let inputs = LinearLayer.together([gate, up], x, context)  // [N, F] each
        return down(swiGLU(gate: inputs[0], up: inputs[1]), context)  // [N, C]
    }
}

/// One transformer block with pre-normalisation.
final class QwenBlock: Sendable {
    let inputNorm: NormLayer
    let attention: QwenAttention
    let postAttentionNorm: NormLayer
    let mlp: FeedForward

    init(inputNorm: NormLayer, attention: QwenAttention, postAttentionNorm: NormLayer, mlp: FeedForward) {
        (self.inputNorm, self.attention) = (inputNorm, attention)
        (self.postAttentionNorm, self.mlp) = (postAttentionNorm, mlp)
    }

    func callAsFunction(_ x: Tensor, _ placement: Placement, _ context: ForwardContext) -> Tensor {
        let x = add(x, attention(inputNorm(x, context), placement, context))  // [N, C]
        return add(x, mlp(postAttentionNorm(x, context), context))  // [N, C]
    }
}

extension WeightReader {
    /// The block of a layer, by Hugging Face's names.
    func block(_ layer: Int, _ c: QwenConfiguration) throws -> QwenBlock {
        let name = "model.layers.\(layer)."
        let (queries, keys) = (c.attentionHeads * c.headDim, c.keyValueHeads * c.headDim)
        let attention = QwenAttention(
            q: try linear(name + "self_attn.q_proj", rows: queries, columns: c.hiddenSize, bias: c.attentionBias),
            k: try linear(name + "self_attn.k_proj", rows: keys, columns: c.hiddenSize, bias: c.attentionBias),
            v: try linear(name + "self_attn.v_proj", rows: keys, columns: c.hiddenSize, bias: c.attentionBias),
            o: try linear(name + "self_attn.o_proj", rows: c.hiddenSize, columns: queries, bias: c.outputBias),
            qNorm: c.qkNorm ? try norm(name + "self_attn.q_norm", c.headDim, epsilon: c.rmsNormEpsilon) : nil,
            kNorm: c.qkNorm ? try norm(name + "self_attn.k_norm", c.headDim, epsilon: c.rmsNormEpsilon) : nil,
            headDim: c.headDim, window: c.windows[layer])
        return QwenBlock(
            inputNorm: try norm(name + "input_layernorm", c.hiddenSize, epsilon: c.rmsNormEpsilon),
            attention: attention,
            postAttentionNorm: try norm(name + "post_attention_layernorm", c.hiddenSize, epsilon: c.rmsNormEpsilon),
            mlp: try feedForward(layer, name + "mlp", c))
    }

    /// The gated feed-forward layer of a width.
    func mlp(_ name: String, _ c: QwenConfiguration, width: Int) throws -> QwenMLP {
        QwenMLP(
            gate: try linear(name + ".gate_proj", rows: width, columns: c.hiddenSize, bias: false),
            up: try linear(name + ".up_proj", rows: width, columns: c.hiddenSize, bias: false),
            down: try linear(name + ".down_proj", rows: c.hiddenSize, columns: width, bias: false))
    }
}
