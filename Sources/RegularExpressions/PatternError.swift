/// Why a text is not a regular expression that this engine accepts.
public struct PatternError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of fault.
    public enum Code: String, Sendable {
        /// The expression is not well formed; Python's `re` refuses it too.
        case syntax
        /// Python's `re` accepts it but it can't be matched in linear time, or is not offered here.
        case unsupported
        /// The expression is longer, deeper or larger when compiled than allowed.
        case tooLarge
    }

    /// The kind of fault.
    public let code: Code
    /// What was wrong and what was expected.
    public let message: String
    /// Where, in Unicode scalars from the start of the expression.
    public let offset: Int
    /// The message with the place.
    public var description: String { "invalid regular expression at character \(offset): \(message)" }
}
