import OrderedJSON

/// An adapter as llama.cpp and Ollama read it: one GGUF file of type `adapter`, with a pair of tensors for each module.
///
/// llama.cpp multiplies B A by alpha / R, with one alpha for the file and each pair's own R. Adapters that scale otherwise
/// (rsLoRA, alpha patterns) get the alpha of the first module, and the others' share in their B.
public enum AdapterFile {
    /// Writes the file, whole or not at all.
    ///
    /// - Parameter base: config.json of the base, which says the architecture.
    /// - Parameter type: How numbers are stored: `float32`, `float16` or `bfloat16`.
    /// - Throws: `ModelFileError`: `unsupported` for DoRA and whole weights, which the format can't hold.
    public static func write(
        _ adapter: AdapterFolder, base: JSONValue, basePath: String, type: StoredType = .float32, to path: String
    ) throws(ModelFileError) {
        let configuration = adapter.configuration
        var features = configuration.unsupportedFeatures + (configuration.useDora ? ["use_dora"] : [])
        features += adapter.savedTensors.keys.sorted { SortedByBytes($0) < SortedByBytes($1) }
        guard features.isEmpty else {
            throw ModelFileError(
                .unsupported,
                "the adapter has \(features.prefix(4).joined(separator: ", ")), which GGUF adapters can't hold; merge it into "
                    + "its base instead")
        }
        if let start = configuration.baseChange {
            throw ModelFileError(
                .unsupported,
                "the adapter began with init_lora_weights \(start), which changed the base's weights; convert it to a plain "
                    + "LoRA (PEFT: save_pretrained with path_initial_model_for_weight_conversion)")
        }
        let architecture = try GGUFDescription.architecture(of: base, path: basePath)
        let targeting = try AdapterTargeting(configuration, familyDefaults: [])
        let alphas = adapter.moduleNames.map { targeting.scaling(of: $0) * Double(adapter.adapters[$0]?.rank ?? 0) }
        let alpha = Float(alphas.first ?? 0)
        guard alphas.allSatisfy({ Float($0).isFinite }) else {
            throw ModelFileError(.unsupported, "the adapter's alpha of \(alphas.max() ?? 0) is too large for its file")
        }
        guard alpha != 0 else {
            throw ModelFileError(
                .unsupported, "the adapter's alpha is \(alpha); llama.cpp takes an alpha of 0 for a scaling of 1")
        }
        var tensors: [WritableTensor] = []
        for (module, own) in zip(adapter.moduleNames, alphas) {
            guard let stored = adapter.adapters[module] else { continue }
            guard let name = GGUFTensorNames.ggufName(module + ".weight") else {
                throw ModelFileError(
                    .unsupported,
                    "module \(quoted(module)) has no name in GGUF; llama.cpp takes adapters of attention, dense "
                        + "feed-forward layers and the head")
            }
            guard module != "lm_head" || base["tie_word_embeddings"]?.boolValue != true else {
                throw ModelFileError(
                    .unsupported, "the adapter corrects lm_head, which is the embedding in \(basePath); llama.cpp can't"
                )
            }
            for tensor in [stored.loraA, stored.loraB] { _ = try tensor.finiteFloats() }
            tensors.append(WritableTensor(converting: stored.loraA, to: type, name: name + ".lora_a"))
            let share = Float(own / Double(alpha))
            tensors.append(
                share == 1
                    ? WritableTensor(converting: stored.loraB, to: type, name: name + ".lora_b")
                    : WritableTensor(
                        name: name + ".lora_b", shape: stored.loraB.shape,
                        floats: try stored.loraB.floats().map { $0 * share }, type: type))
        }
        var metadata = GGUFMetadata()
        metadata.set("general.architecture", .string(architecture.rawValue))
        metadata.set("general.type", .string("adapter"))
        metadata.set("adapter.type", .string("lora"))
        metadata.set("adapter.lora.alpha", .float32(alpha))
        metadata.set("general.file_type", .uint32(type == .float32 ? 0 : type == .float16 ? 1 : 32))
        if let name = configuration.baseModelNameOrPath {
            metadata.set("general.base_model.count", .uint32(1))
            metadata.set("general.base_model.0.name", .string(name))
        }
        try GGUFWriter.write(metadata: metadata, tensors: tensors, to: path)
    }

    /// Whether a GGUF file is an adapter.
    public static func isOne(_ file: GGUFFile) -> Bool { file.metadata["general.type"]?.stringValue == "adapter" }

    /// Writes the adapter of a GGUF file as a PEFT folder, whole or not at all.
    ///
    /// - Throws: `ModelFileError` if it is no LoRA of a Qwen model, or a half is missing.
    public static func write(_ file: GGUFFile, toFolder path: String) throws(ModelFileError) {
        let keys = GGUFKeys(file)
        let place = file.file.path
        guard isOne(file), try keys.string("adapter.type") == "lora" else {
            throw ModelFileError(.unsupported, "\(place): not a LoRA adapter (general.type adapter, adapter.type lora)")
        }
        guard let alpha = file.metadata["adapter.lora.alpha"]?.doubleValue, alpha.isFinite else {
            throw ModelFileError(.missing, "\(place): metadata key 'adapter.lora.alpha' is not there, but it is needed")
        }
        var weights: [AdapterWeights] = []
        for name in file.tensorNames.sorted(by: { SortedByBytes($0) < SortedByBytes($1) }) {
            guard name.hasSuffix(".lora_a") || name.hasSuffix(".lora_b") else {
                throw ModelFileError(
                    .unsupported, "\(place): tensor \(quoted(name)) is no part of a LoRA (.lora_a, .lora_b)")
            }
            let stem = String(name.dropLast(7))
            guard let a = file.tensors[stem + ".lora_a"], let b = file.tensors[stem + ".lora_b"] else {
                throw ModelFileError(
                    .missing, "\(place): tensor \(quoted(name)) has no other half; the file is not complete")
            }
            guard name.hasSuffix(".lora_a") else { continue }
            guard let full = GGUFTensorNames.huggingFaceName(stem), full.hasSuffix(".weight") else {
                throw ModelFileError(.unsupported, "\(place): tensor \(quoted(name)) is for no layer of a Qwen model")
            }
            guard a.shape.count == 2, b.shape.count == 2, a.shape[0] == b.shape[1] else {
                throw ModelFileError(
                    .mismatched,
                    "\(place): \(quoted(stem)) has A \(a.shape) and B \(b.shape); expected [R, in] and [out, R]")
            }
            weights.append(
                AdapterWeights(
                    module: String(full.dropLast(7)), rank: a.shape[0], loraA: try a.finiteFloats(),
                    loraB: try b.finiteFloats()))
        }
        guard !weights.isEmpty else { throw ModelFileError(.missing, "\(place): the adapter has no tensors") }
        var configuration = AdapterConfiguration(
            r: weights.map(\.rank).max() ?? 1, loraAlpha: alpha == 0 ? Double(weights[0].rank) : alpha,
            targetModules: .names(weights.map(\.module)))
        configuration.rankPattern = weights.filter { $0.rank != configuration.r }.map {
            AdapterConfiguration.PatternRule(expression: $0.module.replacing(".", with: "\\."), value: $0.rank)
        }
        configuration.baseModelNameOrPath = try keys.string("general.base_model.0.name")
        let shared = Set(weights.compactMap { $0.module.split(separator: ".").last.map(String.init) })
        let isUniform = shared.allSatisfy { name in
            weights.count { $0.module.hasSuffix("." + name) } * shared.count == weights.count
        }
        if isUniform { configuration.targetModules = .names(shared.sorted()) }
        try AdapterFolder.write(configuration: configuration, weights: weights, to: path)
    }
}
