/// Why a tokenizer can't be read or built.
public struct TokenizationError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault, stable across versions.
    public enum Code: String, Sendable {
        /// A file is not there, is not a plain file, is too large, or can't be opened.
        case unreadable
        /// The tokenizer contradicts itself or is not of the expected form.
        case malformed
        /// The tokenizer is sound but of a family that is not supported.
        case unsupported
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

/// Text from outside as an error message shows it: in quotes, on one line, and not too long.
func quote(_ text: some StringProtocol) -> String {
    let scalars = text.unicodeScalars
    let shown = scalars.prefix(60).map { scalar in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: scalar.escaped(asASCII: true)
        default: String(scalar)
        }
    }
    return "'" + shown.joined() + (scalars.dropFirst(60).isEmpty ? "'" : "…'")
}
