import Distribution
import Foundation
import ModelFiles
import QwenModel
import Recipes
import TensorCore
import TextGeneration
import Tokenization
import Tracking
import Training

/// A recipe with everything it names in memory: model, data, rewards.
struct PreparedRun {
    /// The recipe.
    let recipe: Recipe
    /// The model.
    let model: LoadedModel
    /// The data sets.
    let data: (train: DataSet, evaluation: [NamedSet])
    private let messages: Messages

    /// Reads a recipe and loads what it names.
    ///
    /// - Parameter memory: Whether what does not fit into memory is refused.
    /// - Throws: `RecipeError` with all faults of the recipe or its data, or the errors of model and files.
    init(_ path: String, overrides: [String], memory: MemoryCheck = .none, messages: Messages) throws {
        try self.init(Recipe.load(path: path, overrides: overrides), memory: memory, messages: messages)
    }

    /// Loads what a recipe names.
    ///
    /// - Throws: `RecipeError` with all faults of the data, or the errors of model and files.
    init(_ recipe: Recipe, memory: MemoryCheck = .none, messages: Messages) throws {
        self.recipe = recipe
        self.messages = messages
        ComputeDevice.threadCount = recipe.threads
        data = try DataSet.load(recipe)
        for note in data.train.notes + data.evaluation.flatMap(\.data.notes) { messages.warning(note) }
        try memory(recipe, data, messages)
        model = try Self.model(recipe)
    }

    /// The run.
    ///
    /// - Parameter checkpoint: Where it goes on; `nil` begins.
    /// - Parameter publishes: Whether its adapters go to where the recipe publishes.
    /// - Parameter observers: Make views of its records.
    /// - Parameter ranks: Who takes the steps together.
    /// - Parameter source: The run whose steps are taken again, with the completions that servers gave it.
    func run(
        in folder: RunFolder, from checkpoint: Checkpoint? = nil, retracing source: RunFolder? = nil,
        publishes: Bool = false, progress: ProgressLine? = nil, observers: [any RunObserver] = [],
        ranks: RankGroup = .alone
    ) throws -> TrainingRun {
        let (rewards, checkers) = (try recipe.rewardSet(log: messages.info), try recipe.checkerSet(log: messages.info))
        try rewards?.check(data.train)
        try (checkers ?? rewards)?.check(data.evaluation)
        return try TrainingRun(
            recipe, model: model, data: data, rewards: rewards, checkers: checkers, folder: folder, from: checkpoint,
            publisher: publishes ? try recipe.publisher(in: folder) : nil,
            rollouts: try recipe.rolloutEngine(
                in: folder, reading: source, vocabularySize: model.model.configuration.vocabularySize,
                log: messages.warning),
            signal: Interruption.stopSignal, progress: progress, observers: observers, ranks: ranks)
    }

    /// The text of a completion as records have it.
    func text(of tokens: [Int]) -> String { model.tokenizer.decode(tokens, skipSpecialTokens: true) }

    /// Gives a closure a run's folder that is removed afterwards.
    static func withTemporaryFolder<Result>(_ body: (RunFolder) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("touchstone-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(RunFolder(existing: folder.path))
    }

    /// The model of a recipe with its tokenizer and template.
    ///
    /// - Throws: The errors of its files.
    static func model(_ recipe: Recipe) throws -> LoadedModel {
        let location = try ModelLocation(recipe.model.path)
        let source: any WeightSource
        switch (location, recipe.model.initialize) {
        case (.folder(let path), .pretrained): source = try HuggingFaceFolder(path: path)
        case (.gguf(let file), .pretrained): source = try GGUFModel(file)
        case (.folder(let path), .random):
            guard let configuration = try ModelJSON.object("config.json", in: path) else {
                throw CommandFailure("\(path): has no config.json; model.initialize random needs one")
            }
            source = try InitializedWeights(
                configuration: configuration, path: path, seed: UInt64(bitPattern: Int64(recipe.seed)))
        case (.gguf, .random):
            throw CommandFailure(
                "\(location.path): model.initialize random needs a folder with config.json, not a GGUF file")
        }
        let tokenizer = try location.tokenizer()
        return LoadedModel(
            model: try QwenModel(
                source, precision: recipe.model.precision == .fp32 ? .float32 : .bfloat16,
                weights: recipe.keepsBlocks ? .stored : .expanded),
            source: source, tokenizer: tokenizer, chatTemplate: try chatTemplate(recipe, tokenizer))
    }

    /// The chat template that a recipe names, else the model's own; `nil` where there is none.
    static func chatTemplate(_ recipe: Recipe, _ tokenizer: Tokenizer) throws -> ChatTemplate? {
        guard let file = recipe.model.chatTemplate else {
            return try tokenizer.chatTemplate.map { try ChatTemplate(source: $0) }
        }
        guard let text = try ModelJSON.text(file) else {
            throw CommandFailure("\(file): no such file; model.chat_template names it")
        }
        return try ChatTemplate(source: text)
    }

    /// The folder of a new run.
    ///
    /// - Parameter path: A folder that is new or empty; `nil` for one of its own below `Checkpoints`.
    static func folder(_ path: String?, name: String) throws -> RunFolder {
        guard let path else { return try RunFolder(base: "Checkpoints", name: name, date: Date()) }
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            guard try FileManager.default.contentsOfDirectory(atPath: path).isEmpty else {
                throw CommandFailure(
                    "run folder \(path): not empty; give a new one, so that no run is overwritten, or --resume \(path)")
            }
        } catch let error as CommandFailure {
            throw error
        } catch {
            throw CommandFailure("run folder \(path): can't be created (\(error.localizedDescription))")
        }
        return try RunFolder(existing: path)
    }
}

extension Recipe {
    /// Whether quantised weights stay as they are stored: what is trained itself must be numbers.
    var keepsBlocks: Bool { model.weights == .stored && adapter.kind != .none }
}
