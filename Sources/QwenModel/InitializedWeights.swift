import Foundation
import ModelFiles
import OrderedJSON
import Randomness
import TensorCore

/// Fresh random weights for a configuration: matrices normal with mean 0 and deviation `initializer_range` (0.02), norms
/// one, biases zero, as transformers initialises Qwen models. A function of the seed alone.
public struct InitializedWeights: WeightSource {
    /// Where the configuration came from.
    public let path: String
    /// The config.json.
    public let configuration: JSONValue
    /// All weights, in the order of the forward pass.
    let weights: [(name: String, shape: [Int])]
    private let order: [String: Int]
    private let deviation: Double
    private let seed: UInt64

    /// Weights for a config.json.
    ///
    /// - Throws: `QwenModelError` for an unusable configuration.
    public init(configuration: JSONValue, path: String, seed: UInt64) throws {
        self.path = path
        self.configuration = configuration
        self.seed = seed
        let c = try QwenConfiguration(configuration, path: path)
        deviation = try ConfigurationFields(json: configuration, path: path).number("initializer_range", default: 0.02)
        weights = Self.shapes(c)
        order = Dictionary(uniqueKeysWithValues: weights.enumerated().map { ($1.name, $0) })
    }

    static func shapes(_ c: QwenConfiguration) -> [(name: String, shape: [Int])] {
        let (queries, keys) = (c.attentionHeads * c.headDim, c.keyValueHeads * c.headDim)
        var list: [(name: String, shape: [Int])] = [("model.embed_tokens.weight", [c.vocabularySize, c.hiddenSize])]
        for layer in 0..<c.hiddenLayers {
            let name = "model.layers.\(layer)."
            for (part, rows, biased) in [
                ("q_proj", queries, c.attentionBias), ("k_proj", keys, c.attentionBias),
                ("v_proj", keys, c.attentionBias),
            ] {
                list.append((name + "self_attn.\(part).weight", [rows, c.hiddenSize]))
                if biased { list.append((name + "self_attn.\(part).bias", [rows])) }
            }
            list.append((name + "self_attn.o_proj.weight", [c.hiddenSize, queries]))
            if c.outputBias { list.append((name + "self_attn.o_proj.bias", [c.hiddenSize])) }
            if c.qkNorm {
                list += [
                    (name + "self_attn.q_norm.weight", [c.headDim]), (name + "self_attn.k_norm.weight", [c.headDim]),
                ]
            }
            list += [
                (name + "input_layernorm.weight", [c.hiddenSize]),
                (name + "post_attention_layernorm.weight", [c.hiddenSize]),
            ]
            list += feedForward(name + "mlp.", c, layer: layer)
        }
        list.append(("model.norm.weight", [c.hiddenSize]))
        if !c.tieWordEmbeddings { list.append(("lm_head.weight", [c.vocabularySize, c.hiddenSize])) }
        return list
    }

    private static func feedForward(_ name: String, _ c: QwenConfiguration, layer: Int) -> [(String, [Int])] {
        func gated(_ name: String, width: Int) -> [(String, [Int])] {
            [
                (name + "gate_proj.weight", [width, c.hiddenSize]), (name + "up_proj.weight", [width, c.hiddenSize]),
                (name + "down_proj.weight", [c.hiddenSize, width]),
            ]
        }
        guard let experts = c.experts, experts.isSparse[layer] else { return gated(name, width: c.intermediateSize) }
        return [(name + "gate.weight", [experts.count, c.hiddenSize])]
            + (0..<experts.count).flatMap { gated("\(name)experts.\($0).", width: experts.intermediateSize) }
    }

    /// A fresh weight.
    public func weight(named name: String) throws(ModelFileError) -> StoredTensor? {
        guard let index = order[name] else { return nil }
        let shape = weights[index].shape
        let values = [Float](unsafeUninitializedCapacity: shape.reduce(1, *)) { buffer, count in
            count = buffer.count
            fill(buffer, from: 0, of: index)
        }
        let bytes = values.withUnsafeBytes { Array($0) }
        return StoredTensor(
            name: name, shape: shape, type: .float32, file: MappedFile(copying: bytes, path: path), offset: 0)
    }

    /// Fills a buffer with the numbers of a weight, from the given one on.
    func fill(_ buffer: UnsafeMutableBufferPointer<Float>, from first: Int, of index: Int) {
        guard weights[index].shape.count == 2 else {
            return buffer.initialize(repeating: weights[index].name.hasSuffix("bias") ? 0 : 1)
        }
        let address = RandomAddress(seed: seed, purpose: .modelInitialization, prompt: index)
        parallelFor(buffer.count, pieces: 1 << 14) { range in
            for place in range {
                buffer.initializeElement(at: place, to: Float(Self.normal(address, first + place) * deviation))
            }
        }
    }

    /// A normal draw by Box and Muller.
    private static func normal(_ address: RandomAddress, _ place: Int) -> Double {
        let bits = address.bits(at: place)
        let first = (Double(UInt64(bits.x) << 32 | UInt64(bits.y)) + 1) * 0x1p-64
        let second = Double(UInt64(bits.z) << 32 | UInt64(bits.w)) * 0x1p-64
        return (-2 * log(first)).squareRoot() * cos(2 * .pi * second)
    }
}
