import ArgumentParser
import Foundation
import Recipes
import Tracking
import Training

/// `touchstone train`.
struct Train: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a recipe: reinforcement learning (kind: grpo) or supervised fine-tuning (kind: sft).",
        discussion: """
            The run folder, Checkpoints/<name>-<time> unless --run-dir or the recipe's run_dir names another, holds the \
            resolved recipe, metrics, completions and adapters; its path is written to standard output at the end. \
            Control-C ends the run after saving what it has (status 130); a second one ends it at once.

            --dry-run checks everything, loads model and data, takes one step to measure it, writes the resolved recipe \
            and the plan to standard output, and leaves nothing behind.

            Example:
              touchstone train Recipes/quickstart.yaml --dry-run
              touchstone train Recipes/quickstart.yaml --set steps=20 --set optimizer.learning_rate=5e-4
            """)

    @Argument(help: "A recipe in YAML.")
    var recipe: String

    @Option(
        name: .long,
        help: ArgumentHelp("Overrides a value of the recipe; may be repeated.", valueName: "key.path=value"))
    var set: [String] = []

    @Option(name: .long, help: ArgumentHelp("Where the run is kept; must be new or empty.", valueName: "folder"))
    var runDir: String?

    @Option(name: .long, help: ArgumentHelp("Goes on with an interrupted run.", valueName: "folder"))
    var resume: String?

    @Flag(name: .long, help: "Check and plan only.")
    var dryRun = false

    @OptionGroup var messages: MessageOptions

    func validate() throws {
        guard resume == nil else {
            throw ValidationError("--resume: this version can't go on with a run yet; begin a new one")
        }
    }

    func run() async throws {
        let messages = messages.messages
        let prepared = try PreparedRun(recipe, overrides: set, messages: messages)
        Interruption.setDeferred(true)
        if dryRun {
            try await StandardOutput.write(prepared.plan())
            return
        }
        let folder = try PreparedRun.folder(runDir ?? prepared.recipe.runDirectory, name: prepared.recipe.name)
        messages.info("run folder \(folder.path)")
        let progress = messages.level >= .info ? ProgressLine.standardError() : nil
        let outcome = try await prepared.run(in: folder, progress: progress).run()
        try StandardOutput.write(folder.path + "\n")
        if case .interrupted = outcome { throw CommandFailure(reported: .interrupted) }
    }
}
