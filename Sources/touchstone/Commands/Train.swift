import ArgumentParser
import Distribution
import Foundation
import Recipes
import Reporting
import TensorBoard
import Tracking
import Training

/// `touchstone train`.
struct Train: AsyncParsableCommand, RankedCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a recipe: reinforcement learning (kind: grpo) or supervised fine-tuning (kind: sft).",
        discussion: """
            The run folder, Checkpoints/<name>-<time> unless --run-dir or the recipe's run_dir names another, holds the \
            resolved recipe, metrics, completions, adapters, checkpoints, TensorBoard's event file and report.html; its \
            path is written to standard output at the end. Control-C ends the run after saving what it has (status 130); \
            a second one ends it at once.

            --resume goes on with a run that was interrupted or killed at any moment, from its newest sound \
            checkpoint; what follows is, bit for bit, what it would have been. The recipe may be left out: the run \
            has it. A changed recipe, model or data is refused, but for what doesn't change results, such as steps.

            --dry-run checks everything, loads model and data, takes one step to measure it, writes the resolved recipe \
            and the plan to standard output, and leaves nothing behind.

            A run that may take more memory than there is (MemAvailable, the container's limit, ulimit -v) is refused with \
            what to lower, unless --allow-low-memory is given. A run that is ended for want of memory goes on with --resume.

            mpirun -np 4 touchstone train …, or srun, takes the steps on several ranks, on one machine or many: the results \
            are the same bits for every number of them. The first rank writes the run folder. SIGUSR1 to mpirun ends the \
            run after saving. A run may go on with another number of ranks.

            Example:
              touchstone train Recipes/quickstart.yaml --dry-run
              touchstone train Recipes/quickstart.yaml --set steps=20 --set optimizer.learning_rate=5e-4
              touchstone train --resume Checkpoints/quickstart-20260131-142305 --set steps=200
            """)

    @Argument(help: "A recipe in YAML; may be left out with --resume.")
    var recipe: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Overrides a value of the recipe; may be repeated.", valueName: "key.path=value"))
    var set: [String] = []

    @Option(name: .long, help: ArgumentHelp("Where the run is kept; must be new or empty.", valueName: "folder"))
    var runDir: String?

    @Option(name: .long, help: ArgumentHelp("Goes on with an interrupted or killed run.", valueName: "folder"))
    var resume: String?

    @Flag(name: .long, help: "Check and plan only.")
    var dryRun = false

    @Flag(name: .long, help: "Begin although the run may not fit into memory.")
    var allowLowMemory = false

    @OptionGroup var ranks: RankOptions

    @OptionGroup var messages: MessageOptions

    private var memory: MemoryCheck { allowLowMemory ? .warns : .refuses }

    func validate() throws {
        guard recipe != nil || resume != nil else { throw ValidationError("a recipe is missing, or --resume") }
        guard resume == nil || runDir == nil && !dryRun else {
            throw ValidationError("--resume goes on in the run's own folder; leave --run-dir and --dry-run out")
        }
    }

    func run() async throws {
        try await ranks.run(messages.messages) { group, messages in
            guard let resume else { return try await begin(group, messages) }
            let resumed = try ResumedRun(
                RunFolder(existing: resume), recipe: recipe, overrides: set, memory: memory,
                messages: messages, ranks: group)
            Interruption.setDeferred(true)
            try await run(
                resumed.prepared, in: resumed.folder, from: resumed.checkpoint, claim: resumed.claim, group, messages)
        }
    }

    private func begin(_ group: RankGroup, _ messages: Messages) async throws {
        let prepared = try PreparedRun(recipe ?? "", overrides: set, memory: memory, messages: messages)
        Interruption.setDeferred(true)
        if dryRun {
            guard group.count == 1 else {
                throw CommandFailure(
                    "--dry-run measures one rank; leave mpirun out, or ask touchstone plan --ranks", status: .wrongUsage
                )
            }
            try await StandardOutput.write(prepared.plan())
            return
        }
        let own =
            group.isFirst
            ? try PreparedRun.folder(runDir ?? prepared.recipe.runDirectory, name: prepared.recipe.name) : nil
        let path = try group.tell(own?.path ?? "")
        try await run(
            prepared, in: own ?? RunFolder(writtenElsewhere: path), from: nil, claim: try own.map { try RunClaim($0) },
            group, messages)
    }

    /// - Parameter claim: The right to the folder, held until the end.
    private func run(
        _ prepared: PreparedRun, in folder: RunFolder, from checkpoint: Checkpoint?, claim: RunClaim?,
        _ group: RankGroup, _ messages: Messages
    ) async throws {
        defer { withExtendedLifetime(claim) {} }
        messages.info("run folder \(folder.path)")
        if prepared.recipe.threads == 0 { RankOptions.shareThreads(group) }
        let progress = messages.level >= .info ? ProgressLine.standardError() : nil
        let run: TrainingRun
        do {
            run = try prepared.run(
                in: folder, from: checkpoint, publishes: group.isFirst, progress: progress,
                observers: [TensorBoardLog(), ReportWriter()], ranks: group)
        } catch {
            // A folder of its own without a single record would only stand in the way of the next try.
            if checkpoint == nil, claim != nil { try? FileManager.default.removeItem(atPath: folder.path) }
            throw error
        }
        for note in run.notes { messages.warning(note) }
        let outcome = try await run.run()
        if group.isFirst { try StandardOutput.write(folder.path + "\n") }
        if case .interrupted = outcome { throw CommandFailure(reported: .interrupted) }
    }
}
