/// Why a server gave no completion, or did not take an adapter.
public struct ExternalRolloutError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault, stable across versions.
    public enum Code: String, Sendable {
        /// An address that is none.
        case address
        /// No connection, or it was lost.
        case connection
        /// No whole answer in time.
        case timeout
        /// The server is busy, or failed by its own account; it may pass.
        case unavailable
        /// The server will not do it.
        case refused
        /// What it answered is no completion of this request.
        case wrongAnswer
    }

    /// The kind of fault.
    public let code: Code
    /// What, where, got, expected, and what to do; one line.
    public let message: String
    /// Seconds after which the server wants to be asked again, if it said so.
    public let retryAfter: Double?
    /// The error underneath, if there is one.
    public let cause: (any Error)?
    /// The message.
    public var description: String { message }

    /// An error with its message.
    public init(_ code: Code, _ message: String, retryAfter: Double? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
        self.cause = cause
    }

    /// Whether asking the same server again would hardly help.
    var isDefinite: Bool { code == .refused || code == .wrongAnswer || code == .address }
}

extension ExternalRolloutError {
    /// The longest text of a server that a message repeats, in characters.
    private static let shownCharacters = 300

    /// The beginning of a server's text on one line.
    static func shown(_ text: some StringProtocol) -> String {
        let line = text.prefix(4 * shownCharacters).split(whereSeparator: { $0.isWhitespace || $0.isNewline })
            .joined(separator: " ")
        return line.count > shownCharacters ? line.prefix(shownCharacters) + "…" : line
    }
}
