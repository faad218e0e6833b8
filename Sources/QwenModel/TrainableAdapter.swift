import ModelFiles
import Randomness
import TensorCore

/// The factors of an adapter while they are trained: one flat buffer for the optimizer, and immutable snapshots for
/// everything that computes.
public final class TrainableAdapter: Sendable {
    /// What is written to adapter_config.json.
    public let configuration: AdapterConfiguration
    /// All A and B, in the order of the model's layers.
    public let parameters: ParameterSet
    private let modules: [(name: String, scaling: Float)]

    /// Fresh factors: A uniform in ±1/√in (Kaiming's rule as PEFT applies it), B zero, so that the adapted model starts
    /// as the base.
    ///
    /// - Parameter seed: Of the run; the numbers depend on nothing else.
    /// - Throws: `ModelFileError` for an unusable configuration, `QwenModelError` if no layer is targeted or the
    ///   configuration asks for what is not supported.
    public init(_ configuration: AdapterConfiguration, model: QwenModel, seed: UInt64) throws {
        try configuration.refuseUnsupported()
        let targeting = try AdapterTargeting(configuration, familyDefaults: Adapter.familyDefaults)
        let layers = model.linearLayers.filter {
            targeting.targets(moduleNamed: $0.name, isOutputHead: $0.name == "lm_head")
        }
        guard !layers.isEmpty else {
            throw QwenModelError(.mismatched, "the adapter's target_modules match no linear layer of the model")
        }
        self.configuration = configuration
        modules = try layers.map { ($0.name, try targeting.finiteScaling(of: $0.name)) }
        parameters = ParameterSet(
            layers.flatMap { layer in
                let rank = targeting.rank(of: layer.name)
                return [
                    (Adapter.downName(layer.name), [rank, layer.inputs]),
                    (Adapter.upName(layer.name), [layer.outputs, rank]),
                ]
            })
        for (index, entry) in parameters.entries.enumerated() where index % 2 == 0 {
            let values = parameters.value(entry)
            let bound = 1 / Float(entry.shape[1]).squareRoot()
            let address = RandomAddress(seed: seed, purpose: .adapterInitialization, prompt: index)
            parallelFor(entry.count, pieces: 4096) { range in
                for place in range { values.floats[place] = Float(address.uniform(at: place) * 2 - 1) * bound }
            }
        }
    }

    /// Goes on from a saved adapter.
    ///
    /// - Throws: `ModelFileError` or `QwenModelError` if the folder can't be read or doesn't fit the model.
    public init(continuing folder: AdapterFolder, model: QwenModel) throws {
        let saved = try Adapter(folder, model: model)
        let names = model.linearLayers.map(\.name).filter { saved.factors[$0] != nil }
        configuration = folder.configuration
        modules = names.compactMap { name in saved.factors[name].map { (name, $0.scaling) } }
        parameters = ParameterSet(
            names.flatMap { name in
                [
                    (Adapter.downName(name), saved.factors[name]?.a.shape ?? []),
                    (Adapter.upName(name), saved.factors[name]?.b.shape ?? []),
                ]
            })
        for name in names {
            for (key, tensor) in [
                (Adapter.downName(name), saved.factors[name]?.a), (Adapter.upName(name), saved.factors[name]?.b),
            ] {
                guard let tensor, let entry = parameters.entry(named: key) else { continue }
                parameters.value(entry).floats.update(from: tensor.floats, count: tensor.count)
            }
        }
    }

    /// The factors of one module.
    private func factors(_ module: String) -> (a: Tensor, b: Tensor)? {
        guard let a = parameters.entry(named: Adapter.downName(module)),
            let b = parameters.entry(named: Adapter.upName(module))
        else { return nil }
        return (parameters.value(a), parameters.value(b))
    }

    /// The adapter as it is now, unaffected by later training.
    public func snapshot() -> Adapter {
        var result: [String: Adapter.Factors] = [:]
        for module in modules {
            guard let (a, b) = factors(module.name) else { continue }
            result[module.name] = Adapter.Factors(a: a.copy(), b: b.copy(), scaling: module.scaling)
        }
        return Adapter(factors: result)
    }

    /// Writes a PEFT folder; whole or not at all, and equal adapters give equal bytes.
    ///
    /// - Throws: `ModelFileError` (`unwritable`).
    public func write(to path: String) throws {
        let weights = modules.compactMap { module in
            factors(module.name).map { a, b in
                AdapterWeights(module: module.name, rank: a.shape[0], loraA: a.toArray(), loraB: b.toArray())
            }
        }
        try AdapterFolder.write(configuration: configuration, weights: weights, to: path, replacing: true)
    }
}

extension Adapter {
    /// The modules that PEFT adapts in Qwen models when a configuration names none.
    static let familyDefaults = ["q_proj", "v_proj"]

    /// Reads an adapter and checks it against a model.
    ///
    /// - Throws: `ModelFileError` or `QwenModelError` naming the module that does not fit.
    public convenience init(_ folder: AdapterFolder, model: QwenModel) throws {
        let configuration = folder.configuration
        try configuration.refuseUnsupported(hasSavedTensors: !folder.savedTensors.isEmpty)
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
            let (a, b) = (stored.loraA, stored.loraB)
            guard a.shape.count == 2, b.shape.count == 2, a.shape[1] == layer.inputs, b.shape[0] == layer.outputs else {
                throw QwenModelError(
                    .mismatched,
                    "the adapter's '\(name)' is B \(b.shape) · A \(a.shape), the layer is [\(layer.outputs), "
                        + "\(layer.inputs)]; is it for another base?")
            }
            let (down, up) = (try a.floats(), try b.floats())
            guard down.allSatisfy(\.isFinite), up.allSatisfy(\.isFinite) else {
                throw QwenModelError(.mismatched, "the adapter's '\(name)' holds NaN or infinite numbers")
            }
            factors[name] = Factors(
                a: Tensor(down, shape: a.shape), b: Tensor(up, shape: b.shape),
                scaling: try targeting.finiteScaling(of: name))
        }
        self.init(factors: factors)
    }
}

extension AdapterConfiguration {
    /// Refuses what would otherwise be left out silently: the adapter would compute something else than it says.
    fileprivate func refuseUnsupported(hasSavedTensors: Bool = false) throws(QwenModelError) {
        var features = Set(unsupportedFeatures)
        if useDora { features.insert("use_dora") }
        if bias != "none" { features.insert("bias") }
        if !targetParameters.isEmpty { features.insert("target_parameters") }
        if !modulesToSave.isEmpty || hasSavedTensors && bias == "none" { features.insert("modules_to_save") }
        guard features.isEmpty else {
            throw QwenModelError(
                .unsupported,
                "the adapter uses \(features.sorted().joined(separator: ", ")), which this version does not support")
        }
    }
}

extension AdapterTargeting {
    /// The scaling of a module as computed with: an alpha may be too large for single precision.
    fileprivate func finiteScaling(of module: String) throws(QwenModelError) -> Float {
        let scaling = Float(scaling(of: module))
        guard scaling.isFinite else {
            throw QwenModelError(
                .mismatched, "the adapter's '\(module)' has alpha \(alpha(of: module)), too large for its scaling")
        }
        return scaling
    }
}
