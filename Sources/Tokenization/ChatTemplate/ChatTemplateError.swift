/// Why a chat template can't be read, or why it did not render a conversation.
public struct ChatTemplateError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault, stable across versions.
    public enum Code: String, Sendable {
        /// The text is not Jinja.
        case syntax
        /// The text is Jinja, but uses a statement, filter, test, method or option that is not implemented.
        case unsupported
        /// An attribute, item or call of something that is not defined.
        case undefined
        /// An operation on values of the wrong type or range, where Python raises too.
        case type
        /// The template called `raise_exception`: it refuses this conversation.
        case raised
        /// A limit on steps, size or depth was reached.
        case limit
        /// There is no template where one was looked for, or no message to continue.
        case missing
    }

    /// The kind of fault.
    public let code: Code
    /// What, where, got and expected; one line.
    public let message: String
    /// The line of the template, counted from 1, where it is known.
    public let line: Int?
    /// The error underneath, if there is one.
    public let cause: (any Error)?

    /// The message with the line.
    public var description: String {
        line.map { "chat template, line \($0): \(message)" } ?? "chat template: \(message)"
    }

    /// An error with its message.
    public init(_ code: Code, _ message: String, line: Int? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.line = line
        self.cause = cause
    }

    /// The same error with a line, unless it has one.
    func located(at line: Int) -> ChatTemplateError {
        self.line == nil ? ChatTemplateError(code, message, line: line, cause: cause) : self
    }
}
