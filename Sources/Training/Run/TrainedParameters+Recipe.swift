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
        let targets: AdapterConfiguration.TargetModules =
            switch adapter.targets {
            case .allLinear: .allLinear
            case .modules(let names): .names(names)
            case .pattern(let expression): .expression(expression)
            }
        var configuration = AdapterConfiguration(
            r: adapter.rank, loraAlpha: adapter.alpha, targetModules: targets)
        configuration.useRslora = adapter.rslora
        configuration.baseModelNameOrPath = recipe.model.path.split(separator: "/").last.map(String.init)
        self = .adapter(
            try TrainableAdapter(
                configuration, model: model.model, seed: UInt64(bitPattern: Int64(recipe.seed))))
    }
}
