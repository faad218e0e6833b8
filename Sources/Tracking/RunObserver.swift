import OrderedJSON

/// A step as a run has recorded it.
public struct RecordedStep: Sendable, Hashable {
    /// The steps that a record can have: far from where arithmetic ends, whoever wrote it.
    public static let possibleSteps = 0..<(1 << 50)

    /// Optimizer steps done; 0 is the evaluation before the first.
    public var step: Int
    /// The line of metrics.jsonl, without numbers that JSON can't hold; see `MetricsRecord`.
    public var metrics: JSONObject
    /// The step's lines of completions.jsonl.
    public var completions: [JSONObject]

    /// A step of its records.
    public init(step: Int, metrics: JSONObject, completions: [JSONObject] = []) {
        self.step = step
        self.metrics = MetricsRecord.sanitized(metrics)
        self.completions = completions
    }

    /// A metric's number; NaN and infinities are as they were before they became `null`.
    public subscript(name: String) -> Double? {
        if let value = metrics[name]?.doubleValue { return value }
        switch metrics[MetricsRecord.nonFiniteKey]?[name]?.stringValue {
        case "NaN": return .nan
        case "Infinity": return .infinity
        case "-Infinity": return -.infinity
        default: return nil
        }
    }

    /// The names of the metrics that are numbers, in their order, without `step`.
    public var names: [String] { metrics.keys.filter { $0 != "step" && self[$0] != nil } }
}

/// Makes a view of a run's records while they are written, such as an event file or a report.
///
/// A view is never the truth: it can be made again from the run's folder, and a run goes on without one that fails.
public protocol RunObserver: AnyObject {
    /// For messages: what can't be written if an error is thrown.
    var name: String { get }

    /// Begins with a run's folder, or goes on with one; its records end with the steps that count.
    func begin(_ folder: RunFolder) throws

    /// Takes in a step that has just been recorded.
    func add(_ step: RecordedStep) throws

    /// Is told that the model was evaluated or saved, or that the run has ended.
    func milestone() throws
}
