import ModelFiles
import TensorCore

/// The values by name; gradients are zero between steps.
extension ParameterSet: Checkpointable {
    /// Each tensor under its name.
    public var savedState: SavedState {
        SavedState(
            Dictionary(
                uniqueKeysWithValues: entries.map { ($0.name, .floats(value($0).toArray(), shape: $0.shape)) }))
    }

    /// Takes the values of a set with the same names and shapes; gradients become zero.
    public func restore(_ state: SavedState) throws {
        guard state.values.count == entries.count else {
            throw ModelFileError(
                .mismatched, "\(state.place): \(state.values.count) tensors, expected \(entries.count)")
        }
        for entry in entries {
            let saved = try state.floats(entry.name, shape: entry.shape)
            let values = value(entry)
            saved.withUnsafeBufferPointer { saved in
                if let start = saved.baseAddress { values.floats.update(from: start, count: saved.count) }
            }
        }
        clearGradients()
    }
}
