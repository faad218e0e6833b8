/// Why a model can't be built or used.
public struct QwenModelError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault, stable across versions.
    public enum Code: String, Sendable {
        /// The configuration lacks a value or holds an impossible one.
        case invalidConfiguration
        /// The configuration is sound but asks for something that this version does not support.
        case unsupported
        /// A weight is not there.
        case missingWeight
        /// A weight's shape is not what the configuration says, or an adapter does not fit the model.
        case mismatched
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
}
