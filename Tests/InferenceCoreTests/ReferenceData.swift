import Foundation
import OrderedJSON

/// The reference files beside the package, made with the libraries that users come from.
enum ReferenceData {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("../shared/fixtures").standardizedFileURL

    /// Whether a file is there; tests that need it are skipped otherwise.
    static func has(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    }

    static func data(_ path: String) throws -> Data {
        try Data(contentsOf: root.appendingPathComponent(path))
    }

    static func jsonLines(_ path: String) throws -> [JSONValue] {
        try data(path).split(separator: UInt8(ascii: "\n")).map { try JSONValue(parsing: $0) }
    }

    /// The bytes of each tensor of a safetensors file: header length (8 bytes), JSON header, data.
    static func tensors(_ path: String) throws -> [String: Data] {
        let data = try data(path)
        let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        var tensors: [String: Data] = [:]
        for (name, entry) in try JSONValue(parsing: data[8..<8 + length]).objectValue ?? JSONObject() {
            guard let begin = entry["data_offsets"]?[0]?.intValue, let end = entry["data_offsets"]?[1]?.intValue else {
                continue
            }
            tensors[name] = Data(data[8 + length + begin..<8 + length + end])
        }
        return tensors
    }
}

extension Data {
    /// The numbers that the bytes hold.
    func values<T: BitwiseCopyable>(_ type: T.Type) -> [T] {
        withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: MemoryLayout<T>.size).map {
                bytes.loadUnaligned(fromByteOffset: $0, as: T.self)
            }
        }
    }
}
