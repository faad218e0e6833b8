import OrderedJSON
import Tracking

/// Two or more runs beside one another: the settings that differ, and their curves.
public struct RunComparison: Sendable {
    /// A metric's points.
    public struct Curve: Sendable, Hashable {
        /// The steps that have it.
        public var steps: [Int]
        /// Its values there; NaN where it was not finite.
        public var values: [Double]
    }

    /// The runs, as they were given.
    public let runs: [RunSummary]
    /// The metrics that are compared.
    public let metrics: [String]
    /// Their curves, `[metric][run]`.
    public let curves: [[Curve]]

    private static let usual = [
        "eval_accuracy", "eval_loss", "reward", "completions/mean_length", "entropy", "kl", "grad_norm", "loss",
        "tokens_per_second",
    ]

    /// Reads runs.
    ///
    /// - Parameter metrics: What is compared; empty for the usual ones that some run has.
    /// - Throws: `TrackingError` (`unreadable` for a folder that is no run's, `invalidOption` for a metric that none has).
    public init(_ folders: [RunFolder], metrics: [String] = []) throws(TrackingError) {
        var runs: [RunSummary] = []
        for folder in folders { runs.append(try RunSummary(folder)) }
        self.runs = runs
        let known = Set(runs.flatMap(\.metrics.keys))
        if let unknown = metrics.first(where: { !known.contains($0) }) {
            throw TrackingError(
                .invalidOption,
                "--metric \(unknown): none of the runs has it; expected a name of metrics.jsonl, such as "
                    + Self.usual.filter(known.contains).prefix(4).joined(separator: ", "))
        }
        let names = metrics.isEmpty ? Self.usual.filter(known.contains) : metrics
        self.metrics = names
        let read = folders.map { Self.curves($0, names) }
        curves = names.indices.map { metric in read.map { $0[metric] } }
    }

    private static func curves(_ folder: RunFolder, _ names: [String]) -> [Curve] {
        var curves = [Curve](repeating: Curve(steps: [], values: []), count: names.count)
        var lines = RecordLines(path: folder.metrics)
        while let line = lines.next() {
            guard let step = line["step"]?.intValue, RecordedStep.possibleSteps.contains(step) else { continue }
            let record = RecordedStep(step: step, metrics: line)
            for (index, name) in names.enumerated() {
                guard let value = record[name] else { continue }
                curves[index].steps.append(step)
                curves[index].values.append(value)
            }
        }
        return curves
    }

    /// The settings that are not the same in all runs, by key, with each run's value; `nil` where it has none.
    public var differences: [(key: String, values: [String?])] {
        // A recipe that can't be read would differ in every key.
        let readable = runs.filter { !$0.settings.isEmpty }
        return Set(readable.flatMap(\.settings.keys)).sorted().compactMap { key in
            let values = runs.map { $0.settings[key] }
            return Set(readable.map { $0.settings[key] }).count > 1 ? (key, values) : nil
        }
    }

    /// The comparison as an object.
    public var json: JSONObject {
        [
            "runs": .array(runs.map { .object($0.json()) }),
            "settings": .object(
                JSONObject(
                    differences.map { key, values in
                        (key, .array(values.map { $0.map { .string($0) } ?? .null }))
                    })),
            "curves": .object(
                JSONObject(
                    zip(metrics, curves).map { name, curves in
                        (
                            name,
                            .array(
                                curves.map { curve in
                                    [
                                        "steps": .array(curve.steps.map { .integer($0) }),
                                        "values": .array(curve.values.map { $0.isFinite ? .double($0) : .null }),
                                    ]
                                })
                        )
                    })),
        ]
    }

    /// A picture of the curves of one metric.
    public func chart(_ metric: Int) -> LineChart {
        LineChart(
            title: metrics[metric], xLabel: "step", yLabel: metrics[metric],
            series: zip(labels, curves[metric]).map { label, curve in
                LineChart.Series(label, zip(curve.steps, curve.values).map { LineChart.Point(Double($0), $1) })
            })
    }

    /// What the runs are called: their folders' names.
    public var labels: [String] { runs.map { VisibleText.of(RunSummary.lastPart($0.path), limit: 60) } }
}
