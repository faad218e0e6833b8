import ModelFiles
import TensorCore

/// All weights of a model while they are trained: single-precision masters in one flat buffer, from which the model's
/// packed weights are made again after each step.
public final class FullParameters: Sendable {
    /// The masters, under their Hugging Face names.
    public let parameters: ParameterSet
    private let model: QwenModel

    /// Reads the masters from where the model came from, unrounded.
    ///
    /// - Throws: `QwenModelError` if it has other weights than the model, `ModelFileError`.
    public init(model: QwenModel, source: any WeightSource) throws {
        self.model = model
        if let name = model.quantizedWeight {
            throw QwenModelError(
                .unsupported,
                "\(source.path): weight '\(name)' is kept quantised and can't be trained; load the model with its weights "
                    + "expanded")
        }
        parameters = ParameterSet(model.weights.map { ($0.name, $0.shape) })
        let reader = WeightReader(source: source, precision: .float32)
        for entry in parameters.entries {
            let stored = try reader.stored(entry.name, shape: entry.shape)
            try stored.readFloats(
                0..<entry.count,
                into: UnsafeMutableBufferPointer(start: parameters.value(entry).floats, count: entry.count))
        }
    }

    /// Makes the model compute with the current masters. Nothing may be computing with it meanwhile.
    public func install() {
        for weight in model.weights {
            guard let entry = parameters.entry(named: weight.name) else { continue }
            weight.install(parameters.value(entry))
        }
    }

    /// Writes the weights as model.safetensors into a folder.
    ///
    /// - Parameter type: How numbers are stored.
    /// - Throws: `ModelFileError` (`unwritable`).
    public func write(toFolder path: String, type: StoredType) throws {
        let entries = parameters.entries.map { entry in
            WritableTensor(
                name: entry.name, shape: entry.shape, floats: parameters.value(entry).toArray(), type: type)
        }
        try SafetensorsWriter.write(entries, metadata: ["format": "pt"], to: path + "/model.safetensors")
    }
}

/// One weight of a model as training sees it.
struct ModelWeight: Sendable {
    let name: String
    let shape: [Int]
    /// Makes the model compute with other numbers.
    let install: @Sendable (Tensor) -> Void
    /// Other numbers in the form that the model computes with.
    let replacement: @Sendable (Tensor) -> Adapter.Weight
    /// The numbers that the model computes with.
    let values: @Sendable () -> Tensor

    init(_ name: String, _ matrix: PackedMatrix) {
        self.name = name
        shape = [matrix.rows, matrix.columns]
        install = { matrix.refill(from: $0) }
        replacement = { .matrix(PackedMatrix($0, type: matrix.type)) }
        values = {
            let values = Tensor(shape: [matrix.rows, matrix.columns])
            parallelFor(matrix.rows) { matrix.readRow($0, into: values.floats + $0 * matrix.columns) }
            return values
        }
    }

    init(_ name: String, _ vector: Tensor) {
        self.name = name
        shape = vector.shape
        install = { vector.floats.update(from: $0.floats, count: vector.count) }
        replacement = { .vector($0.copy()) }
        values = { vector.copy() }
    }
}

extension QwenModel {
    /// The name of a matrix that is kept quantised, if there is one.
    var quantizedWeight: String? {
        embed.table.blocks != nil
            ? "model.embed_tokens.weight" : linearLayers.first { $0.weight.blocks != nil }?.weightName
    }

    /// Bytes that all matrices take in memory.
    public var weightBytes: Int {
        let tied = configuration.tieWordEmbeddings ? linearLayers.dropLast() : linearLayers[...]
        return embed.table.byteCount + tied.reduce(0) { $0 + $1.weightBytes }
    }

    /// All weights in the order of a forward pass; a tied head is the embedding.
    var weights: [ModelWeight] {
        var result = [ModelWeight(EmbeddingLayer.name + ".weight", embed.table)]
        func append(_ layer: LinearLayer) {
            result.append(ModelWeight(layer.name + ".weight", layer.weight))
            if let bias = layer.bias { result.append(ModelWeight(layer.name + ".bias", bias)) }
        }
        func append(_ norm: NormLayer) { result.append(ModelWeight(norm.name + ".weight", norm.weight)) }
        for block in blocks {
            append(block.inputNorm)
            for layer in block.attention.layers { append(layer) }
            for norm in [block.attention.qNorm, block.attention.kNorm].compactMap({ $0 }) { append(norm) }
            append(block.postAttentionNorm)
            for layer in block.mlp.layers { append(layer) }
        }
        append(finalNorm)
        if !configuration.tieWordEmbeddings { append(head) }
        return result
    }

    /// The weights that an adapter may have of its own: all, and the vocabulary projection also where it is the embedding.
    var replaceableWeights: [ModelWeight] {
        weights + (configuration.tieWordEmbeddings ? [ModelWeight(head.name + ".weight", head.weight)] : [])
    }

    /// The linear layers that adapters may correct, in the order of a forward pass, the vocabulary projection last.
    public var linearLayers: [LinearLayer] { blocks.flatMap { $0.attention.layers + $0.mlp.layers } + [head] }
}
