import Foundation
import OrderedJSON

/// A training run as its YAML file describes it: typed, checked, every default filled in.
public struct Recipe: Hashable, Sendable {
    /// What is trained.
    public enum Kind: String, CaseIterable, Sendable {
        /// Reinforcement learning with verifiable rewards.
        case grpo
        /// Supervised fine-tuning.
        case sft
    }

    /// What is trained.
    public var kind = Kind.grpo
    /// The run's name; part of the default run folder.
    public var name = "run"
    /// The seed of every random draw of the run.
    public var seed = 42
    /// The run folder; relative to the working folder, not to the recipe.
    public var runDirectory: String?
    /// How many threads compute; 0 means every processor.
    public var threads = 0
    /// The model that is trained.
    public var model = Model()
    /// The part that moves.
    public var adapter = Adapter()
    /// The problems.
    public var data = Data()
    /// What completions are scored by; empty for `sft`.
    public var rewards: [Reward] = []
    /// How completions are generated; `grpo` only.
    public var rollout = Rollout()
    /// What is optimised; `grpo` only.
    public var algorithm = Algorithm()
    /// How supervised rows are learned; `sft` only.
    public var sft = SFT()
    /// How the parameters move.
    public var optimizer = Optimizer()
    /// How the learning rate changes.
    public var schedule = Schedule()
    /// Optimizer steps; `nil` only for `sft`, where `sft.epochs` then says how long.
    public var steps: Int?
    /// How rows are packed.
    public var batch = Batch()
    /// When and how the model is evaluated.
    public var evaluation = Evaluation()
    /// When the run is saved.
    public var checkpoint = Checkpoint()
    /// Where each step's adapter is published: the address of a server, or a folder that one watches.
    public var publish: String?

    init() {}

    /// Reads a recipe file.
    ///
    /// - Parameter path: The YAML file; at most 1 MiB of UTF-8. Relative paths in it start from its folder.
    /// - Parameter overrides: `key.path=value` each, as given to `--set`; later ones win.
    /// - Throws: `RecipeError` with every fault.
    public static func load(path: String, overrides: [String] = []) throws(RecipeError) -> Recipe {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw RecipeError(.unreadable, "\(path): can't be opened; expected a recipe in YAML")
        }
        defer { try? file.close() }
        let bytes: Foundation.Data
        do { bytes = try file.read(upToCount: YAMLText.maximumBytes + 1) ?? .init() } catch {
            throw RecipeError(.unreadable, "\(path): can't be read: \(error.localizedDescription)", cause: error)
        }
        guard bytes.count <= YAMLText.maximumBytes else {
            throw RecipeError(
                .unreadable, "\(path): larger than \(YAMLText.maximumBytes) bytes; a recipe is a short text")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw RecipeError(.malformed, "\(path): not valid UTF-8; save the recipe as UTF-8")
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        return try Recipe(yaml: text, folder: folder, overrides: overrides, source: path)
    }

    /// Reads a recipe's text.
    ///
    /// - Parameter yaml: The text.
    /// - Parameter folder: What relative paths in it start from.
    /// - Parameter overrides: `key.path=value` each; later ones win.
    /// - Parameter source: What to call the text in faults.
    /// - Throws: `RecipeError` with every fault.
    public init(
        yaml: String, folder: String, overrides: [String] = [], source: String = "recipe"
    ) throws(RecipeError) {
        guard var root = try YAMLText(source: source).read(yaml), !root.isNull else {
            throw RecipeError(.malformed, "\(source): empty; expected keys such as kind, model and data")
        }
        for override in overrides { root = try Overrides.applying(override, to: root) }
        let folder = URL(fileURLWithPath: folder).standardizedFileURL.path
        var reader = RecipeReader(source: source, folder: folder, root: root)
        let recipe = Recipe.read(root, [], &reader)
        guard reader.faults.isEmpty, var recipe else { throw RecipeError(.invalid, faults: reader.faults) }
        recipe.fillIn(reader)
        self = recipe
    }

    /// The complete recipe: every key that applies to its kind, paths absolute. The bytes depend on the values only, and
    /// reading them gives an equal recipe, from whatever folder.
    public func resolvedYAML() -> String {
        var object = written()
        for key in Self.keys(notFor: kind) { object[key] = nil }
        return YAMLWriter.text(object)
    }

    /// Defaults that depend on other keys.
    private mutating func fillIn(_ reader: RecipeReader) {
        switch kind {
        case .grpo:
            steps = steps ?? 100
            algorithm.fillIn()
        case .sft: if steps == nil, sft.epochs == nil { sft.epochs = 3 }
        }
        data.fillIn(kind: kind, seed: seed)
        evaluation.samples = evaluation.samples ?? (evaluation.temperature == 0 ? 1 : 4)
        if data.evaluation == nil {
            evaluation.every = 0
            evaluation.atStart = false
        }
        let recipe = self
        for index in rewards.indices { rewards[index].fillIn(from: recipe, folder: reader.folder) }
        for index in evaluation.rewards.indices {
            evaluation.rewards[index].fillIn(from: recipe, folder: reader.folder)
        }
    }
}
