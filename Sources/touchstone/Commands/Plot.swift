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
            runs, lines are labelled by the run's folder; with --seeds, runs whose names differ only in a number at their \
            end (grpo-1, grpo-2, …) make one line, their mean, with its 95 % interval over the runs.

            Example:
              touchstone plot Checkpoints/quickstart-20260131-142305 --metric eval_accuracy --metric reward -o curve.svg
            """)

    @Argument(help: "Run folders.")
    var runs: [String]

    @Option(name: .long, help: ArgumentHelp("A name in metrics.jsonl; may be repeated.", valueName: "name"))
    var metric: [String] = []

    @Flag(name: .long, help: "Draw the mean of runs that differ only in a number at the end of their names.")
    var seeds = false

    @Option(name: .long, help: ArgumentHelp("The title above the picture.", valueName: "text"))
    var title: String?

    @Option(name: [.short, .long], help: ArgumentHelp("The SVG file; - is standard output.", valueName: "file"))
    var output = "-"

    @OptionGroup var messages: MessageOptions

    func run() throws {
        let names = metric.isEmpty ? ["eval_accuracy"] : metric
        let read = try runs.map { run in
            (name: String(run.split(separator: "/").last ?? ""), records: try records(run))
        }
        var series: [LineChart.Series] = []
        for (line, records) in seeds ? Self.grouped(read) : read.map({ ($0.name, [$0.records]) }) {
            for name in names {
                let label = runs.count == 1 ? name : names.count == 1 && seeds ? line : "\(line) \(name)"
                let points = records.map { Self.points($0, name) }
                series.append(
                    seeds ? LineChart.Series(label, meanOf: points) : LineChart.Series(label, points.first ?? []))
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

    private func records(_ run: String) throws -> [JSONValue] {
        var lines = try JSONLinesInput(path: run + "/metrics.jsonl", messages: messages.messages)
        var records: [JSONValue] = []
        while let record = try lines.next({ $0.object }) { records.append(.object(record)) }
        try lines.finish()
        return records
    }

    /// Runs by their names without the number at the end, in the order of the first of each.
    private static func grouped(_ runs: [(name: String, records: [JSONValue])]) -> [(String, [[JSONValue]])] {
        var groups: [(String, [[JSONValue]])] = []
        for run in runs {
            let name = String(run.name.reversed().drop(while: \.isNumber).drop { $0 == "-" }.reversed())
            if let index = groups.firstIndex(where: { $0.0 == name }) {
                groups[index].1.append(run.records)
            } else {
                groups.append((name, [run.records]))
            }
        }
        return groups
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
