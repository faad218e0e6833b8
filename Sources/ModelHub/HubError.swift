/// Why a model can't be fetched.
public struct HubError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault, stable across versions.
    public enum Code: String, Sendable {
        /// A name, revision, endpoint or pattern can't be used.
        case invalidName
        /// Fetching is switched off.
        case offline
        /// No connection, or no answer in time.
        case unreachable
        /// The hub refuses: not found, not allowed, or another status.
        case refused
        /// The hub's answer is not what the protocol says, or tries to write elsewhere.
        case malformed
        /// A file is not the one that the listing names: wrong size or checksum.
        case damaged
        /// Something can't be written.
        case unwritable
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
