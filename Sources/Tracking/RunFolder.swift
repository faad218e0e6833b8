import Foundation

/// The folder of a run and the places of what is in it.
///
///     Checkpoints/arithmetic-20260131-142305/
///     ├── recipe.yaml          the resolved recipe
///     ├── metrics.jsonl        a line a step
///     ├── completions.jsonl    a line a completion
///     ├── evaluations.jsonl    a line a held-out completion
///     ├── environment.json     when and on what machine it ran
///     ├── checkpoints/         step-000120.h5
///     ├── adapters/            step-000120/, PEFT folders
///     ├── rollouts/            step-000120.jsonl, completions that servers have given
///     ├── adapter              → the newest of them
///     ├── best                 → the one with the best evaluation
///     ├── data.json            what the run learns from, and what was left out
///     ├── tensorboard/
///     └── report.html
public struct RunFolder: Hashable, Sendable {
    /// The folder.
    public let path: String

    /// An existing run's folder, such as one to resume.
    public init(existing path: String) throws(TrackingError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            throw TrackingError(
                .unreadable, "run folder \(path): not there or not a folder; give the folder of an earlier run")
        }
        self.path = path
    }

    /// The folder of a run that another process writes; it need not be on this machine.
    public init(writtenElsewhere path: String) { self.path = path }

    /// Creates `<base>/<name>-<yyyyMMdd-HHmmss>/`, with its parents. If a run of the same second has taken the name, `-2`,
    /// `-3`, … is appended: two runs never share a folder.
    ///
    /// - Parameter name: The recipe's name; what is not a letter, digit, `.`, `_` or `-` becomes `-`.
    /// - Parameter date: The run's start, written in UTC so that names sort by time on every machine.
    public init(base: String, name: String, date: Date) throws(TrackingError) {
        let stem = "\(base)/\(Self.safe(name))-\(Self.stamp(date))"
        do {
            try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
        } catch {
            throw TrackingError(
                .unwritable,
                "run folder \(base): can't be created (\(error.localizedDescription)); choose another with run_dir",
                cause: error)
        }
        for attempt in 1...100 {
            let candidate = attempt == 1 ? stem : "\(stem)-\(attempt)"
            if mkdir(candidate, 0o755) == 0 {
                path = candidate
                return
            }
            guard errno == EEXIST else {
                throw TrackingError(
                    .unwritable,
                    "run folder \(candidate): can't be created (\(SystemFile.reason(errno))); choose another with run_dir"
                )
            }
        }
        throw TrackingError(
            .unwritable, "run folder \(stem): this and 99 numbered names are taken; choose another name")
    }

    /// The resolved recipe.
    public var recipe: String { "\(path)/recipe.yaml" }
    /// Metrics, a line a step.
    public var metrics: String { "\(path)/metrics.jsonl" }
    /// Completions, a line each.
    public var completions: String { "\(path)/completions.jsonl" }
    /// Held-out completions, a line each.
    public var evaluations: String { "\(path)/evaluations.jsonl" }
    /// When and on what machine the run was begun and gone on with.
    public var environment: String { "\(path)/environment.json" }
    /// The folder of checkpoints.
    public var checkpoints: String { "\(path)/checkpoints" }
    /// The folder of saved adapters.
    public var adapters: String { "\(path)/adapters" }
    /// The link to the newest adapter.
    public var newestAdapter: String { "\(path)/adapter" }
    /// The link to the adapter with the best evaluation.
    public var bestAdapter: String { "\(path)/best" }
    /// The sources of the training data, and what was left out.
    public var data: String { "\(path)/data.json" }
    /// The folder of TensorBoard's event file.
    public var tensorboard: String { "\(path)/tensorboard" }
    /// The report.
    public var report: String { "\(path)/report.html" }

    /// The checkpoint of a step: `checkpoints/step-000120.h5`.
    public func checkpoint(step: Int) -> String { "\(checkpoints)/\(Self.stepName(step)).h5" }
    /// The adapter folder of a step: `adapters/step-000120`.
    public func adapter(step: Int) -> String { "\(adapters)/\(Self.stepName(step))" }

    /// The folder of completions that servers elsewhere have given.
    public var rollouts: String { "\(path)/rollouts" }
    /// The completions that servers have given for a step, counted from 1: `rollouts/step-000120.jsonl`.
    public func rollouts(step: Int) -> String { "\(rollouts)/\(Self.stepName(step)).jsonl" }
    /// The step of a file in that folder; `nil` for a name of another form.
    public static func step(ofRollouts name: String) -> Int? {
        guard name.hasPrefix("step-"), name.hasSuffix(".jsonl"), let step = Int(name.dropFirst(5).dropLast(6)), step > 0
        else { return nil }
        return name == stepName(step) + ".jsonl" ? step : nil
    }

    /// `step-000120`: six digits, so that names sort by step.
    static func stepName(_ step: Int) -> String {
        let digits = String(step)
        return "step-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    private static func safe(_ name: String) -> String {
        let text = String(
            name.unicodeScalars.prefix(100).map { scalar in
                let isSafe = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
                return isSafe || ["_", "-", "."].contains(scalar) ? Character(scalar) : "-"
            })
        return text.allSatisfy { $0 == "." } ? "run" : text
    }

    private static func stamp(_ date: Date) -> String {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: date)
        func padded(_ value: Int?, _ width: Int = 2) -> String {
            let digits = String(value ?? 0)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return padded(parts.year, 4) + padded(parts.month) + padded(parts.day) + "-" + padded(parts.hour)
            + padded(parts.minute) + padded(parts.second)
    }
}
