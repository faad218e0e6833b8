import Foundation

/// Says what a folder is when it is not what was asked for.
enum FolderDiagnosis {
    /// Refuses a path that is no folder.
    static func requireFolder(_ path: String) throws(ModelFileError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw ModelFileError(.unreadable, "\(path) does not exist")
        }
        guard isFolder.boolValue else {
            let advice =
                path.hasSuffix(".gguf") ? "; it is a GGUF file: open it as one" : "; give the folder it lies in"
            throw ModelFileError(.unreadable, "\(path) is a file, not a folder\(advice)")
        }
    }

    /// The error for a folder without config.json.
    static func missingConfig(in path: String) -> ModelFileError {
        let names = contents(of: path)
        if names.contains("adapter_config.json") {
            return ModelFileError(
                .missing,
                "\(path) is an adapter (it has adapter_config.json), not a model; give its base model's folder")
        }
        if let gguf = names.first(where: { $0.hasSuffix(".gguf") }) {
            return ModelFileError(
                .missing, "\(path) has no config.json but a GGUF file; give the file itself: \(path)/\(gguf)")
        }
        return ModelFileError(
            .missing, "\(path) has no config.json; expected a Hugging Face model folder. It holds \(listing(names))")
    }

    /// The error for a folder with config.json but without weights that can be read.
    static func missingWeights(in path: String) -> ModelFileError {
        let names = contents(of: path)
        let expected = "expected model.safetensors or model.safetensors.index.json"
        let isPickle = { (name: String) in [".bin", ".pt", ".pth", ".bin.index.json"].contains(where: name.hasSuffix) }
        if let pickle = names.first(where: isPickle) {
            return ModelFileError(
                .unsupported,
                "\(path) has its weights only as PyTorch pickles (\(pickle)), which are not read because they may run code; "
                    + "\(expected). Convert them with save_pretrained")
        }
        if let gguf = names.first(where: { $0.hasSuffix(".gguf") }) {
            return ModelFileError(
                .missing, "\(path) has no safetensors but a GGUF file; give the file itself: \(path)/\(gguf)")
        }
        if names.contains("adapter_config.json") {
            return ModelFileError(.missing, "\(path) is an adapter, not a model; give its base model's folder")
        }
        return ModelFileError(.missing, "\(path) has no weights; \(expected). It holds \(listing(names))")
    }

    /// The error for an adapter folder without one of its files.
    static func missingAdapterFile(_ name: String, in path: String) -> ModelFileError {
        let names = contents(of: path)
        if name == "adapter_model.safetensors", names.contains("adapter_model.bin") {
            return ModelFileError(
                .unsupported,
                "\(path) has its weights only as adapter_model.bin, a PyTorch pickle, which is not read because it may run "
                    + "code; save the adapter with safe_serialization=True")
        }
        if names.contains("config.json") {
            return ModelFileError(.missing, "\(path) has no \(name): it is a model, not an adapter")
        }
        return ModelFileError(
            .missing, "\(path) has no \(name); expected a PEFT adapter folder. It holds \(listing(names))")
    }

    private static func contents(of path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    private static func listing(_ names: [String]) -> String {
        names.isEmpty ? "nothing" : names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
    }
}
