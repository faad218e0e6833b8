/// Why adapters can't be merged, or why a merge is not to be trusted.
public struct MergingError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault, stable across versions.
    public enum Code: String, Sendable {
        /// An option is out of range, or makes no sense for the method.
        case invalidOption
        /// The adapters don't fit the base or one another.
        case mismatched
        /// An adapter uses something that can't be merged this way.
        case unsupported
        /// The result is the base: nothing was merged.
        case unchanged
        /// The result does not compute what base and adapters do.
        case deviates
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
