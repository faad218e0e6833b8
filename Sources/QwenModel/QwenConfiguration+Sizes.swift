import TensorCore

/// What a model's sizes come to, without its weights.
extension QwenConfiguration {
    /// A linear layer's name and sizes.
    public struct LinearShape: Sendable, Hashable {
        /// Its name as in the Hugging Face model.
        public let name: String
        /// Inputs.
        public let inputs: Int
        /// Outputs.
        public let outputs: Int
    }

    /// The linear layers of the blocks in the order of the forward pass, then the vocabulary projection.
    public var linearShapes: [LinearShape] {
        let (queries, keys) = (attentionHeads * headDim, keyValueHeads * headDim)
        let parts = [
            ("q_proj", hiddenSize, queries), ("k_proj", hiddenSize, keys), ("v_proj", hiddenSize, keys),
            ("o_proj", queries, hiddenSize),
        ]
        return (0..<hiddenLayers).flatMap { layer in
            parts.map { LinearShape(name: "model.layers.\(layer).self_attn.\($0)", inputs: $1, outputs: $2) }
                + feedForwardShapes(layer, name: "model.layers.\(layer).mlp.")
        } + [LinearShape(name: "lm_head", inputs: hiddenSize, outputs: vocabularySize)]
    }

    private func feedForwardShapes(_ layer: Int, name: String) -> [LinearShape] {
        func gated(_ name: String, width: Int) -> [LinearShape] {
            [
                LinearShape(name: name + "gate_proj", inputs: hiddenSize, outputs: width),
                LinearShape(name: name + "up_proj", inputs: hiddenSize, outputs: width),
                LinearShape(name: name + "down_proj", inputs: width, outputs: hiddenSize),
            ]
        }
        guard let experts, experts.isSparse[layer] else { return gated(name, width: intermediateSize) }
        return [LinearShape(name: name + "gate", inputs: hiddenSize, outputs: experts.count)]
            + (0..<experts.count).flatMap { gated("\(name)experts.\($0).", width: experts.intermediateSize) }
    }

    /// Numbers in norms and biases.
    public var vectorCount: Int {
        let (queries, keys) = (attentionHeads * headDim, keyValueHeads * headDim)
        let biases = (attentionBias ? queries + 2 * keys : 0) + (outputBias ? hiddenSize : 0)
        return hiddenLayers * (2 * hiddenSize + (qkNorm ? 2 * headDim : 0) + biases) + hiddenSize
    }

    /// Numbers in the model; a projection that shares the embedding counts once.
    public var parameterCount: Int {
        let matrices = linearShapes.reduce(0) { $0 + $1.inputs * $1.outputs }
        return matrices + (tieWordEmbeddings ? 0 : vocabularySize * hiddenSize) + vectorCount
    }

    /// Bytes of the weights as they are kept in memory.
    public func weightBytes(_ precision: ElementType) -> Int {
        func packed(rows: Int, columns: Int, _ precision: ElementType) -> Int {
            (rows + 15) / 16 * 16 * (precision == .bfloat16 ? (columns + 1) & ~1 : columns) * precision.byteCount
        }
        let matrices = linearShapes.reduce(0) {
            // Routers are kept in single precision.
            $0 + packed(rows: $1.outputs, columns: $1.inputs, $1.name.hasSuffix("mlp.gate") ? .float32 : precision)
        }
        return matrices + (tieWordEmbeddings ? 0 : packed(rows: vocabularySize, columns: hiddenSize, precision)) + 4
            * vectorCount
    }

    /// Bytes of a token's keys and values over all layers.
    public func keyValueBytes(_ precision: ElementType) -> Int {
        2 * hiddenLayers * keyValueHeads * KeyValuePages.paddedWidth(headDim) * precision.byteCount
    }

    /// Bytes that the backward pass of one block needs for each token when nothing is computed again.
    public var activationBytes: Int {
        let (queries, keys) = (attentionHeads * headDim, keyValueHeads * headDim)
        // The residual stream before both norms, queries, keys, values, attention's result, and both gated halves; what a
        // norm or the gate makes of them is made again. A head's sum of exponentials and a norm's factor are single numbers.
        let norms = qkNorm ? queries + keys : 0
        // In a mixture each token is in several experts, and what they give is kept too.
        let sparse = experts.map { $0.perToken * (2 * $0.intermediateSize + 2 * hiddenSize) + 3 * $0.count } ?? 0
        let gated = max(2 * intermediateSize, sparse)
        return 4 * (2 * hiddenSize + 2 * queries + 2 * keys + norms + gated + 3 * attentionHeads + 2)
    }

    /// Bytes that one block's forward pass holds for each row at the same time: the residual stream, its norm, the gated
    /// layer's halves and their product, and an operand rounded to half the width.
    public var workingBytes: Int {
        let sparse = experts.map { $0.perToken * ($0.intermediateSize + hiddenSize) } ?? 0
        let width = max(intermediateSize, sparse)
        return 4 * (3 * hiddenSize + 3 * width) + 2 * width
    }
}
