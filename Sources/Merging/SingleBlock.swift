import ModelFiles
import OrderedJSON
import QwenModel
import TensorCore

/// One block of a model as a model of its own, whose "embedding" is the residual stream before the block: so a model of any
/// size is computed a block at a time, by the same forward pass that generates and trains.
struct SingleBlock: WeightSource {
    let path: String
    let configuration: JSONValue
    private let origin: ModelContents.Origin
    private let layer: Int
    private let stream: StoredTensor
    private let changes: [String: StoredTensor]

    /// - Parameter stream: The residual stream, `[N, C]`.
    /// - Parameter changes: Tensors that stand in place of the model's, by their names in the model.
    init(_ origin: ModelContents.Origin, layer: Int, stream: [Float], width: Int, changes: [String: StoredTensor] = [:])
    {
        path = origin.path
        self.origin = origin
        self.layer = layer
        self.changes = changes
        self.stream = StoredTensor(named: "the residual stream", stream, shape: [stream.count / width, width])
        configuration = Self.configuration(origin.configuration, layer: layer, rows: stream.count / width)
    }

    private static func configuration(_ whole: JSONValue, layer: Int, rows: Int) -> JSONValue {
        var object = whole.objectValue ?? [:]
        object["num_hidden_layers"] = 1
        object["vocab_size"] = .integer(rows)
        object["tie_word_embeddings"] = true
        object["eos_token_id"] = nil
        if let types = whole["layer_types"]?.arrayValue, types.indices.contains(layer) {
            object["layer_types"] = [types[layer]]
        }
        object["max_window_layers"] = .integer(layer >= whole["max_window_layers"]?.intValue ?? 28 ? 0 : 1)
        let step = max(1, whole["decoder_sparse_step"]?.intValue ?? 1)
        let dense = whole["mlp_only_layers"]?.arrayValue?.contains(.integer(layer)) == true || (layer + 1) % step != 0
        object["decoder_sparse_step"] = 1
        object["mlp_only_layers"] = dense ? [0] : []
        return .object(object)
    }

    /// Lets go of the pages that the block was read through.
    func discard() {
        for name in origin.tensorNames where name.hasPrefix("model.layers.\(layer).") {
            if let tensor = try? origin.tensor(named: name) { tensor.discard(0..<tensor.count) }
        }
    }

    func weight(named name: String) throws(ModelFileError) -> StoredTensor? {
        if name == "model.embed_tokens.weight" { return stream }
        let own = "model.layers.0."
        let original = name.hasPrefix(own) ? "model.layers.\(layer)." + name.dropFirst(own.count) : name
        if let changed = changes[original] { return changed }
        return try origin.tensor(named: original)
    }
}

extension StoredTensor {
    /// A tensor in memory.
    init(named name: String, _ values: [Float], shape: [Int]) {
        let file = MappedFile(copying: values.withUnsafeBytes(Array.init), path: name)
        self.init(name: name, shape: shape, type: .float32, file: file, offset: 0)
    }
}
