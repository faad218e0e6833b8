import Foundation

/// The stored adapter of one module: its output is increased by scaling · B·A·x.
public struct StoredAdapter: Sendable {
    /// The module's name in the Hugging Face model, such as `model.layers.3.self_attn.q_proj`.
    public let module: String
    /// A, `[R, in]`.
    public let loraA: StoredTensor
    /// B, `[out, R]`.
    public let loraB: StoredTensor
    /// DoRA's magnitude of each output, `[out]`.
    public let magnitude: StoredTensor?
    /// R.
    public var rank: Int { loraA.shape[0] }
}

/// An adapter in PEFT's layout: adapter_config.json and adapter_model.safetensors.
///
/// Factors for parameters (`target_parameters`, above all those of all experts of a block) appear as those of the linear
/// layers that they stand for, and so in the configuration: who reads the folder needs to know one form.
public struct AdapterFolder: Sendable {
    /// adapter_config.json.
    public let configuration: AdapterConfiguration
    /// The adapted modules, by name.
    public let adapters: [String: StoredAdapter]
    /// The names of the adapted modules, sorted.
    public let moduleNames: [String]
    /// Tensors that are saved whole (`modules_to_save`), by their names in the Hugging Face model, such as `lm_head.weight`.
    public let savedTensors: [String: StoredTensor]
    /// How many experts factors in the fused form are for; `nil` where the file has none of that form.
    public let fusedExperts: Int?

    /// Opens a folder.
    ///
    /// - Throws: `ModelFileError` that says what is missing, damaged or contradictory. The numbers are not looked at.
    public init(path: String) throws(ModelFileError) {
        try FolderDiagnosis.requireFolder(path)
        for name in ["adapter_config.json", "adapter_model.safetensors"]
        where access("\(path)/\(name)", F_OK) != 0 {
            throw FolderDiagnosis.missingAdapterFile(name, in: path)
        }
        try self.init(
            configuration: try MappedFile(path: path + "/adapter_config.json"),
            weights: try MappedFile(path: path + "/adapter_model.safetensors"))
    }

    /// Reads the two files of an adapter.
    ///
    /// - Throws: `ModelFileError`.
    public init(configuration: MappedFile, weights: MappedFile) throws(ModelFileError) {
        let parsed = try AdapterConfiguration(configuration)
        var parts = AdapterParts(path: weights.path)
        let file = try SafetensorsFile(weights)
        for name in file.names {
            if let tensor = try file.tensor(named: name) { try parts.add(tensor) }
        }
        let separated = try ParameterAdapters(parsed, path: weights.path).separated(try parts.adapters(for: parsed))
        self.configuration = separated.configuration
        adapters = separated.adapters
        fusedExperts = separated.experts
        moduleNames = adapters.keys.sorted { SortedByBytes($0) < SortedByBytes($1) }
        savedTensors = parts.saved
        for module in parsed.modulesToSave where !parts.hasSaved(module) {
            throw ModelFileError(
                .missing, "\(weights.path): modules_to_save names \(quoted(module)), but no tensor of it is in the file"
            )
        }
        guard !adapters.isEmpty || !savedTensors.isEmpty else {
            throw ModelFileError(.missing, "\(weights.path) has no LoRA weights (…lora_A.weight, …lora_B.weight)")
        }
    }
}

/// The tensors of an adapter file, sorted by module.
private struct AdapterParts {
    let path: String
    private(set) var saved: [String: StoredTensor] = [:]
    private var loraA: [String: StoredTensor] = [:]
    private var loraB: [String: StoredTensor] = [:]
    private var magnitudes: [String: StoredTensor] = [:]

    init(path: String) { self.path = path }

    func hasSaved(_ module: String) -> Bool {
        saved.keys.contains { ".\($0)".contains(".\(module).") }
    }

    /// Files a tensor by its name: PEFT's prefix, and a name of the adapter behind the kind of weight, are left out.
    mutating func add(_ tensor: StoredTensor) throws(ModelFileError) {
        guard [.float32, .float16, .bfloat16].contains(tensor.type) else {
            throw ModelFileError(
                .unsupported,
                "\(path): tensor \(quoted(tensor.name)) is of type \(tensor.type.rawValue); expected numbers")
        }
        let prefix = "base_model.model."
        let name = tensor.name.hasPrefix(prefix) ? String(tensor.name.dropFirst(prefix.count)) : tensor.name
        var components = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if let mark = components.firstIndex(of: "modules_to_save") {
            // An old file, or one of another library: lm_head.modules_to_save.default.weight.
            components.removeSubrange(mark..<max(mark + 1, components.count - 1))
            return try file(tensor, as: components.joined(separator: "."), in: \.saved)
        }
        guard let mark = components.firstIndex(where: { $0.hasPrefix("lora_") }) else {
            return try file(tensor, as: name, in: \.saved)
        }
        let module = components[..<mark].joined(separator: ".")
        let tail = components[(mark + 1)...]
        let hasWeight = tail.last == "weight"
        guard !module.isEmpty, tail.dropLast(hasWeight ? 1 : 0).count <= 1 else { throw unknown(tensor) }
        switch components[mark] {
        case "lora_A" where hasWeight: try file(tensor, as: module, in: \.loraA)
        case "lora_B" where hasWeight: try file(tensor, as: module, in: \.loraB)
        case "lora_magnitude_vector": try file(tensor, as: module, in: \.magnitudes)
        default: throw unknown(tensor)
        }
    }

    private func unknown(_ tensor: StoredTensor) -> ModelFileError {
        ModelFileError(
            .unsupported,
            "\(path): tensor \(quoted(tensor.name)) is of a kind that is not supported; expected lora_A, lora_B or "
                + "lora_magnitude_vector of a linear layer")
    }

    private mutating func file(
        _ tensor: StoredTensor, as name: String, in part: WritableKeyPath<AdapterParts, [String: StoredTensor]>
    ) throws(ModelFileError) {
        if let other = self[keyPath: part].updateValue(tensor, forKey: name) {
            throw ModelFileError(
                .malformed,
                "\(path): tensors \(quoted(other.name)) and \(quoted(tensor.name)) are for the same module; "
                    + "expected one adapter in a file")
        }
    }

    func adapters(for configuration: AdapterConfiguration) throws(ModelFileError) -> [String: StoredAdapter] {
        var adapters: [String: StoredAdapter] = [:]
        for module in Set(loraA.keys).union(loraB.keys).union(magnitudes.keys).sorted() {
            guard let a = loraA[module], let b = loraB[module] else {
                let (here, lost) = loraA[module] != nil ? ("lora_A", "lora_B") : ("lora_B or a magnitude", "lora_A")
                throw ModelFileError(
                    .missing, "\(path): module \(quoted(module)) has \(here) but no \(lost); the file is not complete")
            }
            let adapter = StoredAdapter(module: module, loraA: a, loraB: b, magnitude: magnitudes[module])
            try check(adapter, configuration)
            adapters[module] = adapter
        }
        return adapters
    }

    private func check(_ adapter: StoredAdapter, _ configuration: AdapterConfiguration) throws(ModelFileError) {
        let (a, b) = (adapter.loraA.shape, adapter.loraB.shape)
        guard a.count == 2, b.count == 2, a[0] == b[1], a[0] > 0 else {
            throw ModelFileError(
                .mismatched,
                "\(path): module \(quoted(adapter.module)) has A \(a) and B \(b); expected [R, in] and [out, R]")
        }
        guard configuration.useDora == (adapter.magnitude != nil) else {
            let got =
                configuration.useDora
                ? "has no magnitude vector but use_dora is true" : "has a magnitude vector but use_dora is false"
            throw ModelFileError(.mismatched, "\(path): module \(quoted(adapter.module)) \(got)")
        }
        if let magnitude = adapter.magnitude, magnitude.shape != [b[0]] {
            throw ModelFileError(
                .mismatched,
                "\(path): module \(quoted(adapter.module)) has a magnitude vector \(magnitude.shape); expected [\(b[0])]"
            )
        }
    }
}
