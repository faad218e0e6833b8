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
        if let initial = adapter.initial {
            self = .adapter(try TrainableAdapter(continuing: AdapterFolder(path: initial), model: model.model))
            return
        }
        self = .adapter(
            try TrainableAdapter(
                AdapterConfiguration(recipe), model: model.model, seed: UInt64(bitPattern: Int64(recipe.seed))))
    }
}

extension AdapterConfiguration {
    /// The settings of a recipe's new adapter.
    init(_ recipe: Recipe) {
        let adapter = recipe.adapter
        let targets: AdapterConfiguration.TargetModules =
            switch adapter.targets {
            case .allLinear: .allLinear
            case .modules(let names): .names(names)
            case .pattern(let expression): .expression(expression)
            }
        self.init(r: adapter.rank, loraAlpha: adapter.alpha, targetModules: targets)
        useRslora = adapter.rslora
        baseModelNameOrPath = recipe.model.path.split(separator: "/").last.map(String.init)
    }
}
