import Foundation
import ModelFiles
import OrderedJSON
import Testing

/// The reference data beside the package.
enum Reference {
    static let models: String = {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        return folder.appendingPathComponent("shared/fixtures/models").path
    }()
    static let isPresent = FileManager.default.fileExists(atPath: models + "/qwen2_tied/weighted/combinations.json")
    static let absence: Comment = "reference data ../shared/fixtures/models is missing"

    /// The numbers of a safetensors file's tensor.
    static func floats(_ path: String, _ name: String) throws -> [Float]? {
        try SafetensorsFile(path: "\(models)/\(path)").tensor(named: name)?.floats()
    }
}

/// The largest |a − b|; infinite where the sizes differ or a number is NaN.
func worst(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { $1.0.isNaN || $1.1.isNaN ? .infinity : max($0, abs($1.0 - $1.1)) }
}

/// The bytes of a safetensors file's tensors, of whatever type.
struct RawTensors {
    private let data: Data
    private let header: JSONValue
    private let start: Int

    init(_ path: String) throws {
        data = try Data(contentsOf: URL(fileURLWithPath: path))
        let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        header = try JSONValue(parsing: data[8..<8 + length])
        start = 8 + length
    }

    func bytes(_ name: String) -> [UInt8]? {
        guard let from = header[name]?["data_offsets"]?[0]?.intValue,
            let to = header[name]?["data_offsets"]?[1]?.intValue
        else { return nil }
        return Array(data[start + from..<start + to])
    }
}
