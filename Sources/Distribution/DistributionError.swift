/// Why ranks can't work together.
public struct DistributionError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault, stable across versions.
    public enum Code: String, Sendable {
        /// A rank has died, hangs, or can't be reached.
        case lost
        /// A rank has said farewell while others still counted on it; it has told why.
        case ended
        /// A message can't be read, or is not the one that was due.
        case malformed
        /// There is no MPI library, or none that this program knows.
        case noLibrary
        /// A call of the MPI library failed.
        case failed
        /// Ranks would not compute the same.
        case different
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
