import Foundation
import Tracking

/// Keeps `tensorboard/events.out.tfevents.…` in a run's folder: every scalar of metrics.jsonl, a few completions, and the
/// recipe.
///
/// The file is always what its records say it should be: when a run goes on, it is made again from them and compared. The
/// part that agrees stays as it is, so that a TensorBoard that is reading it sees nothing but additions; what a killed
/// process left torn, or wrote for steps that are taken again, is cut off.
public final class TensorBoardLog: RunObserver {
    /// For messages.
    public let name = "TensorBoard's event file"
    private let now: () -> Date
    private var stream = EventStream(start: 0)
    private var file: EventFile?

    /// A log of a run to come.
    ///
    /// - Parameter now: The time; a new file's name says when its run began.
    public init(now: @escaping () -> Date = Date.init) { self.now = now }

    /// Opens the run's event file, and brings it to what the records say.
    ///
    /// - Throws: `TrackingError` (`unwritable`).
    public func begin(_ folder: RunFolder) throws {
        let start = Self.start(of: folder.tensorboard) ?? Int(now().timeIntervalSince1970.rounded(.down))
        stream = EventStream(start: start)
        let file = try EventFile(folder: folder.tensorboard, name: Self.fileName(start))
        let recipe = (try? String(contentsOfFile: folder.recipe, encoding: .utf8)) ?? ""
        for record in stream.head(recipe: recipe) { try file.put(record) }
        var records = RunRecords(folder)
        while let step = records.next() { try file.put(stream.record(step)) }
        try file.endComparing()
        self.file = file
    }

    /// Appends a step.
    ///
    /// - Throws: `TrackingError` (`unwritable`); the file then ends with the step before.
    public func add(_ step: RecordedStep) throws { try file?.put(stream.record(step)) }

    /// Nothing: what was added is in the file.
    public func milestone() {}

    private static func fileName(_ start: Int) -> String { "events.out.tfevents.\(start).touchstone" }

    /// The beginning that the name of an existing file tells; the earliest of several.
    private static func start(of folder: String) -> Int? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.compactMap { name in
            let start = name.split(separator: ".").dropFirst(3).first.flatMap { Int($0) }
            return start.flatMap { fileName($0) == name ? $0 : nil }
        }.min()
    }
}
