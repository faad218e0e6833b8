/// Why answers can't be held to a schema.
public struct SchemaError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault, stable across versions.
    public enum Code: String, Sendable {
        /// A keyword that is not offered, or not in this combination.
        case unsupported
        /// What is no JSON Schema.
        case malformed
        /// No value satisfies the schema.
        case unsatisfiable
        /// The schema is larger than allowed.
        case tooLarge
    }

    /// The kind of fault.
    public let code: Code
    /// Where in the schema, what, got, expected; one line.
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
