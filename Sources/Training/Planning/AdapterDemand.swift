import ModelFiles
import QwenModel
import Recipes

/// What an adapter holds besides low-rank factors that are trained.
public struct AdapterDemand: Sendable, Hashable {
    /// Numbers in weights that are trained whole (`modules_to_save`), among those that are trained.
    public var wholeNumbers = 0
    /// Numbers in factors that stay: what PiSSA and OLoRA took from the base, and an adapter beneath.
    public var frozenNumbers = 0
    /// Bytes that it keeps of each token for the backward pass, over all blocks: what each A gives, and with magnitudes the
    /// outputs before them.
    public var keptBytes: Int { Int(keptShare) }
    private var keptShare = 0.0

    /// An adapter of trained factors alone.
    public init() {}

    /// Counts numbers that a module keeps of each token; of an expert's, those of the tokens that ask for it.
    public mutating func keep(_ numbers: Int, of module: String, in model: QwenConfiguration) {
        guard module != "lm_head" else { return }
        let isExpert = module.contains(".experts.")
        let share = model.experts.map { isExpert ? Double($0.perToken) / Double($0.count) : 1 } ?? 1
        keptShare += 4 * Double(numbers) * share
    }
}

/// The sizes of the adapter that a recipe trains.
struct AdapterSizes {
    /// Numbers that are trained.
    private(set) var trained = 0
    /// What comes besides.
    private(set) var demand = AdapterDemand()

    /// - Throws: `ModelFileError` for a faulty adapter that the recipe names.
    init(_ recipe: Recipe, _ model: QwenConfiguration) throws {
        let initial = try recipe.adapter.initial.map { try AdapterFolder(path: $0) }
        let settings = initial?.configuration ?? AdapterConfiguration(recipe, hasExperts: model.experts != nil)
        let targeting = try AdapterTargeting(settings, familyDefaults: [])
        if let initial {
            // What is in the file is what is trained.
            for (name, stored) in initial.adapters { add(stored, name, model, isTrained: true) }
        } else {
            let takesFromBase = recipe.adapter.initialization != .zero
            for layer in model.linearShapes
            where targeting.targets(moduleNamed: layer.name, isOutputHead: layer.name == "lm_head") {
                let rank = targeting.rank(of: layer.name)
                let factors = rank * (layer.inputs + layer.outputs)
                trained += factors + (settings.useDora ? layer.outputs : 0)
                if takesFromBase { demand.frozenNumbers += factors }
                demand.keep(
                    (takesFromBase ? 2 * rank : rank) + (settings.useDora ? layer.outputs : 0), of: layer.name,
                    in: model)
            }
        }
        for weight in model.weightShapes where targeting.saves(weightNamed: weight.name) {
            demand.wholeNumbers += weight.shape.reduce(1, *)
        }
        trained += demand.wholeNumbers
        if let beneath = try recipe.adapter.beneath.map({ try AdapterFolder(path: $0) }) {
            for (name, stored) in beneath.adapters { add(stored, name, model, isTrained: false) }
        }
    }

    /// Factors from a file.
    private mutating func add(_ stored: StoredAdapter, _ name: String, _ model: QwenConfiguration, isTrained: Bool) {
        let (factors, outputs) = (stored.loraA.count + stored.loraB.count, stored.magnitude?.count ?? 0)
        if isTrained { trained += factors + outputs } else { demand.frozenNumbers += factors }
        demand.keep((stored.loraA.shape.first ?? 0) + outputs, of: name, in: model)
    }
}
