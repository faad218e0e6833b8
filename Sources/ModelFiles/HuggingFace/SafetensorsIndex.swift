/// The index of a model in several safetensors files (`model.safetensors.index.json`): which file holds which tensor.
public struct SafetensorsIndex: Sendable {
    /// The most tensors an index may name.
    public static let maximumTensors = 1_000_000
    /// The tensors in the index's order.
    public let tensorNames: [String]
    /// The files, sorted.
    public let shardNames: [String]
    /// The file of each tensor.
    public let shardOfTensor: [String: String]

    /// Reads an index. Names of files that would leave the folder are refused.
    ///
    /// - Throws: `ModelFileError` (`malformed`).
    public init(_ file: MappedFile) throws(ModelFileError) {
        let object = try JSONFile.object(in: file)
        guard let map = object["weight_map"]?.objectValue, !map.isEmpty else {
            throw ModelFileError(.malformed, "\(file.path) has no weight_map with tensors in it")
        }
        var shardOfTensor: [String: String] = [:]
        for (name, value) in map {
            guard let shard = value.stringValue, Self.isPlainFileName(shard) else {
                throw ModelFileError(
                    .malformed,
                    "\(file.path): tensor \(quoted(name)) is said to lie in \(quoted(value.text())); "
                        + "expected the name of a .safetensors file in the same folder")
            }
            shardOfTensor[name] = shard
        }
        tensorNames = map.keys
        shardNames = Set(shardOfTensor.values).sorted()
        self.shardOfTensor = shardOfTensor
    }

    private static func isPlainFileName(_ name: String) -> Bool {
        name.hasSuffix(".safetensors") && name.utf8.count <= 255 && !name.contains("..")
            && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 < 0x20 }
    }
}
