import Foundation
import ModelFiles
import Tracking

/// The checkpoints of a run, `checkpoints/step-000120.h5` and so on.
public struct CheckpointStore: Sendable {
    private let folder: RunFolder

    /// The checkpoints in a run's folder.
    public init(_ folder: RunFolder) { self.folder = folder }

    /// The steps that there are checkpoints of, rising; they may be damaged.
    public var steps: [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.checkpoints)) ?? []
        return names.compactMap { name in
            guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5).dropLast(3)), step >= 0,
                folder.checkpoint(step: step) == "\(folder.checkpoints)/\(name)"
            else { return nil }
            return step
        }.sorted()
    }

    /// Writes a checkpoint, and then removes the oldest beyond those to keep.
    ///
    /// - Parameter keep: How many stay; 0: all.
    /// - Throws: `ModelFileError` (`unwritable`), `TrainingError` (`unwritable`); then all older ones are still there.
    func write(_ checkpoint: Checkpoint, keep: Int) throws {
        do {
            try FileManager.default.createDirectory(atPath: folder.checkpoints, withIntermediateDirectories: true)
        } catch {
            throw TrainingError(
                .unwritable,
                "\(folder.checkpoints): can't be created (\(error.localizedDescription)); check the disk", cause: error)
        }
        try StateFile.write(checkpoint.savedState, to: folder.checkpoint(step: checkpoint.step))
        prune(keep: keep)
    }

    /// Removes the oldest checkpoints beyond those to keep; 0 keeps all.
    func prune(keep: Int) {
        guard keep > 0 else { return }
        for step in steps.dropLast(keep) { try? FileManager.default.removeItem(atPath: folder.checkpoint(step: step)) }
    }

    /// Reads the checkpoint of a step.
    ///
    /// - Throws: `ModelFileError`.
    public func read(step: Int) throws -> Checkpoint {
        let path = folder.checkpoint(step: step)
        let checkpoint = try Checkpoint(path: path)
        guard try checkpoint.step == step else {
            throw try ModelFileError(
                .malformed, "\(path): is the checkpoint of step \(checkpoint.step); was it renamed?")
        }
        return checkpoint
    }

    /// The newest sound checkpoint. A damaged one is put aside as `step-….h5.damaged`, with a message.
    ///
    /// - Parameter message: Is told what was put aside.
    /// - Returns: `nil` if the run was ended before it wrote any.
    /// - Throws: `TrainingError` (`noCheckpoint`) if there are checkpoints and all are damaged; `ModelFileError` for one
    ///   that is sound but of another version.
    public func newest(_ message: (String) -> Void) throws -> Checkpoint? {
        let steps = steps
        for step in steps.reversed() {
            do { return try read(step: step) } catch let error as ModelFileError where error.code == .malformed {
                let path = folder.checkpoint(step: step)
                message("\(error.message); it is put aside as \(path).damaged, and the one before is used")
                rename(path, path + ".damaged")
            }
        }
        guard steps.isEmpty else {
            throw TrainingError(
                .noCheckpoint,
                "\(folder.checkpoints): all \(steps.count) checkpoints are damaged; begin a new run, with adapter.initial: "
                    + "\(folder.newestAdapter) to start from the last adapter")
        }
        return nil
    }

    /// The newest sound checkpoint of a step up to a given one; damaged ones are passed over.
    ///
    /// - Throws: `ModelFileError` for one that is sound but of another version.
    public func newest(upTo last: Int) throws -> Checkpoint? {
        for step in steps.reversed() where step <= last {
            do { return try read(step: step) } catch let error as ModelFileError where error.code == .malformed {}
        }
        return nil
    }
}
