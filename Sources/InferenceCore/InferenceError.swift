/// Why a request can't be served or a token can't be chosen.
public struct InferenceError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault, stable across versions.
    public enum Code: String, Sendable {
        /// A sampling setting is out of its range.
        case invalidParameter
        /// Logits that no token can be chosen from: NaN, +∞, or −∞ for every token.
        case invalidLogits
        /// A token id outside the vocabulary.
        case invalidToken
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
