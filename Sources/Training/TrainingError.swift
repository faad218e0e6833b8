/// Why training can't begin or go on.
public struct TrainingError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault, stable across versions.
    public enum Code: String, Sendable {
        /// A loss or gradient is NaN or infinite.
        case notFinite
        /// What the trainer computes for the rollout's tokens is not what was recorded while generating them.
        case mismatch
        /// A reward failed on more completions than it may, or none applies to any.
        case rewardFailed
        /// No completions come from where they are generated.
        case rollout
        /// No row of the data can be used, or a row can't be turned into tokens.
        case data
        /// The recipe asks for something that the model or this version can't do.
        case unsupported
        /// Ranks can't work together, or another one failed.
        case ranks
        /// A stop was asked for; the unfinished step was dropped.
        case interrupted
        /// A file of the run can't be written.
        case unwritable
        /// No checkpoint of the run can be used.
        case noCheckpoint
        /// Recipe, model or data are not those that the run began with.
        case changed
    }

    /// The kind of fault.
    public let code: Code
    /// What, where, got, expected, and what to do; one line.
    public let message: String
    /// The error underneath, if there is one.
    public let cause: (any Error)?
    /// The message.
    public var description: String { message }

    /// An error with its message.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The error of a run that was asked to stop.
    static let interrupted = TrainingError(.interrupted, "training was asked to stop; the unfinished step is dropped")
}
