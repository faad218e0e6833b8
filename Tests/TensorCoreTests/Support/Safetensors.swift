import Foundation
import OrderedJSON

/// The package's folder.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

/// The tensors of a reference file: a length, a header of JSON, then the data.
struct ReferenceFile {
    struct Fault: Error { let text: String }

    private let data: Data
    private let header: JSONValue
    private let start: Int

    init(_ url: URL) throws {
        data = try Data(contentsOf: url)
        guard data.count >= 8 else { throw Fault(text: "\(url.path): no header") }
        let length = data[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= data.count - 8 else { throw Fault(text: "\(url.path): header of \(length) bytes") }
        header = try JSONValue(parsing: data[8..<8 + length])
        start = 8 + length
    }

    /// Shape and bytes of a tensor.
    private func bytes(_ name: String, type: String) throws -> (shape: [Int], bytes: Data) {
        guard let entry = header[name], entry["dtype"]?.stringValue == type,
            let shape = entry["shape"]?.arrayValue?.compactMap(\.intValue),
            let range = entry["data_offsets"]?.arrayValue?.compactMap(\.intValue), range.count == 2,
            0 <= range[0], range[0] <= range[1], start + range[1] <= data.count
        else { throw Fault(text: "no tensor \(name) of \(type)") }
        return (shape, data[start + range[0]..<start + range[1]])
    }

    func floats(_ name: String) throws -> (shape: [Int], values: [Float]) {
        let (shape, bytes) = try bytes(name, type: "F32")
        let values = bytes.withUnsafeBytes { raw in
            (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
        return (shape, values)
    }

    func integers(_ name: String) throws -> [Int] {
        try bytes(name, type: "I64").bytes.withUnsafeBytes { raw in
            (0..<raw.count / 8).map { Int(raw.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)) }
        }
    }
}
