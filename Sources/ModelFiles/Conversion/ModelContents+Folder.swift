import Foundation
import OrderedJSON

extension ModelContents {
    /// The most bytes of tensors in one safetensors file: what the Hub and transformers use.
    public static let shardBytes = 5_000_000_000

    /// Writes a Hugging Face folder: weights (with an index if there are several files), config.json,
    /// generation_config.json, the tokenizer's files and the chat template. It appears whole or not at all.
    ///
    /// - Parameter type: How all numbers are stored; as they are unless given.
    /// - Parameter check: Is called with the finished, still hidden folder; when it throws, nothing is left behind.
    /// - Throws: `ModelFileError`, or what `check` throws.
    public func write(
        toFolder path: String, type: StoredType? = nil, shardBytes: Int = ModelContents.shardBytes,
        check: (_ temporaryPath: String) throws(ModelFileError) -> Void = { _ in }
    ) throws(ModelFileError) {
        try AtomicFolder.write(to: path) { folder throws(ModelFileError) in
            let writtenType = type ?? folderType()
            try writeShards(to: folder, type: writtenType, limit: shardBytes)
            try AtomicFile.write(
                configuration(storedAs: writtenType).text(.pretty(2)) + "\n", to: folder + "/config.json")
            switch origin {
            case .folder(let source):
                try Self.copyCompanions(from: source.path, to: folder)
                if let lists = try GGUFTokenizer(firstQwen: source.path) { try TokenizerFiles(lists).write(to: folder) }
            case .gguf(let model): try TokenizerFiles(model.file).write(to: folder)
            }
            try check(folder)
        }
    }

    private func configuration(storedAs type: StoredType?) -> JSONValue {
        guard let type, var object = configuration.objectValue else { return configuration }
        let names: [StoredType: String] = [.float32: "float32", .float16: "float16", .bfloat16: "bfloat16"]
        let key = object["dtype"] != nil ? "dtype" : "torch_dtype"
        object[key] = names[type].map { .string($0) }
        return .object(object)
    }

    private func writeShards(to folder: String, type: StoredType?, limit: Int) throws(ModelFileError) {
        var shards: [[WritableTensor]] = [[]]
        var (filled, total) = (0, 0)
        for item in items {
            let tensor = item.writable(as: type ?? item.type(keepingBlocks: false), name: item.name)
            let size = try tensor.byteCount(for: folder)
            if filled > 0, filled + size > limit {
                shards.append([])
                filled = 0
            }
            shards[shards.count - 1].append(tensor)
            filled += size
            total += size
        }
        guard shards.count > 1 else {
            return try SafetensorsWriter.write(shards[0], to: folder + "/model.safetensors")
        }
        func padded(_ number: Int) -> String { String(format: "%05d", number) }
        var map: [(String, JSONValue)] = []
        for (index, tensors) in shards.enumerated() {
            let name = "model-\(padded(index + 1))-of-\(padded(shards.count)).safetensors"
            try SafetensorsWriter.write(tensors, to: "\(folder)/\(name)")
            map += tensors.map { ($0.name, .string(name)) }
        }
        map.sort { SortedByBytes($0.0) < SortedByBytes($1.0) }
        let index: JSONValue = [
            "metadata": ["total_size": .integer(total)], "weight_map": .object(JSONObject(map)),
        ]
        try AtomicFile.write(index.text(.pretty(2)) + "\n", to: folder + "/model.safetensors.index.json")
    }

    /// Files beside the weights that belong to the model whatever its numbers are.
    static let companions = [
        "generation_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt",
        "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "chat_template.json", "LICENSE",
        "LICENSE.txt", "NOTICE",
    ]

    static func copyCompanions(from source: String, to folder: String) throws(ModelFileError) {
        for name in companions where access("\(source)/\(name)", F_OK) == 0 {
            let file = try MappedFile(path: "\(source)/\(name)")
            try AtomicFile.write(to: "\(folder)/\(name)") { output throws(ModelFileError) in
                try output.write(file.bytes)
            }
        }
    }
}
