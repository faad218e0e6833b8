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

    static func json(_ path: String) throws -> JSONValue {
        try JSONValue(parsing: Data(contentsOf: root.appendingPathComponent(path)))
    }

    static func jsonLines(_ path: String) throws -> [JSONValue] {
        try Data(contentsOf: root.appendingPathComponent(path)).split(separator: UInt8(ascii: "\n"))
            .map { try JSONValue(parsing: $0) }
    }

    /// The fp32 tensors of a safetensors file.
    static func floats(_ path: String) throws -> [String: [Float]] { try tensors(path, "F32", as: Float.self) }

    /// The tensors of 64-bit integers of a safetensors file.
    static func integers(_ path: String) throws -> [String: [Int]] { try tensors(path, "I64", as: Int.self) }

    /// The tensors of one type of a safetensors file: header length (8 bytes), JSON header, data.
    private static func tensors<Element: BitwiseCopyable>(
        _ path: String, _ type: JSONValue, as element: Element.Type
    ) throws -> [String: [Element]] {
        let data = try Data(contentsOf: root.appendingPathComponent(path))
        let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try JSONValue(parsing: data[8..<8 + length])
        var tensors: [String: [Element]] = [:]
        let size = MemoryLayout<Element>.size
        for (name, entry) in header.objectValue ?? JSONObject() where entry["dtype"] == type {
            guard let begin = entry["data_offsets"]?[0]?.intValue, let end = entry["data_offsets"]?[1]?.intValue else {
                continue
            }
            tensors[name] = data[8 + length + begin..<8 + length + end].withUnsafeBytes { bytes in
                (0..<bytes.count / size).map { bytes.loadUnaligned(fromByteOffset: $0 * size, as: element) }
            }
        }
        return tensors
    }
}

extension JSONValue {
    /// The numbers of an array.
    var doubles: [Double] { (arrayValue ?? []).compactMap(\.doubleValue) }
    /// The numbers of an array of arrays.
    var rows: [[Double]] { (arrayValue ?? []).map(\.doubles) }
}

/// The largest `|actual − expected| / (1 + |expected|)`; infinite for other counts and for NaN.
func worstError(_ actual: [Double], _ expected: [Double]) -> Double {
    guard actual.count == expected.count else { return .infinity }
    return zip(actual, expected).reduce(0) { worst, pair in
        let error = abs(pair.0 - pair.1) / (1 + abs(pair.1))
        return error.isNaN ? .infinity : max(worst, error)
    }
}
