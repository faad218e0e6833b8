/// Follows one answer through a constraint.
public struct ConstraintCursor: Sendable {
    /// A thought before the answer, which is free: between two tokens, such as `<think>` and `</think>`.
    public struct Thought: Sendable, Hashable {
        /// The token that opens it; `nil` if none may be opened.
        public var opening: Int?
        /// The token that ends it.
        public var closing: Int
        /// Whether the prompt has opened it.
        public var isOpen: Bool

        /// A thought.
        public init(opening: Int?, closing: Int, isOpen: Bool) {
            self.opening = opening
            self.closing = closing
            self.isOpen = isOpen
        }
    }

    /// What may come next.
    public enum Allowed: Sendable {
        /// Anything but an end.
        case anythingButEnd
        /// The tokens of the mask and the one given besides; an end if the answer is complete.
        case tokens(TokenMask, also: Int?, mayEnd: Bool)
        /// Nothing: something was written that is not allowed.
        case nothing
    }

    /// Where a text ends.
    struct Place: Sendable {
        var text: [UInt8] = []
        var state = ByteAutomaton.start
        var round = 0
    }

    private let constraint: TokenConstraint
    private var place = Place()
    private var thought: Thought?

    /// A cursor before the first token.
    public init(_ constraint: TokenConstraint, thought: Thought? = nil) {
        self.constraint = constraint
        self.thought = thought
    }

    /// What may come next.
    public mutating func allowed() -> Allowed {
        if thought?.isOpen == true { return .anythingButEnd }
        guard let (mask, isComplete) = constraint.allowed(&place) else { return .nothing }
        return .tokens(mask, also: thought?.opening, mayEnd: isComplete)
    }

    /// Takes the token that came.
    public mutating func take(_ token: Int) {
        if thought?.isOpen == true {
            if token == thought?.closing { thought = nil }
        } else if let opening = thought?.opening, token == opening {
            thought?.isOpen = true
        } else {
            thought = nil
            constraint.take(token, &place)
        }
    }
}
