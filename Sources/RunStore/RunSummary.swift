import Foundation
import OrderedJSON
import Recipes
import Tracking

/// A run in a line: what its folder says, read anew.
public struct RunSummary: Sendable, Hashable {
    /// How a run stands.
    public enum State: String, Sendable, CaseIterable {
        /// A process is writing it.
        case running
        /// All its steps are done.
        case finished
        /// A step failed.
        case failed
        /// It was interrupted or killed, and can go on.
        case stopped
    }

    /// A metric's numbers over the run, without those that are not finite.
    public struct Range: Sendable, Hashable {
        /// The last.
        public var last: Double
        /// The least.
        public var low: Double
        /// The greatest.
        public var high: Double
    }

    /// The run's folder.
    public var path: String
    /// The recipe's name; the folder's where the recipe can't be read.
    public var name: String
    /// `grpo`, `sft`, or empty where the recipe can't be read.
    public var kind = ""
    /// The model's folder or file, without what it lies in.
    public var model = ""
    /// When it was begun, as ISO 8601 in UTC.
    public var started = ""
    /// Steps taken.
    public var step = 0
    /// Steps to take, if the recipe says.
    public var steps: Int?
    /// How it stands.
    public var state = State.stopped
    /// The last reward.
    public var reward: Double?
    /// The last held-out accuracy, 0…1.
    public var accuracy: Double?
    /// The best held-out accuracy.
    public var best: Double?
    /// The first step that had it.
    public var bestStep: Int?
    /// Seconds that its steps took.
    public var seconds = 0.0
    /// Every metric.
    public var metrics: [String: Range] = [:]
    /// The resolved recipe's values by key path.
    public var settings: [String: String] = [:]

    /// Reads a run.
    ///
    /// - Throws: `TrackingError` (`unreadable`) if it is no run's folder.
    public init(_ folder: RunFolder) throws(TrackingError) {
        guard Self.isRun(folder.path) else {
            throw TrackingError(
                .unreadable,
                "\(folder.path): holds no recipe.yaml with metrics.jsonl, so it is no run's folder; give one that train named"
            )
        }
        path = folder.path
        name = Self.lastPart(folder.path)
        readRecipe(folder)
        readMetrics(folder)
        started = Self.started(folder)
        state = currentState
    }

    /// A run of which nothing more is known.
    init(path: String, name: String) {
        self.path = path
        self.name = name
    }

    /// Whether a folder is a run's.
    public static func isRun(_ path: String) -> Bool {
        ["recipe.yaml", "metrics.jsonl"].allSatisfy { FileManager.default.fileExists(atPath: "\(path)/\($0)") }
    }

    /// How the run stands at this moment.
    public var currentState: State {
        if let folder = try? RunFolder(existing: path), RunClaim.isHeld(folder) { return .running }
        if let steps, step >= steps { return .finished }
        let failed = "\(path)/failed-batch-step-\(step + 1).json"
        return FileManager.default.fileExists(atPath: failed) ? .failed : .stopped
    }

    private mutating func readRecipe(_ folder: RunFolder) {
        // A recipe of another version can't be read; its run is still listed.
        guard let recipe = try? Recipe.load(path: folder.recipe) else { return }
        name = recipe.name
        kind = recipe.kind.rawValue
        model = Self.lastPart(recipe.model.path)
        steps = recipe.steps
        for (key, value) in recipe.settings { settings[key] = value.stringValue ?? value.text(.spaced) }
    }

    private mutating func readMetrics(_ folder: RunFolder) {
        var lines = RecordLines(path: folder.metrics)
        while let line = lines.next() {
            guard let number = line["step"]?.intValue, RecordedStep.possibleSteps.contains(number) else { continue }
            let record = RecordedStep(step: number, metrics: line)
            step = max(step, number)
            for name in record.names {
                guard let value = record[name], value.isFinite else { continue }
                var range = metrics[name] ?? Range(last: value, low: value, high: value)
                range = Range(last: value, low: min(range.low, value), high: max(range.high, value))
                metrics[name] = range
            }
            if let value = record["step_time"], value.isFinite { seconds += value }
            if let value = record["eval_accuracy"], value.isFinite, value > best ?? -.infinity {
                (best, bestStep) = (value, number)
            }
        }
        reward = metrics["reward"]?.last
        accuracy = metrics["eval_accuracy"]?.last
    }

    /// From environment.json; for runs of older versions, when the recipe was written.
    private static func started(_ folder: RunFolder) -> String {
        let environment = FileManager.default.contents(atPath: folder.environment)
            .flatMap { try? JSONValue(parsing: $0) }
        if let text = environment?["sessions"]?[0]?["started"]?.stringValue {
            return VisibleText.of(text, limit: 40)
        }
        let attributes = try? FileManager.default.attributesOfItem(atPath: folder.recipe)
        return (attributes?[.modificationDate] as? Date)?.formatted(.iso8601) ?? ""
    }

    static func lastPart(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    /// As an object of a list; `settings` and `metrics` only if they are asked for.
    public func json(full: Bool = false) -> JSONObject {
        func number(_ value: Double?) -> JSONValue { value.map { .double($0) } ?? .null }
        var object: JSONObject = [
            "path": .string(path), "name": .string(name), "kind": .string(kind), "model": .string(model),
            "started": .string(started), "step": .integer(step), "steps": steps.map { .integer($0) } ?? .null,
            "state": .string(state.rawValue), "reward": number(reward), "accuracy": number(accuracy),
            "best": number(best), "best_step": bestStep.map { .integer($0) } ?? .null, "seconds": .double(seconds),
        ]
        guard full else { return object }
        object["settings"] = .object(
            JSONObject(settings.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        object["metrics"] = .object(
            JSONObject(
                metrics.sorted { $0.key < $1.key }.map { name, range in
                    (name, ["last": .double(range.last), "low": .double(range.low), "high": .double(range.high)])
                }))
        return object
    }
}
