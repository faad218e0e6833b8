import ArgumentParser
import Foundation
import OrderedJSON
import RunStore
import Tracking

/// Where runs are looked for.
struct StoreOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The folder that holds the runs.", valueName: "folder"))
    var root = "Checkpoints"

    @Flag(name: .long, help: "Leave ROOT/.runs.sqlite alone, and read every run anew.")
    var noIndex = false

    /// The index, brought up to date.
    func index() throws -> RunIndex { try RunIndex(root: root, isKept: !noIndex) }

    /// A run by its folder, or by its folder's name below the root.
    func folder(_ name: String) throws -> RunFolder {
        let below = "\(root)/\(name)"
        if !FileManager.default.fileExists(atPath: name), RunSummary.isRun(below) {
            return try RunFolder(existing: below)
        }
        return try RunFolder(existing: name)
    }
}

/// `touchstone runs list`.
struct ListRuns: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists runs.",
        discussion: """
            The newest first. --filter takes KEY, one of = != < <= > >= ~ (contains), and a value, where KEY is a column, a \
            metric (its last value) or a key of the recipe; several must all hold. --sort takes a column or a metric; \
            numbers fall, texts rise.

            Columns: \(["name", "kind", "model", "state", "started", "path", "step", "steps", "reward", "accuracy", "best", "best_step", "seconds"].joined(separator: ", ")).

            Example:
              touchstone runs list --sort best
              touchstone runs list --filter state=finished --filter "optimizer.learning_rate<1e-3" --json
            """)

    @Option(name: .long, help: ArgumentHelp("Only runs for which this holds; may be repeated.", valueName: "condition"))
    var filter: [String] = []

    @Option(name: .long, help: ArgumentHelp("A column or a metric.", valueName: "key"))
    var sort = "started"

    @Flag(name: .long, help: "Turn the order around.")
    var reverse = false

    @Option(name: .long, help: ArgumentHelp("At most so many.", valueName: "n"))
    var limit: Int?

    @Flag(name: .long, help: "JSON Lines instead of a table.")
    var json = false

    @OptionGroup var store: StoreOptions

    func validate() throws {
        guard limit ?? 1 > 0 else { throw ValidationError("--limit is \(limit ?? 0), expected 1 or more") }
    }

    func run() throws {
        let query = try RunQuery(filters: filter, order: sort, isReversed: reverse)
        let runs = try query.runs(in: store.index()).prefix(limit ?? .max)
        if json {
            for run in runs { try Output.write(JSONValue.object(run.json()).text() + "\n") }
            return
        }
        var table = TextTable([
            ("NAME", .left), ("STARTED", .left), ("STATE", .left), ("STEP", .right), ("REWARD", .right),
            ("HELD-OUT", .right), ("BEST", .right), ("MODEL", .left), ("FOLDER", .left),
        ])
        for run in runs {
            table.add([
                Output.cell(run.name), Output.minute(run.started), run.state.rawValue,
                "\(run.step)\(run.steps.map { "/\($0)" } ?? "")", Output.number(run.reward),
                Output.percent(run.accuracy),
                run.best.map { "\(Output.percent($0)) @\(run.bestStep ?? 0)" } ?? "–", Output.cell(run.model),
                Output.cell(run.path),
            ])
        }
        try Output.write(runs.isEmpty ? "no runs below \(store.root)\n" : table.text)
    }
}
