import ModelFiles

/// A part of a run that changes from step to step, and on which later steps depend.
///
/// It gives its state as named plain values and takes it back; files, formats and checksums are no concern of its. A new
/// part (another optimizer, a moving reference, a baseline) conforms, and whoever owns it adds one line to its own state:
///
///     extension MovingReference: Checkpointable {
///         public var savedState: SavedState { ["updates": .integer(updates), "values": .floats(values, shape: [values.count])] }
///         public mutating func restore(_ state: SavedState) throws {
///             updates = try state.count("updates")
///             values = try state.floats("values", shape: [values.count])
///         }
///     }
///
/// The law, which a test checks for every conformance: restoring a part's state into a fresh part of the same recipe gives
/// the same state, and the same results from then on, bit for bit. So whatever a part computes with that is not a function
/// of recipe, model and data must be in its state. Draws are addressed by step and never are; neither are times.
public protocol Checkpointable {
    /// The state, in a form that doesn't depend on the version.
    var savedState: SavedState { get }

    /// Takes a state back.
    ///
    /// - Throws: `ModelFileError` that names the value which is missing or does not fit. What was restored half-way is
    ///   unusable then.
    mutating func restore(_ state: SavedState) throws
}
