import Foundation
import ModelFiles
import OrderedJSON
import RunStore
import Tracking
import Training

/// Where two runs part: the first step and what differs there, in metrics, completions and numbers.
struct RunDifference {
    /// A place where they part.
    struct Parting: Equatable {
        /// `settings`, `metrics`, `completions`, `adapters`, `checkpoints`, or `length`.
        var kind: String
        /// The step; `nil` for settings.
        var step: Int?
        /// What, with both values.
        var text: String

        var json: JSONValue {
            ["kind": .string(kind), "step": step.map { .integer($0) } ?? .null, "what": .string(text)]
        }
    }

    /// The runs.
    let (first, second): (RunFolder, RunFolder)
    /// Steps whose records were compared and are the same.
    private(set) var sameSteps = 0
    /// Where they part; empty if nothing differs but times.
    private(set) var partings: [Parting] = []

    /// Compares two runs.
    ///
    /// - Throws: `TrackingError` for a folder that is no run's, `ModelFileError` for a file that can't be read.
    init(_ first: RunFolder, _ second: RunFolder) throws {
        (self.first, self.second) = (first, second)
        let comparison = try RunComparison([first, second])
        if comparison.runs.contains(where: \.settings.isEmpty) {
            // The recipe of another version: its text is all that can be compared.
            let texts = [first, second].map { FileManager.default.contents(atPath: $0.recipe) }
            if texts[0] != texts[1] {
                partings.append(Parting(kind: "settings", text: "a recipe.yaml is of another version, and they differ"))
            }
        } else {
            for (key, values) in comparison.differences {
                partings.append(
                    Parting(kind: "settings", text: "\(key): \(values[0] ?? "nothing") and \(values[1] ?? "nothing")"))
            }
        }
        compareRecords()
        try compareAdapters()
        try compareCheckpoints()
    }

    private mutating func compareRecords() {
        var (ours, theirs) = (RunRecords(first), RunRecords(second))
        var isMetricFound = false
        while true {
            let (mine, other) = (ours.next(), theirs.next())
            guard let mine, let other else {
                if let step = mine?.step ?? other?.step {
                    let run = mine == nil ? first : second
                    partings.append(
                        Parting(kind: "length", step: step, text: "\(run.path) ends before this step"))
                }
                return
            }
            guard mine.step == other.step else {
                partings.append(
                    Parting(kind: "length", step: mine.step, text: "the other run has step \(other.step) here"))
                return
            }
            if !isMetricFound, let text = Self.metric(mine, other) {
                partings.append(Parting(kind: "metrics", step: mine.step, text: text))
                isMetricFound = true
            }
            if let text = Self.completion(mine.completions, other.completions) {
                partings.append(Parting(kind: "completions", step: mine.step, text: text))
                return
            }
            if !isMetricFound { sameSteps += 1 }
        }
    }

    /// The first metric that differs, times apart.
    private static func metric(_ mine: RecordedStep, _ other: RecordedStep) -> String? {
        let (a, b) = (mine.metrics.withoutTimes, other.metrics.withoutTimes)
        guard let name = (a.keys + b.keys).first(where: { a[$0] != b[$0] }) else { return nil }
        return "\(name): \(a[name]?.text() ?? "nothing") and \(b[name]?.text() ?? "nothing")"
    }

    /// The first completion that differs, and where.
    private static func completion(_ mine: [JSONObject], _ other: [JSONObject]) -> String? {
        for (a, b) in zip(mine, other) where a != b {
            let place = "group \(a["group"]?.intValue ?? 0), sample \(a["sample"]?.intValue ?? 0)"
            guard let key = (a.keys + b.keys).first(where: { a[$0] != b[$0] }) else { continue }
            if let text = a[key]?.stringValue, let theirs = b[key]?.stringValue {
                let same = zip(text.unicodeScalars, theirs.unicodeScalars).prefix { $0 == $1 }.count
                return "\(place), \(key): the same for \(same) characters, then \(piece(text, same)) and "
                    + piece(theirs, same)
            }
            return "\(place), \(key): \(a[key]?.text() ?? "nothing") and \(b[key]?.text() ?? "nothing")"
        }
        return mine.count == other.count ? nil : "\(mine.count) and \(other.count) completions"
    }

    /// What a text goes on with, quoted.
    private static func piece(_ text: String, _ start: Int) -> String {
        let rest = String(String.UnicodeScalarView(text.unicodeScalars.dropFirst(start).prefix(40)))
        return JSONValue.string(VisibleText.of(rest)).text()
    }

    private mutating func compareAdapters() throws {
        for step in Self.commonSteps(first.adapters, second.adapters) {
            let paths = [first, second].map { $0.adapter(step: step) + "/adapter_model.safetensors" }
            guard paths.allSatisfy({ FileManager.default.fileExists(atPath: $0) }) else { continue }
            if try ContentDigest.ofFile(paths[0]) == ContentDigest.ofFile(paths[1]) { continue }
            let text = try Self.tensor(SafetensorsFile(path: paths[0]), SafetensorsFile(path: paths[1]))
            partings.append(Parting(kind: "adapters", step: step, text: text))
            return
        }
    }

    /// The first tensor that differs, and by how much.
    private static func tensor(_ mine: SafetensorsFile, _ other: SafetensorsFile) throws -> String {
        for name in mine.names {
            guard let a = mine.tensors[name], let b = other.tensors[name] else {
                if mine.tensors[name] == nil, other.tensors[name] == nil { continue }
                return "\(name): one of the two has no such tensor"
            }
            guard a.shape == b.shape else { return "\(name): \(a.shape) and \(b.shape)" }
            let (x, y) = (try a.floats(), try b.floats())
            let differing = x.indices.filter { x[$0].bitPattern != y[$0].bitPattern }
            guard let index = differing.first else { continue }
            let largest = differing.map { abs(x[$0] - y[$0]) }.max() ?? 0
            return
                "\(name): \(differing.count) of \(x.count) numbers differ, by up to \(largest); the first at \(index): "
                + "\(x[index]) and \(y[index])"
        }
        return "the tensors are the same, the files are not"
    }

    private mutating func compareCheckpoints() throws {
        let (ours, theirs) = (CheckpointStore(first), CheckpointStore(second))
        for step in ours.steps where theirs.steps.contains(step) {
            let differences = try ours.read(step: step).trainer.differences(from: theirs.read(step: step).trainer)
            guard let text = differences.first else { continue }
            let more = differences.count > 1 ? "; \(differences.count - 1) other places" : ""
            partings.append(
                Parting(
                    kind: "checkpoints", step: step,
                    text: text.replacingOccurrences(of: " instead of ", with: " and ") + more))
            return
        }
    }

    private static func commonSteps(_ first: String, _ second: String) -> [Int] {
        func steps(_ path: String) -> Set<Int> {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            return Set(names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil })
        }
        return steps(first).intersection(steps(second)).sorted()
    }
}
