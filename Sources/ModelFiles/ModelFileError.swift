/// Why a model, adapter or tokenizer file can't be read or written.
public struct ModelFileError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault, stable across versions.
    public enum Code: String, Sendable {
        /// The file or folder is not there, or can't be opened.
        case unreadable
        /// The file ends too early, or its parts contradict one another.
        case malformed
        /// The file is sound but uses something that this version does not support.
        case unsupported
        /// A tensor or key that is needed is not in the file.
        case missing
        /// A tensor's shape or type is not the expected one.
        case mismatched
        /// Writing failed; nothing was left behind.
        case unwritable
        /// What was being written is no longer wanted; nothing was left behind.
        case interrupted
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
