import ModelFiles
import OrderedJSON
import TensorCore

extension [TrainableAdapter.Module] {
    /// The modules with the factors of an adapter beneath, which stay as they are.
    ///
    /// - Throws: `QwenModelError` (`unsupported`) for one with magnitudes or whole weights: it is no sum of factors.
    func stacked(
        on beneath: Adapter?, model: QwenModel, _ configuration: AdapterConfiguration
    ) throws(QwenModelError) -> [TrainableAdapter.Module] {
        guard let beneath else { return self }
        guard beneath.weights.isEmpty, beneath.factors.values.allSatisfy({ $0.magnitude == nil }) else {
            throw QwenModelError(
                .unsupported,
                "the adapter beneath has magnitudes (use_dora) or whole weights (modules_to_save), which no sum of "
                    + "low-rank factors can hold; merge it into the base first")
        }
        let own = Dictionary(uniqueKeysWithValues: map { ($0.layer.name, $0) })
        guard !configuration.useDora || beneath.factors.keys.allSatisfy({ own[$0] != nil }) else {
            throw QwenModelError(
                .unsupported, "an adapter with use_dora must target every module of the adapter beneath it")
        }
        guard beneath.factors.keys.allSatisfy({ own[$0]?.scaling != 0 }) else {
            throw QwenModelError(.mismatched, "an adapter of alpha 0 can't stand on another; give it an alpha above 0")
        }
        return model.linearLayers.compactMap { layer in
            guard let factors = beneath.factors[layer.name] else { return own[layer.name] }
            guard var module = own[layer.name] else {
                return TrainableAdapter.Module(
                    layer: layer, rank: 0, scaling: factors.scaling, frozen: (factors.a, factors.b))
            }
            let ratio = factors.scaling / module.scaling
            let b = Tensor(factors.b.toArray().map { $0 * ratio }, shape: factors.b.shape)
            module.frozen = module.frozen.map { ($0.a.above(factors.a), $0.b.beside(b)) } ?? (factors.a, b)
            return module
        }
    }
}

extension AdapterConfiguration {
    /// What an adapter of these modules says of itself: the ranks of all factors, with alphas that leave the scalings as
    /// they are. Unchanged where all factors are trained.
    func holding(_ modules: [TrainableAdapter.Module]) -> AdapterConfiguration {
        guard modules.contains(where: { $0.frozen != nil }) else { return self }
        var result = self
        result.initLoraWeights = true
        (result.rankPattern, result.alphaPattern) = ([], [])
        for (index, module) in modules.enumerated() {
            let rank = module.rank + (module.frozen?.a.shape[0] ?? 0)
            let alpha = Double(module.scaling) * (useRslora ? Double(rank).squareRoot() : Double(rank))
            if index == 0 { (result.r, result.loraAlpha) = (rank, alpha) }
            let expression = module.layer.name.replacing(".", with: "\\.")
            if rank != result.r { result.rankPattern.append(.init(expression: expression, value: rank)) }
            if alpha != result.loraAlpha { result.alphaPattern.append(.init(expression: expression, value: alpha)) }
        }
        if modules.contains(where: { $0.rank == 0 }) {
            // Modules that only the adapter beneath has: the rules for names no longer say which there are.
            result.targetModules = .names(modules.map(\.layer.name))
            (result.excludeModules, result.layersToTransform, result.layersPattern) = (.names([]), nil, [])
        }
        return result
    }
}
