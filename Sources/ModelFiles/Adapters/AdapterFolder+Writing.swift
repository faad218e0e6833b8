import OrderedJSON

/// The adapter of one module as numbers, for writing.
public struct AdapterWeights: Sendable {
    /// The module's name in the Hugging Face model, such as `model.layers.3.self_attn.q_proj`.
    public var module: String
    /// R.
    public var rank: Int
    /// A, `[R, in]`.
    public var loraA: [Float]
    /// B, `[out, R]`.
    public var loraB: [Float]
    /// DoRA's magnitude of each output, `[out]`.
    public var magnitude: [Float]?

    /// The adapter of one module.
    public init(module: String, rank: Int, loraA: [Float], loraB: [Float], magnitude: [Float]? = nil) {
        self.module = module
        self.rank = rank
        self.loraA = loraA
        self.loraB = loraB
        self.magnitude = magnitude
    }
}

extension AdapterFolder {
    /// Writes an adapter that PEFT, transformers and vLLM load: adapter_config.json, adapter_model.safetensors and a short
    /// README.md. The folder appears whole or not at all, and equal adapters give equal bytes.
    ///
    /// - Parameter saved: Tensors that are saved whole, under their names in the Hugging Face model.
    /// - Parameter type: How the adapters' numbers are written; float32 so that a stored adapter is the trained one.
    /// - Parameter replacing: Whether a folder that stands there is replaced.
    /// - Throws: `ModelFileError`: `mismatched` if the numbers don't fit the configuration, `unwritable`.
    public static func write(
        configuration: AdapterConfiguration, weights: [AdapterWeights], saved: [WritableTensor] = [],
        type: StoredType = .float32, to path: String, replacing: Bool = false
    ) throws(ModelFileError) {
        // The same checks as for any configuration that is read.
        _ = try AdapterTargeting(configuration, familyDefaults: [], place: path)
        var entries: [WritableTensor] = []
        for adapter in weights { entries += try Self.entries(of: adapter, configuration, type) }
        entries += saved.map { $0.renamed("base_model.model." + $0.name) }
        try AtomicFolder.write(to: path, replacing: replacing) { folder throws(ModelFileError) in
            try SafetensorsWriter.write(entries, to: folder + "/adapter_model.safetensors")
            try AtomicFile.write(configuration.json.text(.pretty(2)) + "\n", to: folder + "/adapter_config.json")
            try AtomicFile.write(modelCard(configuration), to: folder + "/README.md")
        }
    }

    private static func entries(
        of adapter: AdapterWeights, _ configuration: AdapterConfiguration, _ type: StoredType
    ) throws(ModelFileError) -> [WritableTensor] {
        let (rank, a, b) = (adapter.rank, adapter.loraA.count, adapter.loraB.count)
        guard rank > 0, a % rank == 0, b % rank == 0 else {
            throw ModelFileError(
                .mismatched,
                "module \(quoted(adapter.module)): \(a) numbers of A and \(b) of B are no multiples of the rank \(rank)"
            )
        }
        guard configuration.useDora == (adapter.magnitude != nil), adapter.magnitude?.count ?? b / rank == b / rank
        else {
            throw ModelFileError(
                .mismatched,
                "module \(quoted(adapter.module)): \(adapter.magnitude?.count ?? 0) magnitudes with use_dora "
                    + "\(configuration.useDora); expected \(configuration.useDora ? b / rank : 0)")
        }
        let name = "base_model.model.\(adapter.module)."
        var entries = [
            WritableTensor(name: name + "lora_A.weight", shape: [rank, a / rank], floats: adapter.loraA, type: type),
            WritableTensor(name: name + "lora_B.weight", shape: [b / rank, rank], floats: adapter.loraB, type: type),
        ]
        if let magnitude = adapter.magnitude {
            entries.append(
                WritableTensor(
                    name: name + "lora_magnitude_vector", shape: [magnitude.count], floats: magnitude, type: type))
        }
        return entries
    }

    private static func modelCard(_ configuration: AdapterConfiguration) -> String {
        let base = configuration.baseModelNameOrPath ?? ""
        let method = configuration.useDora ? "DoRA" : "LoRA"
        return """
            ---
            base_model: \(JSONValue.string(base).text())
            library_name: peft
            tags:
            - lora
            - touchstone
            ---

            A \(method) adapter (rank \(configuration.r), alpha \(configuration.json["lora_alpha"]?.text() ?? ""))\
             in PEFT's format, trained with Touchstone.

            """
    }
}
