import Foundation
import OrderedJSON

/// A model in Hugging Face's layout: config.json, and the weights in model.safetensors or in several files with an index.
///
/// All headers are read and checked when it is opened; the weights are mapped, and read when they are used.
public struct HuggingFaceFolder: Sendable {
    /// Where it is.
    public let path: String
    /// config.json; that of a first Qwen in the keys of Qwen2.
    public let config: JSONValue
    /// generation_config.json, if there is one.
    public let generationConfig: JSONValue?
    /// The names of all tensors; those that hold all experts of a block appear as each expert's.
    public let tensorNames: [String]
    private let fileOfTensor: [String: SafetensorsFile]
    /// Whether the tensors are those of a first Qwen under the names of Qwen2.
    private let isFirstQwen: Bool

    /// Opens a folder.
    ///
    /// - Parameter hasWeights: Whether weights are looked for; a folder without any has the model's sizes and tokenizer.
    /// - Throws: `ModelFileError` that says what the folder is instead, what is missing, or which file is damaged.
    public init(path: String, hasWeights: Bool = true) throws(ModelFileError) {
        self.path = path
        try FolderDiagnosis.requireFolder(path)
        guard access(path + "/config.json", F_OK) == 0 else { throw FolderDiagnosis.missingConfig(in: path) }
        let stored = JSONValue.object(try JSONFile.object(in: try MappedFile(path: path + "/config.json")))
        let generationPath = path + "/generation_config.json"
        generationConfig =
            access(generationPath, F_OK) == 0
            ? .object(try JSONFile.object(in: try MappedFile(path: generationPath))) : nil
        config = try Self.currentKeys(stored, generation: generationConfig, path: path)
        isFirstQwen = FirstQwen.describes(stored)

        let indexPath = path + "/model.safetensors.index.json"
        let names: [String]
        if !hasWeights {
            (names, fileOfTensor) = ([], [:])
        } else if access(path + "/model.safetensors", F_OK) == 0 {
            let file = try SafetensorsFile(path: path + "/model.safetensors")
            names = file.names
            fileOfTensor = Dictionary(uniqueKeysWithValues: file.names.map { ($0, file) })
        } else if access(indexPath, F_OK) == 0 {
            let index = try SafetensorsIndex(try MappedFile(path: indexPath))
            names = index.tensorNames
            fileOfTensor = try Self.openShards(of: index, in: path)
        } else {
            throw FolderDiagnosis.missingWeights(in: path)
        }
        if isFirstQwen {
            tensorNames = names.flatMap(FirstQwen.names)
        } else {
            let files = fileOfTensor
            tensorNames = names.flatMap { FusedExperts.names(of: $0, shape: files[$0]?.tensors[$0]?.shape ?? []) }
        }
    }

    /// The tensor of a name, or `nil` if there is none.
    ///
    /// - Throws: `ModelFileError` (`unsupported`) if its numbers are of a type that can't be read.
    public func tensor(named name: String) throws(ModelFileError) -> StoredTensor? {
        guard isFirstQwen else {
            if let tensor = try fileOfTensor[name]?.tensor(named: name) { return tensor }
            guard let place = FusedExperts.place(of: name) else { return nil }
            return try fileOfTensor[place.fused]?.tensor(named: place.fused)?.part(place, named: name)
        }
        guard let place = FirstQwen.place(of: name),
            let tensor = try fileOfTensor[place.stored]?.tensor(named: place.stored)
        else { return nil }
        guard let third = place.third else { return tensor.renamed(name) }
        guard let part = tensor.third(third, named: name) else {
            throw ModelFileError(
                .malformed,
                "\(path): tensor \(quoted(place.stored)) is \(tensor.shape), expected rows of queries, keys and values in equal "
                    + "parts")
        }
        return part
    }

    private static func openShards(
        of index: SafetensorsIndex, in path: String
    ) throws(ModelFileError) -> [String: SafetensorsFile] {
        var files: [String: SafetensorsFile] = [:]
        for shard in index.shardNames {
            guard access("\(path)/\(shard)", F_OK) == 0 else {
                throw ModelFileError(
                    .missing, "\(path): the index names \(shard), which is not there; download the model again")
            }
            files[shard] = try SafetensorsFile(path: "\(path)/\(shard)")
        }
        let namesOfFile = files.mapValues { Set($0.names) }
        var fileOfTensor: [String: SafetensorsFile] = [:]
        for name in index.tensorNames {
            guard let shard = index.shardOfTensor[name], namesOfFile[shard]?.contains(name) == true else {
                throw ModelFileError(
                    .missing,
                    "\(path): the index says that tensor \(quoted(name)) lies in \(index.shardOfTensor[name] ?? "no file"), "
                        + "but that file has none of this name")
            }
            fileOfTensor[name] = files[shard]
        }
        return fileOfTensor
    }
}
