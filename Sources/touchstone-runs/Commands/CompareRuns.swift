import ArgumentParser
import ModelFiles
import OrderedJSON
import RunStore
import Tracking

/// `touchstone runs compare`.
struct CompareRuns: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Puts runs beside one another: the settings that differ, and their curves.",
        discussion: """
            A RUN is a run's folder, or its name below --root. Curves of one metric share their scale.

            Example:
              touchstone runs compare seed-1 seed-2 seed-3
              touchstone runs compare seed-1 seed-2 --metric eval_accuracy --plot accuracy.svg
            """)

    @Argument(help: "Two runs or more.")
    var runs: [String]

    @Option(name: .long, help: ArgumentHelp("A name in metrics.jsonl; may be repeated.", valueName: "name"))
    var metric: [String] = []

    @Flag(name: .long, help: "One JSON object instead of text.")
    var json = false

    @Option(name: .long, help: ArgumentHelp("Draw the first metric as SVG.", valueName: "file"))
    var plot: String?

    @OptionGroup var store: StoreOptions

    func validate() throws {
        guard runs.count > 1 else { throw ValidationError("one run is nothing to compare; give two or more") }
    }

    func run() throws {
        let comparison = try RunComparison(runs.map(store.folder), metrics: metric)
        if let plot {
            guard !comparison.metrics.isEmpty else { throw ValidationError("the runs have no metric to draw") }
            try AtomicFile.write(comparison.chart(0).svg(), to: plot)
        }
        try Output.write(json ? JSONValue.object(comparison.json).text() + "\n" : Self.text(comparison))
    }

    private static func text(_ comparison: RunComparison) -> String {
        let differences = comparison.differences
        var settings = TextTable([("SETTING", .left)] + comparison.labels.map { ($0, .left) })
        for (key, values) in differences {
            settings.add([Output.cell(key)] + values.map { Output.cell($0 ?? "–") })
        }
        var sections = [differences.isEmpty ? "all settings are the same\n" : settings.text]
        for (name, curves) in zip(comparison.metrics, comparison.curves) {
            let finite = curves.flatMap(\.values).filter(\.isFinite)
            let range = finite.min().flatMap { low in finite.max().map { low...$0 } }
            var table = TextTable([
                (name, .left), ("FIRST", .right), ("LAST", .right), ("LOW", .right), ("HIGH", .right), ("", .left),
            ])
            for (label, curve) in zip(comparison.labels, curves) {
                let values = curve.values.filter(\.isFinite)
                table.add(
                    [label] + [curve.values.first, curve.values.last, values.min(), values.max()].map(Output.number)
                        + [Sparkline.of(curve.values, range: range)])
            }
            sections.append(table.text)
        }
        return sections.joined(separator: "\n")
    }
}
