import Foundation
import ModelFiles
import OrderedJSON
import Recipes
import TextGeneration

/// Finds out what a path is and describes it as an ordered JSON object.
enum Inspection {
    /// The description of whatever lies at a path.
    ///
    /// - Throws: `CommandFailure` if it is nothing that is known, else the readers' errors.
    static func describe(_ path: String) throws -> JSONObject {
        switch PathKind(path) {
        case .missing: throw CommandFailure("\(path): no such file or folder")
        case .folder: return try describe(folder: path)
        case .file: return try describe(file: path)
        }
    }

    private static func describe(folder path: String) throws -> JSONObject {
        func has(_ name: String) -> Bool { PathKind("\(path)/\(name)") != .missing }
        if has("adapter_config.json") { return try AdapterInspection.describe(path) }
        if has("recipe.yaml"), has("metrics.jsonl") { return try CheckpointInspection.describe(run: path) }
        if has("config.json") { return try ModelInspection.describe(folder: path) }
        if has("tokenizer.json") {
            return [
                "kind": "tokenizer", "path": .string(path),
                "tokenizer": try TokenizerInspection.describe(.folder(path)),
            ]
        }
        throw CommandFailure(
            "\(path): holds none of config.json (a model), adapter_config.json (an adapter), tokenizer.json (a tokenizer) "
                + "and recipe.yaml (a run)"
        )
    }

    private static func describe(file path: String) throws -> JSONObject {
        let file = try MappedFile(path: path)
        let isGGUF = withExtendedLifetime(file) { file.bytes.starts(with: "GGUF".utf8) }
        if isGGUF || path.hasSuffix(".gguf") {
            let gguf = try GGUFFile(file)
            return AdapterFile.isOne(gguf) ? try AdapterInspection.describe(gguf) : try ModelInspection.describe(gguf)
        }
        if StateFile.isOne(file) || path.hasSuffix(".h5") { return try CheckpointInspection.describe(path) }
        if path.hasSuffix(".safetensors") {
            let tensors = try SafetensorsFile(file)
            var description: JSONObject = ["kind": "safetensors", "path": .string(path)]
            var summary = TensorSummary()
            for name in tensors.names {
                if let tensor = tensors.tensors[name] { summary.add(tensor) } else { summary.addUnsupported() }
            }
            summary.write(to: &description)
            if !tensors.metadata.isEmpty {
                description["metadata"] = .object(
                    JSONObject(tensors.metadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
            }
            description["shapes"] = .object(
                JSONObject(
                    tensors.names.compactMap { name in
                        tensors.tensors[name].map { (name, .string("\($0.type.rawValue) \($0.shape)")) }
                    }))
            return description
        }
        if path.hasSuffix(".yaml") || path.hasSuffix(".yml") { return try describe(recipe: path) }
        if path.hasSuffix(".jsonl") || path.hasSuffix(".json") { return try DataInspection.describe(path) }
        throw CommandFailure(
            "\(path): not known; expected a model, adapter or run folder, or a .gguf, .safetensors, .h5, .jsonl or .yaml file"
        )
    }

    private static func describe(recipe path: String) throws -> JSONObject {
        let recipe = try Recipe.load(path: path)
        return [
            "kind": "recipe", "path": .string(path), "recipe": .string(recipe.kind.rawValue),
            "name": .string(recipe.name), "model": .string(recipe.model.path),
            "resolved": .string(recipe.resolvedYAML()),
        ]
    }

    /// A description for people: a line a value, what lies inside indented.
    static func text(_ value: JSONValue, indent: Int = 0) -> String {
        let margin = String(repeating: " ", count: indent)
        guard let object = value.objectValue else { return margin + plain(value) + "\n" }
        var text = ""
        for (key, value) in object {
            switch value {
            case .object(let inner):
                text +=
                    inner.isEmpty
                    ? "\(margin)\(key): none\n" : "\(margin)\(key):\n" + self.text(value, indent: indent + 2)
            case .string(let string) where string.contains("\n"):
                text += "\(margin)\(key):\n"
                for line in string.split(separator: "\n") { text += "\(margin)  \(line)\n" }
            default: text += "\(margin)\(key): \(plain(value))\n"
            }
        }
        return text
    }

    private static func plain(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text
        case .null: "none"
        case .bool(let flag): flag ? "yes" : "no"
        case .array(let elements): elements.isEmpty ? "none" : elements.map(plain).joined(separator: ", ")
        default: value.text()
        }
    }
}

/// Counts of tensors by type.
struct TensorSummary {
    private var types: [String: (tensors: Int, parameters: Int, bytes: Int)] = [:]
    private var unsupported = 0
    /// Numbers in all tensors.
    private(set) var parameters = 0
    /// Bytes of all tensors.
    private(set) var bytes = 0

    mutating func add(_ tensor: StoredTensor) {
        let old = types[tensor.type.rawValue] ?? (0, 0, 0)
        types[tensor.type.rawValue] = (old.tensors + 1, old.parameters + tensor.count, old.bytes + tensor.byteCount)
        parameters += tensor.count
        bytes += tensor.byteCount
    }

    mutating func addUnsupported() { unsupported += 1 }

    func write(to description: inout JSONObject) {
        description["parameters"] = .integer(parameters)
        description["bytes"] = .integer(bytes)
        description["dtypes"] = .object(
            JSONObject(
                types.sorted { $0.key < $1.key }.map { name, count in
                    (
                        name,
                        [
                            "tensors": .integer(count.tensors), "parameters": .integer(count.parameters),
                            "bytes": .integer(count.bytes),
                        ]
                    )
                }))
        if unsupported > 0 { description["unreadable_tensors"] = .integer(unsupported) }
    }
}
