/// Why a reward can't be set up. (What goes wrong with one sample is a `RewardFailure`.)
public struct RewardsError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault, stable across versions.
    public enum Code: String, Sendable {
        /// An option has a value that makes no sense.
        case invalidOption
        /// Two rewards have the same name.
        case duplicateName
        /// Programs can't be run in isolation here.
        case sandboxUnavailable
        /// A reward needs another that is not there.
        case missingReward
        /// A JSON Schema that can't be read, or uses a keyword outside the subset.
        case invalidSchema
        /// The Python module that plugins use can't be put down.
        case noModule
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
