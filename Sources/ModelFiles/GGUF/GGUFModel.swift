import OrderedJSON

/// A Qwen model in a GGUF file, in the terms of a Hugging Face folder: a configuration as config.json has it, and tensors
/// under the names of its safetensors files.
public struct GGUFModel: Sendable {
    /// The model families that are understood, `general.architecture`.
    public enum Architecture: String, Sendable, CaseIterable {
        /// Qwen2, Qwen2.5, QwQ.
        case qwen2
        /// Qwen3, dense.
        case qwen3
        /// Qwen3 with experts.
        case qwen3moe
    }

    /// The file.
    public let file: GGUFFile
    /// The model's family.
    public let architecture: Architecture
    /// What config.json would say: `model_type`, `hidden_size`, … with Hugging Face's keys.
    public let configuration: JSONValue
    /// The tensors by Hugging Face name. Experts, which the file stacks, are there one by one; each tensor's own `name`
    /// is the one in the file.
    public let tensors: [String: StoredTensor]
    /// The file's tensors that have no Hugging Face name, in the file's order; they are not used.
    public let unknownTensors: [String]

    /// Opens a file and describes the model in it.
    ///
    /// - Throws: As `GGUFFile(path:)` and `init(_:)` do.
    public init(path: String) throws(ModelFileError) { try self.init(GGUFFile(path: path)) }

    /// Describes the model in a file.
    ///
    /// - Throws: `ModelFileError`: `unsupported` for another family, a part of a split model or an unknown kind of
    ///   rotary scaling; `missing` or `malformed` if keys or tensors that the configuration needs are absent or wrong.
    public init(_ file: GGUFFile) throws(ModelFileError) {
        let keys = GGUFKeys(file)
        let path = file.file.path
        let name = try keys.require("general.architecture", keys.string)
        guard let architecture = Architecture(rawValue: name) else {
            let known = Architecture.allCases.map(\.rawValue).joined(separator: ", ")
            throw ModelFileError(
                .unsupported, "\(path): general.architecture is '\(name.prefix(60))', expected one of \(known)")
        }
        if let kind = try keys.string("general.type"), kind != "model" {
            throw ModelFileError(.unsupported, "\(path): general.type is '\(kind.prefix(60))', expected 'model'")
        }
        if let parts = try keys.integer("split.count", in: 0..<1 << 16), parts > 1 {
            throw ModelFileError(
                .unsupported,
                "\(path): one of \(parts) parts of a split model; join them with llama.cpp's llama-gguf-split --merge")
        }
        self.file = file
        self.architecture = architecture
        configuration = try GGUFConfiguration(file, architecture).json()
        let experts = configuration["num_experts"]?.intValue
        (tensors, unknownTensors) = try Self.tensorsByHuggingFaceName(file, experts: experts)
    }

    private static func tensorsByHuggingFaceName(
        _ file: GGUFFile, experts: Int?
    ) throws(ModelFileError) -> (tensors: [String: StoredTensor], unknown: [String]) {
        var tensors: [String: StoredTensor] = [:]
        var unknown: [String] = []
        for name in file.tensorNames {
            guard let tensor = file.tensors[name] else { continue }
            if let huggingFace = GGUFTensorNames.huggingFaceName(name) {
                tensors[huggingFace] = tensor
            } else if let experts, let (layer, projection) = GGUFTensorNames.stackedExperts(name) {
                guard tensor.shape.count == 3, tensor.shape[0] == experts else {
                    throw ModelFileError(
                        .mismatched,
                        "\(file.file.path): tensor '\(name)' has shape \(tensor.shape), expected "
                            + "[\(experts), rows, columns] for \(experts) experts")
                }
                for (expert, slice) in tensor.unstacked().enumerated() {
                    tensors["model.layers.\(layer).mlp.experts.\(expert).\(projection).weight"] = slice
                }
            } else {
                unknown.append(name)
            }
        }
        return (tensors, unknown)
    }
}

extension StoredTensor {
    /// The tensor's slices along its outermost dimension, over the same bytes. Rows are whole blocks, so slices are too.
    func unstacked() -> [StoredTensor] {
        guard let slices = shape.first, shape.count > 1 else { return [self] }
        let size = byteCount / slices
        return (0..<slices).map { index in
            StoredTensor(
                name: "\(name)[\(index)]", shape: Array(shape.dropFirst()), type: type, file: file,
                offset: offset + index * size)
        }
    }
}
