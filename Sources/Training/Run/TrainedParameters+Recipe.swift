import ModelFiles
import QwenModel
import Recipes
import TensorCore

extension TrainedParameters {
    /// The part of a model that a recipe trains, as it is before the first step.
    ///
    /// The base's folder name, not its path, goes into adapter_config.json: equal runs give equal bytes on every machine.
    /// - Throws: `ModelFileError` or `QwenModelError` where the adapter's settings don't fit the model.
    public init(_ recipe: Recipe, model: LoadedModel) throws {
        let adapter = recipe.adapter
        guard adapter.kind == .lora else {
            self = .all(try FullParameters(model: model.model, source: model.source))
            return
        }
        let beneath = try adapter.beneath.map { try Adapter(AdapterFolder(path: $0), model: model.model) }
        if let initial = adapter.initial {
            self = .adapter(
                try TrainableAdapter(
                    continuing: AdapterFolder(path: initial), model: model.model, beneath: beneath))
            return
        }
        self = .adapter(
            try TrainableAdapter(
                AdapterConfiguration(recipe, hasExperts: model.model.configuration.experts != nil), model: model.model,
                seed: UInt64(bitPattern: Int64(recipe.seed)), beneath: beneath))
    }
}

extension AdapterConfiguration {
    /// What a recipe asks for. The routers of a mixture are linear layers too, but `all-linear` leaves them out: they are
    /// trained whole, or not at all.
    init(_ recipe: Recipe, hasExperts: Bool) {
        let adapter = recipe.adapter
        let targets: TargetModules =
            switch adapter.targets {
            case .allLinear: .allLinear
            case .modules(let names): .names(names)
            case .pattern(let expression): .expression(expression)
            }
        self.init(r: adapter.rank, loraAlpha: adapter.alpha, targetModules: targets)
        useRslora = adapter.rslora
        baseModelNameOrPath = recipe.model.path.split(separator: "/").last.map(String.init)
        useDora = adapter.dora
        loraDropout = adapter.dropout
        if adapter.initialization != .zero { initLoraWeights = .string(adapter.initialization.rawValue) }
        let routers = hasExperts && adapter.targets == .allLinear ? ["mlp.gate"] : []
        excludeModules = .names(adapter.exclude + routers)
        layersToTransform = adapter.layers
        rankPattern = adapter.rankPattern.map { PatternRule(expression: $0.expression, value: $0.value) }
        alphaPattern = adapter.alphaPattern.map { PatternRule(expression: $0.expression, value: $0.value) }
        modulesToSave = adapter.wholeModules + (adapter.router && hasExperts ? ["mlp.gate"] : [])
    }
}
