import Foundation
import ModelFiles
import OrderedJSON
import Tracking

/// Proves on a run that going on from a checkpoint gives the same as never having stopped: retraces the steps between two
/// of its checkpoints in another folder and compares everything, bit for bit.
public struct ResumeVerification: Sendable {
    /// What was compared and what differs.
    public struct Report: Sendable, Equatable {
        /// Steps of the first checkpoint.
        public let from: Int
        /// Steps of the second.
        public let to: Int
        /// Lines of metrics.jsonl that were compared, without times.
        public let metrics: Int
        /// Lines of completions.jsonl that were compared.
        public let completions: Int
        /// Numbers of parameters and optimizer that were compared.
        public let numbers: Int
        /// What differs; nothing if all is the same.
        public let differences: [String]
    }

    /// Where the steps begin.
    public let start: Checkpoint
    /// Where they end.
    public let end: Checkpoint
    private let folder: RunFolder

    /// Picks two neighbouring checkpoints of a run.
    ///
    /// - Parameter from: The step of the first; `nil` takes the newest two.
    /// - Throws: `TrainingError` (`noCheckpoint`) if there are not two, `ModelFileError` if one can't be used.
    public init(_ folder: RunFolder, from: Int? = nil) throws {
        let store = CheckpointStore(folder)
        let steps = store.steps
        guard let first = from ?? steps.dropLast().last, steps.contains(first),
            let second = steps.first(where: { $0 > first })
        else {
            let list = steps.isEmpty ? "none" : steps.map(String.init).joined(separator: ", ")
            throw TrainingError(
                .noCheckpoint,
                "\(folder.path): two checkpoints are needed, one after the other\(from.map { " from step \($0)" } ?? ""); "
                    + "there are \(list); checkpoint.keep says how many stay")
        }
        self.folder = folder
        (start, end) = (try store.read(step: first), try store.read(step: second))
    }

    /// Retraces and compares.
    ///
    /// - Parameter temporary: An empty folder for the retraced run.
    /// - Parameter makeRun: The run of `end`'s recipe in a folder, from a checkpoint.
    /// - Throws: The errors of the run; `TrainingError` (`interrupted`) if it was asked to stop.
    public nonisolated(nonsending) func callAsFunction(
        in temporary: RunFolder, makeRun: (RunFolder, Checkpoint) throws -> TrainingRun
    ) async throws -> Report {
        let run = try makeRun(temporary, start.withoutRecords)
        let last = try end.step
        guard case .finished = try await run.run(until: last) else { throw TrainingError.interrupted }
        var differences = run.checkpoint.trainer.differences(from: end.trainer).map { "checkpoint: \($0)" }
        let metrics = try compare(
            "metrics.jsonl", temporary.metrics, folder.metrics, \.metrics, &differences
        ) { $0.withoutTimes }
        let completions = try compare(
            "completions.jsonl", temporary.completions, folder.completions, \.completions, &differences
        ) { $0 }
        for name in ["adapter_model.safetensors", "adapter_config.json"] {
            let paths = [temporary, folder].map { "\($0.adapter(step: last))/\(name)" }
            guard paths.allSatisfy({ FileManager.default.fileExists(atPath: $0) }) else { continue }
            if try ContentDigest.ofFile(paths[0]) != ContentDigest.ofFile(paths[1]) {
                differences.append("adapters/…/\(name): other bytes")
            }
        }
        return Report(
            from: try start.step, to: last, metrics: metrics, completions: completions,
            numbers: end.trainer.numberCount, differences: differences)
    }

    /// Compares the run's records between the checkpoints with those of the retraced steps.
    private func compare(
        _ name: String, _ retraced: String, _ original: String,
        _ length: KeyPath<(metrics: Int, completions: Int), Int>, _ differences: inout [String],
        _ compared: (JSONObject) -> JSONObject
    ) throws -> Int {
        let range =
            start.recordLengths[
                keyPath: length]..<max(
                start.recordLengths[keyPath: length], end.recordLengths[keyPath: length])
        let old = try MappedFile(path: original).withBytes { bytes in
            try Self.lines(bytes[min(range.lowerBound, bytes.count)..<min(range.upperBound, bytes.count)])
        }
        var new = try MappedFile(path: retraced).withBytes { try Self.lines($0[...]) }
        // A run that was stopped during an evaluation has not counted that step's records yet.
        if end.progress.pending != nil { new = Array(new.prefix(old.count)) }
        if old.count != new.count { differences.append("\(name): \(new.count) lines instead of \(old.count)") }
        for (index, (new, old)) in zip(new, old).enumerated() {
            let (mine, theirs) = (compared(new), compared(old))
            guard mine != theirs else { continue }
            let key = (mine.keys + theirs.keys).first { mine[$0] != theirs[$0] } ?? "the order of keys"
            differences.append(
                "\(name): line \(index + 1) after step \(try start.step), \(key): "
                    + "\(mine[key]?.text() ?? "nothing") instead of \(theirs[key]?.text() ?? "nothing")")
            break
        }
        return min(old.count, new.count)
    }

    private static func lines(_ bytes: Slice<UnsafeRawBufferPointer>) throws -> [JSONObject] {
        try bytes.split(separator: 0x0A).map { line in
            guard let object = try JSONValue(parsing: line).objectValue else {
                throw TrainingError(.noCheckpoint, "a line of the run's records is no JSON object; were they changed?")
            }
            return object
        }
    }
}

extension SavedState {
    /// Numbers in all tensors.
    public var numberCount: Int {
        values.values.reduce(0) { sum, value in
            switch value {
            case .floats(let values, _): sum + values.count
            case .group(let inner): sum + inner.numberCount
            default: sum
            }
        }
    }
}
