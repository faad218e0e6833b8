import ModelFiles
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
        (0..<hiddenLayers).flatMap { attentionShapes($0) + feedForwardShapes($0) }
            + [LinearShape(name: "lm_head", inputs: hiddenSize, outputs: vocabularySize)]
    }

    private func attentionShapes(_ layer: Int) -> [LinearShape] {
        let (queries, keys) = (attentionHeads * headDim, keyValueHeads * headDim)
        return [
            ("q_proj", hiddenSize, queries), ("k_proj", hiddenSize, keys), ("v_proj", hiddenSize, keys),
            ("o_proj", queries, hiddenSize),
        ].map { LinearShape(name: "model.layers.\(layer).self_attn.\($0)", inputs: $1, outputs: $2) }
    }

    private func feedForwardShapes(_ layer: Int) -> [LinearShape] {
        func gated(_ name: String, _ width: Int) -> [LinearShape] {
            [("gate_proj", hiddenSize, width), ("up_proj", hiddenSize, width), ("down_proj", width, hiddenSize)]
                .map { LinearShape(name: "\(name).\($0)", inputs: $1, outputs: $2) }
        }
        let name = "model.layers.\(layer).mlp"
        guard let experts, experts.isSparse[layer] else { return gated(name, intermediateSize) }
        return [LinearShape(name: name + Self.router, inputs: hiddenSize, outputs: experts.count)]
            + (0..<experts.count).flatMap { gated("\(name).experts.\($0)", experts.intermediateSize) }
    }

    /// All weights by name, with those of a head that shares the embedding, which an adapter may have of its own.
    public var weightShapes: [(name: String, shape: [Int])] {
        InitializedWeights.shapes(self)
            + (tieWordEmbeddings ? [("lm_head.weight", [vocabularySize, hiddenSize])] : [])
    }

    /// What the name of a router ends with; routers are kept in single precision.
    private static let router = ".gate"

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
    ///
    /// - Parameter source: Where they come from, if its blocks stay as they are stored; only shapes and types are looked at.
    public func weightBytes(_ precision: ElementType, storedIn source: (any WeightSource)? = nil) -> Int {
        weightBytes(precision) { name, _ in
            precision == .bfloat16 ? (try? source?.weight(named: name + ".weight"))?.type : nil
        }
    }

    /// Bytes of the weights as `touchstone quantize` would store them, kept so.
    ///
    /// - Parameter type: One of `BlockEncoding.types`.
    public func weightBytes(quantized type: StoredType) -> Int {
        weightBytes(.bfloat16) { name, columns in
            let isVocabulary = name == "lm_head" || name == "model.embed_tokens"
            return type.fitting(isVocabulary ? "token_embd.weight" : "", width: columns)
        }
    }

    private func weightBytes(_ precision: ElementType, type: (_ name: String, _ columns: Int) -> StoredType?) -> Int {
        func packed(_ name: String, rows: Int, columns: Int) -> Int {
            let type = type(name, columns)
            let blocks = type.flatMap { type in type.codes.map { BlockFormat($0, of: type) } }
            return PackedMatrix.byteCount(rows: rows, columns: columns, type: precision, blocks: blocks)
        }
        let embedding = "model.embed_tokens"
        let matrices = linearShapes.reduce(0) {
            let isShared = tieWordEmbeddings && $1.name == "lm_head"
            guard !$1.name.hasSuffix(Self.router) else {
                return $0 + PackedMatrix.byteCount(rows: $1.outputs, columns: $1.inputs, type: .float32, blocks: nil)
            }
            return $0 + packed(isShared ? embedding : $1.name, rows: $1.outputs, columns: $1.inputs)
        }
        let table = tieWordEmbeddings ? 0 : packed(embedding, rows: vocabularySize, columns: hiddenSize)
        return matrices + table + 4 * vectorCount
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
        var halves = experts?.isSparse.contains(false) == false ? 0 : 2 * intermediateSize
        if let experts {
            // Each token is in several experts, what they give is kept too, and the probabilities are in Double.
            let copies = experts.perToken * (2 * experts.intermediateSize + hiddenSize)
            halves = max(halves, copies + 2 * experts.count)
        }
        return 4 * (2 * hiddenSize + 2 * queries + 2 * keys + norms + halves + 3 * attentionHeads + 2)
    }

    /// Bytes that one block holds for each row at the same time besides what it keeps: the residual stream, its norm, the
    /// gated layer's halves and their product, and an operand rounded to half the width. Of experts: what they give, before
    /// and after it is weighted, or the gradient of either, and the product of the halves.
    public var workingBytes: Int {
        guard let experts, !experts.isSparse.contains(false) else {
            return 4 * (3 * hiddenSize + 3 * intermediateSize) + 2 * intermediateSize
        }
        let copies = experts.perToken * (2 * hiddenSize + experts.intermediateSize)
        return 4 * (3 * hiddenSize + copies) + 2 * experts.perToken * max(hiddenSize, experts.intermediateSize)
    }
}
