import Foundation
import ModelFiles
import OrderedJSON
import QwenModel
import TensorCore
import Testing

/// All tests of this target, one after the other: some set how many threads the process computes with.
@Suite("Qwen", .serialized) enum QwenTests {}

/// Where the reference data lies: beside the package, in `../shared/fixtures`.
enum ReferenceData {
    static let root: String = {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        return folder.appendingPathComponent("shared/fixtures").path
    }()
    static var isPresent: Bool { FileManager.default.fileExists(atPath: root + "/models") }
    static var hasBlocks: Bool { FileManager.default.fileExists(atPath: root + "/gguf/qwen2-mixed.gguf") }
    static let absence = "reference data ../shared/fixtures is missing"

    /// The folders below a folder, sorted by name.
    static func folders(in path: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.sorted().map { path + "/" + $0 }.filter {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder) && isFolder.boolValue
        }
    }

    /// The reference models, with or without experts.
    static func models(withExperts: Bool) -> [ReferenceModel] {
        folders(in: root + "/models").map { ReferenceModel(path: $0) }
            .filter { ($0.config["model_type"]?.stringValue ?? "").hasSuffix("_moe") == withExperts }
    }

    static let dense = models(withExperts: false)
    static let withExperts = models(withExperts: true)
    static let all = dense + withExperts
    /// Every adapter of every model.
    static let adapters = all.flatMap { model in
        folders(in: model.path + "/adapters").map { ReferenceAdapter(model: model, path: $0) }
    }
    /// Those whose factors are for single layers, as the model has them.
    static let plainAdapters = adapters.filter { !$0.isFused }

    static func model(_ name: String) -> ReferenceModel { ReferenceModel(path: root + "/models/" + name) }
}

/// A folder with reference values.
protocol ReferenceFolder: CustomTestStringConvertible, Sendable {
    var path: String { get }
}

extension ReferenceFolder {
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
    var testDescription: String { name }

    func has(_ file: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + file) }

    func json(_ file: String) throws -> JSONValue {
        try JSONValue(parsing: Data(contentsOf: URL(fileURLWithPath: path + "/" + file)))
    }

    func tensors(_ file: String = "fixtures.safetensors") throws -> ReferenceTensors {
        try ReferenceTensors(path: path + "/" + file)
    }
}

/// A model folder with reference values.
struct ReferenceModel: ReferenceFolder {
    let path: String
    var config: JSONValue { (try? json("config.json")) ?? .null }

    func load(_ precision: ElementType = .float32) throws -> QwenModel {
        try QwenModel(HuggingFaceFolder(path: path), precision: precision)
    }
}

/// An adapter folder with reference values.
struct ReferenceAdapter: ReferenceFolder {
    let model: ReferenceModel
    let path: String
    var testDescription: String { "\(model.name)/\(name)" }

    /// Whether it has factors for all experts of a block in one.
    var isFused: Bool { (try? folder())?.fusedExperts != nil }

    func folder() throws -> AdapterFolder { try AdapterFolder(path: path) }
}

/// The tensors of a file of reference values.
struct ReferenceTensors {
    let file: SafetensorsFile

    init(path: String) throws { file = try SafetensorsFile(path: path) }

    var names: [String] { file.names }

    func shape(_ name: String) throws -> [Int] { try #require(file.tensors[name], "\(name)").shape }

    func floats(_ name: String) throws -> [Float] { try #require(file.tensors[name], "\(name)").floats() }

    func scalar(_ name: String) throws -> Float { try #require(floats(name).first) }

    func integers(_ name: String) throws -> [Int] {
        let tensor = try #require(file.tensors[name], "\(name)")
        #expect(tensor.type == .int64)
        return (0..<tensor.count).map {
            Int(tensor.bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self))
        }
    }
}

extension JSONValue {
    /// The numbers of an array.
    var integers: [Int] { (arrayValue ?? []).compactMap(\.intValue) }
    /// The numbers of an array.
    var doubles: [Double] { (arrayValue ?? []).compactMap(\.doubleValue) }
}
