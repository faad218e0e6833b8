import ArgumentParser
import ModelFiles
import OrderedJSON
import Tracking

/// `touchstone plot`.
struct Plot: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draws metrics of runs as an SVG picture.",
        discussion: """
            Reads RUN/metrics.jsonl. A metric that also has NAME_low and NAME_high is drawn with that band. With several \
            runs, lines are labelled by the run's folder.

            Example:
              touchstone plot Checkpoints/quickstart-20260131-142305 --metric eval_accuracy --metric reward -o curve.svg
            """)

    @Argument(help: "Run folders.")
    var runs: [String]

    @Option(name: .long, help: ArgumentHelp("A name in metrics.jsonl; may be repeated.", valueName: "name"))
    var metric: [String] = []

    @Option(name: .long, help: ArgumentHelp("The title above the picture.", valueName: "text"))
    var title: String?

    @Option(name: [.short, .long], help: ArgumentHelp("The SVG file; - is standard output.", valueName: "file"))
    var output = "-"

    @OptionGroup var messages: MessageOptions

    func run() throws {
        let names = metric.isEmpty ? ["eval_accuracy"] : metric
        var series: [LineChart.Series] = []
        for run in runs {
            var lines = try JSONLinesInput(path: run + "/metrics.jsonl", messages: messages.messages)
            var records: [JSONValue] = []
            while let record = try lines.next({ $0.object }) { records.append(.object(record)) }
            try lines.finish()
            for name in names {
                let label = runs.count > 1 ? "\(run.split(separator: "/").last ?? "") \(name)" : name
                series.append(LineChart.Series(label, Self.points(records, name)))
            }
        }
        guard series.contains(where: { !$0.points.isEmpty }) else {
            throw CommandFailure("none of the runs has the metric \(names.joined(separator: ", ")); see metrics.jsonl")
        }
        let chart = LineChart(
            title: title ?? names.joined(separator: ", "), xLabel: "step",
            yLabel: names.count == 1 ? names[0] : "value", series: series)
        if output == "-" {
            try StandardOutput.write(chart.svg())
        } else {
            try AtomicFile.write(chart.svg(), to: output)
        }
    }

    /// The points of a metric over steps.
    private static func points(_ records: [JSONValue], _ name: String) -> [LineChart.Point] {
        records.compactMap { record in
            guard let step = record["step"]?.doubleValue, let value = record[name]?.doubleValue else { return nil }
            guard let low = record[name + "_low"]?.doubleValue, let high = record[name + "_high"]?.doubleValue,
                low <= high
            else { return LineChart.Point(step, value) }
            return LineChart.Point(step, value, interval: low...high)
        }
    }
}
