import Foundation
import ModelFiles
import OrderedJSON

/// What `MODEL` on the command line names: a Hugging Face folder or a GGUF file.
public enum ModelLocation: Sendable {
    /// A folder; which files it needs depends on what is asked of it.
    case folder(String)
    /// A GGUF file, its header read.
    case gguf(GGUFFile)

    /// Finds out what a path is.
    ///
    /// - Throws: `TextGenerationError` or `ModelFileError` for anything but a folder or a GGUF file.
    public init(_ path: String) throws {
        switch PathKind(path) {
        case .missing:
            throw TextGenerationError(
                .unusableModel,
                "\(path): no such file or folder; MODEL is a Hugging Face folder or a .gguf file, not a name on the Hub"
            )
        case .folder: self = .folder(path)
        case .file:
            let file = try MappedFile(path: path)
            let isGGUF = withExtendedLifetime(file) { file.bytes.starts(with: "GGUF".utf8) }
            guard isGGUF || path.hasSuffix(".gguf") else {
                let advice =
                    path.hasSuffix(".safetensors") || path.hasSuffix(".json")
                    ? "; give the folder it lies in" : ""
                throw TextGenerationError(
                    .unusableModel, "\(path): neither a Hugging Face folder nor a GGUF file\(advice)")
            }
            self = .gguf(try GGUFFile(file))
        }
    }

    /// For messages.
    public var path: String {
        switch self {
        case .folder(let path): path
        case .gguf(let file): file.file.path
        }
    }

    /// The config.json, or what stands for it; needs no weights.
    ///
    /// - Throws: `TextGenerationError` or `ModelFileError` where there is none.
    public func configuration() throws -> JSONValue {
        switch self {
        case .folder(let path):
            guard let configuration = try ModelJSON.object("config.json", in: path) else {
                throw TextGenerationError(.unusableModel, "\(path): has no config.json; a model folder needs one")
            }
            let generation = try ModelJSON.object("generation_config.json", in: path)
            return try HuggingFaceFolder.currentKeys(configuration, generation: generation, path: path)
        case .gguf(let file): return try GGUFModel(file).configuration
        }
    }
}

/// What a path leads to.
public enum PathKind: Sendable {
    /// To nothing.
    case missing
    /// To a file.
    case file
    /// To a folder.
    case folder

    /// Looks at a path.
    public init(_ path: String) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            self = .missing
            return
        }
        self = isFolder.boolValue ? .folder : .file
    }
}

/// Small JSON files beside a model.
public enum ModelJSON {
    /// The object in a file of a folder; `nil` if there is no such file.
    ///
    /// - Throws: `TextGenerationError` or `ModelFileError`.
    public static func object(_ name: String, in folder: String) throws -> JSONValue? {
        let path = "\(folder)/\(name)"
        guard PathKind(path) != .missing else { return nil }
        let file = try MappedFile(path: path)
        let value: JSONValue
        do { value = try withExtendedLifetime(file) { try JSONValue(parsing: file.bytes) } } catch {
            throw TextGenerationError(
                .unusableModel, "\(path): \(error)")
        }
        guard value.objectValue != nil else {
            throw TextGenerationError(
                .unusableModel, "\(path): not a JSON object")
        }
        return value
    }

    /// A text file of a folder; `nil` if there is no such file.
    ///
    /// - Throws: `ModelFileError`.
    public static func text(_ path: String) throws -> String? {
        guard PathKind(path) != .missing else { return nil }
        let file = try MappedFile(path: path)
        return withExtendedLifetime(file) { String(decoding: file.bytes, as: UTF8.self) }
    }
}
