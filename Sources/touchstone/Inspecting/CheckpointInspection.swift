import ModelFiles
import OrderedJSON
import TextGeneration
import Tracking
import Training

/// Describes checkpoints and the runs that they are of.
enum CheckpointInspection {
    /// A checkpoint file; the whole file is read and checked.
    static func describe(_ path: String) throws -> JSONObject {
        let checkpoint = try Checkpoint(path: path)
        let recipe = try? ResumedRun.recipe(of: checkpoint)
        let lengths = checkpoint.recordLengths
        var description: JSONObject = [
            "kind": "checkpoint", "path": .string(path), "format": .integer(Checkpoint.format), "sound": true,
            "step": .integer(try checkpoint.step), "recipe": .string(recipe?.name ?? "of another version"),
            "model": .string(recipe?.model.path ?? "unknown"), "kernels": .string(checkpoint.provenance.kernels),
            "metrics_bytes": .integer(lengths.metrics), "completions_bytes": .integer(lengths.completions),
        ]
        description["sha256"] = .object(
            JSONObject(checkpoint.provenance.digests.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        description["trainer"] = describe(checkpoint.trainer)
        return description
    }

    /// A run's folder: how far it is, and which checkpoints it can go on from.
    static func describe(run path: String) throws -> JSONObject {
        let folder = try RunFolder(existing: path)
        let store = CheckpointStore(folder)
        var checkpoints = JSONObject()
        for step in store.steps {
            do {
                _ = try store.read(step: step)
                checkpoints["step \(step)"] = "sound"
            } catch { checkpoints["step \(step)"] = .string("\(error)") }
        }
        return [
            "kind": "run", "path": .string(path), "checkpoints": .object(checkpoints),
            "adapter": .string(PathKind(folder.newestAdapter) == .missing ? "none" : folder.newestAdapter),
            "resume": .string("touchstone train --resume \(path)"),
        ]
    }

    /// Single values, and the kinds of those that are lists.
    private static func describe(_ state: SavedState) -> JSONValue {
        var object = JSONObject()
        for name in state.names {
            switch state[name] {
            case .integer(let value): object[name] = .integer(value)
            case .number(let value): object[name] = .double(value)
            case .group(let inner): object[name] = describe(inner)
            case .some(let value): object[name] = .string(value.kind)
            case nil: break
            }
        }
        return .object(object)
    }
}
