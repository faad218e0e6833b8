import ModelFiles
import OrderedJSON
import Synchronization
import TensorCore

extension Adapter {
    /// The modules that PEFT adapts in Qwen models when a configuration names none.
    static let familyDefaults = ["q_proj", "v_proj"]

    /// Reads an adapter and checks it against a model.
    ///
    /// - Throws: `ModelFileError` or `QwenModelError` naming the module that does not fit.
    public convenience init(_ folder: AdapterFolder, model: QwenModel) throws {
        let configuration = folder.configuration
        try configuration.refuseUnsupported()
        try configuration.refuseChangedBase()
        if let count = folder.fusedExperts, count != model.configuration.experts?.count {
            throw QwenModelError(
                .mismatched,
                "the adapter has factors for \(count) experts, the model has \(model.configuration.experts?.count ?? 0); is "
                    + "it for another base?")
        }
        let targeting = try AdapterTargeting(configuration, familyDefaults: Self.familyDefaults)
        let layers = Dictionary(uniqueKeysWithValues: model.linearLayers.map { ($0.name, $0) })
        var factors: [String: Factors] = [:]
        for name in folder.moduleNames {
            guard let stored = folder.adapters[name] else { continue }
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
        let tensor = Tensor(shape: shape)
        let numbers = UnsafeMutableBufferPointer(start: tensor.floats, count: tensor.count)
        let failure = Mutex<(any Error)?>(nil)
        parallelFor(tensor.count, pieces: 1 << 15) { range in
            do {
                let part = UnsafeMutableBufferPointer(rebasing: numbers[range])
                try readFloats(range, into: part)
                guard part.allSatisfy(\.isFinite) else {
                    throw QwenModelError(.mismatched, "the adapter's '\(name)' holds NaN or infinite numbers")
                }
            } catch { failure.withLock { $0 = error } }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
        return tensor
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
        guard let name = baseChange else { return }
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
