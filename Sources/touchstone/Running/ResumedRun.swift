import Distribution
import Foundation
import ModelFiles
import Recipes
import TextGeneration
import Tracking
import Training

/// A run that goes on: its folder, which nobody else may write meanwhile, and where to go on.
struct ResumedRun {
    /// The run's folder.
    let folder: RunFolder
    /// The right to write there; `nil` on all ranks but the first.
    let claim: RunClaim?
    /// Where to go on; `nil` if the run was killed before it saved anything, and begins again.
    let checkpoint: Checkpoint?
    /// The recipe with what it names.
    let prepared: PreparedRun

    /// Finds the newest sound checkpoint and loads what the recipe names.
    ///
    /// - Parameter recipe: The recipe's path; `nil` takes the run's own.
    /// - Parameter memory: Whether what does not fit into memory is refused.
    /// - Parameter ranks: Who goes on with it: all of them from the checkpoint that the first one has found.
    /// - Throws: `CommandFailure` if the folder holds no run, and the errors of its files.
    init(
        _ folder: RunFolder, recipe: String?, overrides: [String], memory: MemoryCheck = .none, messages: Messages,
        ranks: RankGroup = .alone
    ) throws {
        self.folder = folder
        claim = ranks.isFirst ? try RunClaim(folder) : nil
        let hasRecipe = PathKind(folder.recipe) != .missing
        guard hasRecipe || recipe != nil && Self.holdsNothing(folder) else {
            throw CommandFailure(
                "\(folder.path): holds no recipe.yaml, so it is no run's folder; give the folder that train named")
        }
        checkpoint = try Self.checkpoint(in: folder, messages, ranks)
        if let checkpoint {
            try messages.info("goes on after step \(checkpoint.step)")
        } else {
            messages.warning("\(folder.path): no checkpoint was saved; the run begins again")
        }
        if let recipe {
            prepared = try PreparedRun(recipe, overrides: overrides, memory: memory, messages: messages)
        } else if let checkpoint {
            prepared = try PreparedRun(Self.recipe(of: checkpoint, overrides), memory: memory, messages: messages)
        } else {
            prepared = try PreparedRun(folder.recipe, overrides: overrides, memory: memory, messages: messages)
        }
    }

    /// The newest sound checkpoint, as the first rank finds it.
    private static func checkpoint(
        in folder: RunFolder, _ messages: Messages, _ ranks: RankGroup
    ) throws -> Checkpoint? {
        let store = CheckpointStore(folder)
        let newest = ranks.isFirst ? try store.newest { messages.warning($0) } : nil
        let step = try ranks.tell(try newest.map { "\(try $0.step)" } ?? "")
        return ranks.isFirst ? newest : try Int(step).map { try store.read(step: $0) }
    }

    /// The recipe that a checkpoint was made with.
    ///
    /// - Throws: `RecipeError` for wrong overrides, or a recipe that this version can't read.
    static func recipe(of checkpoint: Checkpoint, _ overrides: [String] = []) throws -> Recipe {
        try Recipe(
            yaml: checkpoint.provenance.recipe, folder: "/", overrides: overrides, source: "the checkpoint's recipe")
    }

    /// Whether a killed run has left at most its records' beginnings.
    private static func holdsNothing(_ folder: RunFolder) -> Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let records = ["metrics.jsonl", "completions.jsonl", "evaluations.jsonl"]
        return names.allSatisfy { records.contains($0) || $0.hasSuffix(".tmp") }
    }
}
