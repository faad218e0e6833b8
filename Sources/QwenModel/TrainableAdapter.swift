import ModelFiles
import Randomness
import TensorCore

/// An adapter while it is trained: one flat buffer for the optimizer, and immutable snapshots for everything that computes.
///
/// Beside the factors that are trained a module can have factors that stay: those of an adapter beneath, or what an
/// initialisation took from the base (PiSSA, OLoRA). Both stand in one pair of matrices, the trained rows of A and columns
/// of B first, in memory as on disk:
///
///     y = W x + s · [B | B₀] [A ; A₀] x
///
/// So an adapter in a file is an ordinary adapter of the untouched base, and computes the bits that were trained.
public final class TrainableAdapter: Sendable {
    /// What is written to adapter_config.json: ranks count the factors that stay too.
    public let configuration: AdapterConfiguration
    /// A, B and the magnitudes in the order of the model's layers, then the weights that are trained whole.
    public let parameters: ParameterSet
    private let model: QwenModel
    private let modules: [Module]
    private let replaced: [ModelWeight]

    /// One corrected layer.
    struct Module: Sendable {
        let layer: LinearLayer
        /// Of the factors that are trained; 0 where all of them stay.
        var rank: Int
        let scaling: Float
        /// A₀ `[R₀, in]` and B₀ `[out, R₀]`.
        var frozen: (a: Tensor, b: Tensor)?
    }

    /// Fresh factors: A uniform in ±1/√in (Kaiming's rule as PEFT applies it) and B zero, or as `init_lora_weights` names
    /// it: `pissa` or `olora`. The adapted model starts as the base, with the adapter beneath if there is one.
    ///
    /// - Parameter seed: Of the run; the numbers depend on nothing else.
    /// - Parameter beneath: An adapter of the same base that stays as it is, without magnitudes and whole weights.
    /// - Throws: `ModelFileError` for an unusable configuration, `QwenModelError` if no layer is targeted or the
    ///   configuration asks for what is not supported.
    public convenience init(
        _ configuration: AdapterConfiguration, model: QwenModel, seed: UInt64, beneath: Adapter? = nil
    ) throws {
        let initialization = try LowRankInitialization(configuration)
        try configuration.refuseUnsupported()
        guard configuration.targetParameters.isEmpty else {
            throw QwenModelError(
                .unsupported,
                "target_parameters is for adapters that are read; name the experts' layers in target_modules instead")
        }
        let targeting = try AdapterTargeting(configuration, familyDefaults: Adapter.familyDefaults)
        let targets = model.linearLayers.filter {
            targeting.targets(moduleNamed: $0.name, isOutputHead: $0.name == "lm_head")
        }
        let replaced = model.replaceableWeights.filter { targeting.saves(weightNamed: $0.name) }
        guard !targets.isEmpty || !replaced.isEmpty else {
            throw QwenModelError(.mismatched, "the adapter's target_modules match no linear layer of the model")
        }
        var modules: [Module] = []
        for layer in targets {
            let rank = targeting.rank(of: layer.name)
            guard initialization == .zero || rank <= min(layer.inputs, layer.outputs) else {
                throw QwenModelError(
                    .mismatched,
                    "\(layer.name) is [\(layer.outputs), \(layer.inputs)], which has no \(rank) singular vectors; "
                        + "lower the rank")
            }
            modules.append(
                Module(layer: layer, rank: rank, scaling: try targeting.finiteScaling(of: layer.name)))
        }
        let starts = initialization.factors(of: modules, seed: seed)
        for (index, start) in starts.enumerated() where initialization != .zero {
            modules[index].frozen = (start.a, start.b.negated())
        }
        try self.init(configuration, model: model, modules: modules, replaced: replaced, beneath: beneath)
        for (module, start) in zip(modules, starts) {
            set(Adapter.downName(module.layer.name), start.a)
            set(Adapter.upName(module.layer.name), start.b)
        }
        for weight in replaced { set(weight.name, weight.values()) }
        guard configuration.useDora else { return }
        for module in self.modules {
            let (a, b) = factors(of: module)
            set(
                Adapter.magnitudeName(module.layer.name),
                rowNorms(of: module.layer.weight, adding: a, b, scaling: module.scaling))
        }
    }

    /// Goes on from a saved adapter.
    ///
    /// - Parameter beneath: An adapter of the same base that stays as it is.
    /// - Throws: `ModelFileError` or `QwenModelError` if the folder can't be read or doesn't fit the model.
    public convenience init(continuing folder: AdapterFolder, model: QwenModel, beneath: Adapter? = nil) throws {
        let saved = try Adapter(folder, model: model)
        let modules = model.linearLayers.compactMap { layer in
            saved.factors[layer.name].map { Module(layer: layer, rank: $0.a.shape[0], scaling: $0.scaling) }
        }
        let replaced = model.replaceableWeights.filter { saved.weights[$0.name] != nil }
        try self.init(folder.configuration, model: model, modules: modules, replaced: replaced, beneath: beneath)
        for module in modules {
            guard let factors = saved.factors[module.layer.name] else { continue }
            set(Adapter.downName(module.layer.name), factors.a)
            set(Adapter.upName(module.layer.name), factors.b)
            if let magnitude = factors.magnitude { set(Adapter.magnitudeName(module.layer.name), magnitude) }
        }
        for weight in replaced {
            // As stored, not as the model rounds them.
            guard let stored = folder.savedTensors[weight.name] else { continue }
            set(weight.name, Tensor(try stored.floats(), shape: weight.shape))
        }
    }

    private init(
        _ configuration: AdapterConfiguration, model: QwenModel, modules: [Module], replaced: [ModelWeight],
        beneath: Adapter?
    ) throws {
        self.model = model
        self.replaced = replaced
        self.modules = try modules.stacked(on: beneath, model: model, configuration)
        self.configuration = configuration.holding(self.modules)
        var shapes: [(String, [Int])] = []
        for module in self.modules where module.rank > 0 {
            let (name, layer) = (module.layer.name, module.layer)
            shapes.append((Adapter.downName(name), [module.rank, layer.inputs]))
            shapes.append((Adapter.upName(name), [layer.outputs, module.rank]))
            if configuration.useDora { shapes.append((Adapter.magnitudeName(name), [layer.outputs])) }
        }
        parameters = ParameterSet(shapes + replaced.map { ($0.name, $0.shape) })
    }

    private func set(_ name: String, _ values: Tensor) {
        guard let entry = parameters.entry(named: name) else { return }
        precondition(entry.shape == values.shape, "set: \(name) is \(entry.shape), got \(values.shape)")
        parameters.value(entry).floats.update(from: values.floats, count: values.count)
    }

    private func value(_ name: String) -> Tensor? { parameters.entry(named: name).map(parameters.value) }

    /// A and B of a module, with those that stay, in memory of their own.
    private func factors(of module: Module) -> (a: Tensor, b: Tensor) {
        let a = value(Adapter.downName(module.layer.name)) ?? Tensor(shape: [0, module.layer.inputs])
        let b = value(Adapter.upName(module.layer.name)) ?? Tensor(shape: [module.layer.outputs, 0])
        guard let frozen = module.frozen else { return (a.copy(), b.copy()) }
        return (a.above(frozen.a), b.beside(frozen.b))
    }

    /// The adapter as it is now, unaffected by later training.
    public func snapshot() -> Adapter {
        var result: [String: Adapter.Factors] = [:]
        for module in modules {
            let (a, b) = factors(of: module)
            let magnitude = value(Adapter.magnitudeName(module.layer.name))?.copy()
            result[module.layer.name] =
                magnitude.map {
                    Adapter.Factors(a: a, b: b, scaling: module.scaling, magnitude: $0, layer: module.layer)
                } ?? Adapter.Factors(a: a, b: b, scaling: module.scaling)
        }
        let weights = replaced.compactMap { weight in
            value(weight.name).map { (weight.name, weight.replacement($0)) }
        }
        return Adapter(factors: result, weights: Dictionary(uniqueKeysWithValues: weights))
    }

    /// Writes a PEFT folder; whole or not at all, and equal adapters give equal bytes.
    ///
    /// - Throws: `ModelFileError` (`unwritable`).
    public func write(to path: String) throws {
        let weights = modules.map { module in
            let (a, b) = factors(of: module)
            return AdapterWeights(
                module: module.layer.name, rank: a.shape[0], loraA: a.toArray(), loraB: b.toArray(),
                magnitude: value(Adapter.magnitudeName(module.layer.name))?.toArray())
        }
        let saved = replaced.compactMap { weight in
            value(weight.name).map {
                WritableTensor(name: weight.name, shape: weight.shape, floats: $0.toArray(), type: .float32)
            }
        }
        try AdapterFolder.write(
            configuration: configuration, weights: weights, saved: saved, to: path, replacing: true)
    }
}
