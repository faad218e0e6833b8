/// What is said of a program.
public struct CodeVerdict: Hashable, Sendable {
    /// The kinds of verdict.
    public enum Kind: String, CaseIterable, Sendable {
        /// Every test passed.
        case passed
        /// Some test did not.
        case failed
        /// It took longer than allowed.
        case timeout
        /// It took more memory than allowed.
        case memory
        /// It ended before it had answered.
        case crashed
        /// There is no program in the completion, or it wrote more than allowed.
        case rejected
        /// The sandbox did not work; nothing can be said of the program.
        case sandboxError = "sandbox_error"
    }

    /// The kind.
    public var kind: Kind
    /// How many tests passed. With the first failure the others are left out unless partial credit was asked for.
    public var passed: Int
    /// How many tests there are.
    public var total: Int
    /// Why, in one line; empty if it passed. May quote the program: treat it as data.
    public var reason: String

    /// Whether the tests themselves are at fault, so that nothing can be said of the program; the kind is `sandboxError`.
    public var hasBrokenTests = false

    /// 1 if every test passed, else 0.
    public var score: Int { kind == .passed ? 1 : 0 }

    /// A verdict of its parts.
    public init(_ kind: Kind, passed: Int, total: Int, reason: String = "") {
        self.kind = kind
        self.passed = passed
        self.total = total
        self.reason = String(
            String.UnicodeScalarView(
                reason.unicodeScalars.prefix(600).map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
