import ArgumentParser
import OrderedJSON
import RunStore
import Tracking

/// `touchstone runs show`.
struct ShowRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a run: how it stands, its curves and its settings.",
        discussion: """
            RUN is a run's folder, or its name below --root.

            Example:
              touchstone runs show quickstart-20260131-142305
              touchstone runs show Checkpoints/quickstart-20260131-142305 --json
            """)

    @Argument(help: "A run.")
    var folder: String

    @Flag(name: .long, help: "One JSON object instead of text.")
    var json = false

    @OptionGroup var store: StoreOptions

    func run() throws {
        let comparison = try RunComparison([store.folder(folder)])
        let summary = comparison.runs[0]
        if json { return try Output.write(JSONValue.object(summary.json(full: true)).text() + "\n") }
        var table = TextTable([(Output.cell(summary.name), .left), (summary.state.rawValue, .left)])
        table.add(["folder", Output.cell(summary.path)])
        table.add(["started", Output.cell(summary.started)])
        table.add(["steps", "\(summary.step)\(summary.steps.map { " of \($0)" } ?? "")"])
        table.add(["time", ProgressFormat.duration(summary.seconds)])
        if let best = summary.best {
            table.add([
                "held-out",
                "\(Output.percent(summary.accuracy)), best \(Output.percent(best)) at step \(summary.bestStep ?? 0)",
            ])
        }
        var curves = TextTable([("METRIC", .left), ("FIRST", .right), ("LAST", .right), ("", .left)])
        for (name, lines) in zip(comparison.metrics, comparison.curves) {
            let values = lines[0].values
            curves.add([name, Output.number(values.first), Output.number(values.last), Sparkline.of(values)])
        }
        var settings = TextTable([("SETTING", .left), ("VALUE", .left)])
        for (key, value) in summary.settings.sorted(by: { $0.key < $1.key }) {
            settings.add([Output.cell(key), Output.cell(value)])
        }
        try Output.write([table, curves, settings].map(\.text).joined(separator: "\n"))
    }
}
