import ModelFiles
import OrderedJSON
import TensorCore

extension Adapter {
    /// The modules that PEFT adapts in Qwen models when a configuration names none.
    static let familyDefaults = ["q_proj", "v_proj"]

    /// Reads an adapter and checks it against a model.
    ///
    /// Factors for fused experts (PEFT's `target_parameters`) are taken apart into those of each expert's layers, which
    /// compute the same.
    ///
    /// - Throws: `ModelFileError` or `QwenModelError` naming the module that does not fit.
    public convenience init(_ folder: AdapterFolder, model: QwenModel) throws {
        let configuration = folder.configuration
        try configuration.refuseUnsupported()
        try configuration.refuseChangedBase()
        let targeting = try AdapterTargeting(configuration, familyDefaults: Self.familyDefaults)
        let layers = Dictionary(uniqueKeysWithValues: model.linearLayers.map { ($0.name, $0) })
        var factors: [String: Factors] = [:]
        for name in folder.moduleNames {
            guard let stored = folder.adapters[name] else { continue }
            if let fused = try FusedFactors(stored, configuration, model: model) {
                for (name, part) in try fused.factors(layers, targeting) { factors[name] = part }
                continue
            }
            guard let layer = layers[name] else {
                throw QwenModelError(
                    .mismatched,
                    "the adapter has weights for '\(name)', which the model does not have; is it for another base?")
            }
            factors[name] = try Factors(stored, layer: layer, scaling: targeting.finiteScaling(of: name))
        }
        self.init(factors: factors, weights: try Self.weights(folder, model: model))
    }

    /// The weights that the adapter has of its own.
    private static func weights(_ folder: AdapterFolder, model: QwenModel) throws -> [String: Weight] {
        guard !folder.savedTensors.isEmpty else { return [:] }
        let known = Dictionary(uniqueKeysWithValues: model.replaceableWeights.map { ($0.name, $0) })
        var weights: [String: Weight] = [:]
        for (name, stored) in folder.savedTensors {
            guard let weight = known[name] else {
                throw QwenModelError(
                    .mismatched,
                    "the adapter has a weight '\(name)', which the model does not have; is it for another base?")
            }
            guard stored.shape == weight.shape else {
                throw QwenModelError(
                    .mismatched,
                    "the adapter's '\(name)' is \(stored.shape), the model's is \(weight.shape); is it for another base?"
                )
            }
            weights[name] = weight.replacement(try stored.finite(name))
        }
        return weights
    }
}

extension Adapter.Factors {
    /// The stored factors of a layer.
    fileprivate init(_ stored: StoredAdapter, layer: LinearLayer, scaling: Float) throws {
        let (a, b) = (stored.loraA, stored.loraB)
        guard a.shape.count == 2, b.shape.count == 2, a.shape[1] == layer.inputs, b.shape[0] == layer.outputs else {
            throw QwenModelError(
                .mismatched,
                "the adapter's '\(layer.name)' is B \(b.shape) · A \(a.shape), the layer is [\(layer.outputs), "
                    + "\(layer.inputs)]; is it for another base?")
        }
        let (down, up) = (try a.finite(layer.name), try b.finite(layer.name))
        guard let magnitude = stored.magnitude else {
            self.init(a: down, b: up, scaling: scaling)
            return
        }
        self.init(a: down, b: up, scaling: scaling, magnitude: try magnitude.finite(layer.name), layer: layer)
    }
}

extension StoredTensor {
    /// Its numbers, all of them finite.
    fileprivate func finite(_ name: String) throws -> Tensor {
        let values = try floats()
        guard values.allSatisfy(\.isFinite) else {
            throw QwenModelError(.mismatched, "the adapter's '\(name)' holds NaN or infinite numbers")
        }
        return Tensor(values, shape: shape)
    }
}

/// PEFT's factors for a parameter that holds all experts of a block: `mlp.experts` for one of the two, and below
/// `.base_layer` for the other.
///
/// A is `[E·R, in]`, expert by expert; column r·E + e of B `[out, R·E]` belongs to expert e. The rows of B for
/// `gate_up_proj` are those of the gate and then of the up projection.
private struct FusedFactors {
    let owner: String
    let a: Tensor
    let b: Tensor
    let count: Int
    /// Whether it is for `gate_up_proj`, not for `down_proj`.
    let isGateUp: Bool

    /// `nil` for the factors of a single layer.
    init?(_ stored: StoredAdapter, _ configuration: AdapterConfiguration, model: QwenModel) throws {
        let module = stored.module
        let owner = module.hasSuffix(".base_layer") ? String(module.dropLast(".base_layer".count)) : module
        guard !configuration.targetParameters.isEmpty, owner.hasSuffix(".mlp.experts"),
            let experts = model.configuration.experts
        else { return nil }
        let (width, inner) = (model.configuration.hiddenSize, experts.intermediateSize)
        let (a, b) = (stored.loraA.shape, stored.loraB.shape)
        guard a.count == 2, b.count == 2, a[0] % experts.count == 0, b[1] == a[0],
            [a[1], b[0]] == [width, 2 * inner] || [a[1], b[0]] == [inner, width]
        else {
            throw QwenModelError(
                .mismatched,
                "the adapter's '\(module)' is B \(b) · A \(a), expected factors for \(experts.count) experts of [\(inner), "
                    + "\(width)]; is it for another base?")
        }
        self.owner = owner
        isGateUp = [a[1], b[0]] == [width, 2 * inner]
        count = experts.count
        (self.a, self.b) = (try stored.loraA.finite(module), try stored.loraB.finite(module))
    }

    /// The factors of each expert's layers.
    func factors(
        _ layers: [String: LinearLayer], _ targeting: AdapterTargeting
    ) throws -> [(String, Adapter.Factors)] {
        let rank = a.shape[0] / count
        let outputs = isGateUp ? b.shape[0] / 2 : b.shape[0]
        return try (0..<count).flatMap { expert -> [(String, Adapter.Factors)] in
            let down = a.rows(expert * rank..<(expert + 1) * rank).copy()
            return try (isGateUp ? ["gate_proj", "up_proj"] : ["down_proj"]).enumerated().map { half, projection in
                let name = "\(owner).\(expert).\(projection)"
                guard layers[name] != nil else {
                    throw QwenModelError(
                        .mismatched, "the adapter has weights for '\(owner)', which has no experts in this model")
                }
                let up = Tensor(shape: [outputs, rank])
                for row in 0..<outputs {
                    for column in 0..<rank {
                        up.floats[row * rank + column] =
                            b.floats[(half * outputs + row) * b.shape[1] + column * count + expert]
                    }
                }
                return (name, Adapter.Factors(a: down, b: up, scaling: try targeting.finiteScaling(of: owner)))
            }
        }
    }
}

extension AdapterConfiguration {
    /// Refuses what would otherwise be left out silently: the adapter would compute something else than it says.
    func refuseUnsupported() throws(QwenModelError) {
        var features = Set(unsupportedFeatures)
        if bias != "none" { features.insert("bias") }
        if otherKeys["ensure_weight_tying"] == true, !modulesToSave.isEmpty { features.insert("ensure_weight_tying") }
        guard features.isEmpty else {
            throw QwenModelError(
                .unsupported,
                "the adapter uses \(features.sorted().joined(separator: ", ")), which this version does not support")
        }
    }

    /// Refuses factors that were trained beside a base that their initialisation has changed.
    func refuseChangedBase() throws(QwenModelError) {
        guard let name = initLoraWeights.stringValue?.lowercased(),
            ["pissa", "olora", "corda", "loftq", "lora_ga"].contains(where: name.hasPrefix)
        else { return }
        throw QwenModelError(
            .unsupported,
            "the adapter was trained beside a base that init_lora_weights '\(name)' had changed; save it for the "
                + "untouched base (PEFT: save_pretrained with path_initial_model_for_weight_conversion)")
    }
}

extension AdapterTargeting {
    /// The scaling of a module as computed with: an alpha may be too large for single precision.
    func finiteScaling(of module: String) throws(QwenModelError) -> Float {
        let scaling = Float(scaling(of: module))
        guard scaling.isFinite else {
            throw QwenModelError(
                .mismatched, "the adapter's '\(module)' has alpha \(alpha(of: module)), too large for its scaling")
        }
        return scaling
    }
}
