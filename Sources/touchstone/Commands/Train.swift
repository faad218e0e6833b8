import ArgumentParser
import Foundation
import InferenceCore
import Recipes
import TensorCore
import Tracking
import Training

/// `touchstone train`.
struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a recipe: reinforcement learning (kind: grpo) or supervised fine-tuning (kind: sft).",
        discussion: """
            The run's folder holds recipe.yaml (resolved), metrics.jsonl, completions.jsonl, adapters/step-… and adapter, \
            the newest of them. Its path is printed on standard output. Control-C saves the adapter and ends the run with \
            status 130. The same recipe gives the same bytes again, whatever --threads.

            Example:
              touchstone train Recipes/quickstart.yaml --set steps=20 --set rollout.temperature=0.9
            """)

    @Argument(help: ArgumentHelp("A recipe (YAML).", valueName: "recipe"))
    var recipe: String

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp("Replace a value of the recipe; may be repeated.", valueName: "key.path=value"))
    var overrides: [String] = []

    @Option(name: .long, help: ArgumentHelp("Where run folders are made; Checkpoints by default.", valueName: "folder"))
    var runDir: String?

    @Option(name: .long, help: ArgumentHelp("Threads to compute with; 0: as the recipe says.", valueName: "n"))
    var threads = 0

    @Flag(name: .long, help: "Check everything, load model and data, print the resolved recipe and the plan, and stop.")
    var dryRun = false

    @OptionGroup var messages: MessageOptions

    func validate() throws {
        guard (0...1024).contains(threads) else {
            throw ValidationError("--threads is \(threads), expected 0 to 1024")
        }
    }

    func run() throws {
        var resolved = try Recipe.load(path: recipe, overrides: overrides)
        if let runDir { resolved.runDirectory = runDir }
        if threads > 0 { resolved.threads = threads }
        ComputeDevice.threadCount = resolved.threads
        let rewards = try RecipeWiring.rewards(resolved)
        let data = try DataSet.load(resolved)
        for note in data.train.notes + (data.evaluation?.notes ?? []) { messages.messages.warning(note) }
        let model = try RecipeWiring.model(resolved)
        if dryRun {
            try StandardOutput.write(resolved.resolvedYAML())
            for line in try TrainingPlan(resolved, model: model, data: data.train).lines { messages.messages.info(line) }
            return
        }
        let folder = try RunFolder(
            base: resolved.runDirectory ?? "Checkpoints", name: resolved.name, date: Date())
        messages.messages.info("run folder: \(folder.path)")
        let signal = StopSignal()
        let isTold = messages.messages.level >= .info
        let outcome = try Blocking.wait { [resolved, rewards] in
            let run = try TrainingRun(
                resolved, model: model, data: data, rewards: rewards, folder: folder, registry: AdapterRegistry(),
                signal: signal, progress: isTold ? .standardError(every: 1) : nil)
            return try await run.run()
        } whileWaiting: {
            if Interruption.isRequested { signal.set() }
        }
        try StandardOutput.write(folder.path + "\n")
        if case .interrupted = outcome { throw CommandFailure(reported: .interrupted) }
    }
}
