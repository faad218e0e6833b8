import Foundation
import ModelFiles
import OrderedJSON

/// Reference data beside the package; tests that need it are skipped when it is not there.
enum ReferenceFile {
    static let folder: String = {
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return package.deletingLastPathComponent().appending(path: "shared/fixtures/gguf").path
    }()

    static let isPresent = FileManager.default.fileExists(atPath: folder + "/blocks.safetensors")

    /// A published model, if the environment names one.
    static let realModel: String? = {
        guard let path = ProcessInfo.processInfo.environment["TOUCHSTONE_REAL_MODEL"], path.hasSuffix(".gguf"),
            FileManager.default.fileExists(atPath: path)
        else { return nil }
        return path
    }()

    static func json(_ name: String) throws -> JSONValue {
        try JSONValue(parsing: Data(contentsOf: URL(filePath: "\(folder)/\(name)")))
    }
}

/// The tensors of a safetensors file, read with as little code as possible: these tests are about other files.
struct ReferenceTensors {
    private let data: [UInt8]
    private let header: JSONValue
    private let start: Int

    init(_ name: String) throws {
        data = [UInt8](try Data(contentsOf: URL(filePath: "\(ReferenceFile.folder)/\(name)")))
        let length = data[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        header = try JSONValue(parsing: data[8..<8 + length])
        start = 8 + length
    }

    var names: [String] { header.objectValue?.keys.filter { $0 != "__metadata__" } ?? [] }

    func bytes(_ name: String) -> [UInt8]? {
        guard let entry = header[name], let from = entry["data_offsets"]?[0]?.intValue,
            let to = entry["data_offsets"]?[1]?.intValue
        else { return nil }
        return Array(data[start + from..<start + to])
    }

    func floats(_ name: String) -> [Float]? {
        bytes(name).map { bytes in
            stride(from: 0, to: bytes.count, by: 4).map { index in
                Float(
                    bitPattern: UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]) << 16
                        | UInt32(bytes[index + 3]) << 24)
            }
        }
    }
}

/// Bit patterns, so that NaN equals NaN and -0 differs from 0; all NaN count as one.
func bits(_ numbers: some Sequence<Float>) -> [UInt32] { numbers.map { $0.isNaN ? 0x7FC0_0000 : $0.bitPattern } }
