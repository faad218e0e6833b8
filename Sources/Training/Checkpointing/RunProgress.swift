import ModelFiles
import OrderedJSON
import Tracking

/// What a run knows besides its trainer: how far its records go, what evaluation has shown, and a step that is not yet
/// wholly recorded. Times are left out.
struct RunProgress {
    /// Bytes of metrics.jsonl at the last step that is wholly recorded.
    var metricsBytes = 0
    /// Bytes of completions.jsonl then.
    var completionsBytes = 0
    /// The first evaluation's metrics.
    var firstEvaluation: JSONObject?
    /// The newest evaluation's metrics.
    var lastEvaluation: JSONObject?
    /// The best evaluation's metrics, by accuracy, or else by loss; the earliest of equals.
    var bestEvaluation: JSONObject?
    /// The newest step's results, if the run was stopped before they were evaluated: a resumed run does that first.
    var pending: StepResult?

    /// The newest held-out accuracy, 0…1.
    var accuracy: Double? { Self.accuracy(lastEvaluation) }

    /// Takes in an evaluation of the model after some steps.
    mutating func add(evaluation metrics: JSONObject, step: Int) {
        let metrics = MetricsRecord.sanitized(MetricsRecord.step(step, metrics.withoutTimes))
        firstEvaluation = firstEvaluation ?? metrics
        lastEvaluation = metrics
        guard let worth = Self.worth(metrics) else { return }
        if Self.worth(bestEvaluation).map({ $0 < worth }) ?? true { bestEvaluation = metrics }
    }

    /// The step of the best evaluation.
    var bestStep: Int? { bestEvaluation?["step"]?.intValue }

    /// What the best evaluation has most of.
    private static func worth(_ metrics: JSONObject?) -> Double? {
        accuracy(metrics) ?? metrics?["eval_loss"]?.doubleValue.map { -$0 }
    }

    private static func accuracy(_ metrics: JSONObject?) -> Double? { metrics?["eval_accuracy"]?.doubleValue }
}

extension RunProgress: Checkpointable {
    var savedState: SavedState {
        var state: SavedState = [
            "metrics_bytes": .integer(metricsBytes), "completions_bytes": .integer(completionsBytes),
        ]
        for (name, metrics) in [
            ("first_evaluation", firstEvaluation), ("last_evaluation", lastEvaluation),
            ("best_evaluation", bestEvaluation),
        ] { state[name] = .text(metrics.map { JSONValue.object($0).text() } ?? "") }
        let lines = pending.map { [$0.metrics] + $0.completions } ?? []
        state["pending"] = .text(lines.map { MetricsRecord.line($0) + "\n" }.joined())
        return state
    }

    mutating func restore(_ state: SavedState) throws {
        func objects(_ name: String) throws -> [JSONObject] {
            try state.text(name).split(separator: "\n").map { line in
                guard let object = try JSONValue(parsing: String(line)).objectValue else {
                    throw ModelFileError(.mismatched, "\(state.place): \(name) holds a line that is no JSON object")
                }
                return object
            }
        }
        metricsBytes = try state.count("metrics_bytes")
        completionsBytes = try state.count("completions_bytes")
        firstEvaluation = try objects("first_evaluation").first
        lastEvaluation = try objects("last_evaluation").first
        bestEvaluation = try objects("best_evaluation").first
        let lines = try objects("pending")
        pending = lines.first.map { StepResult(metrics: $0, completions: Array(lines.dropFirst())) }
    }
}

extension JSONObject {
    /// The metrics that don't depend on the clock.
    public var withoutTimes: JSONObject {
        JSONObject(filter { !TrainingRun.isTime($0.key) }.map { ($0.key, $0.value) })
    }
}
