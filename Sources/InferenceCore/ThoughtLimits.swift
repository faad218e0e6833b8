/// How long a completion may think before it answers, and how long it may answer.
///
/// A thought over its budget is ended by the hand-off: tokens that follow whatever the model would say, after which it goes
/// on by itself. They are part of what it reads, but not of what it chose; their log-probabilities are recorded like all
/// others, and `Completion.thought` says where they stand.
public struct ThoughtLimits: Sendable, Hashable {
    /// The token that begins a thought.
    public var opening: Int
    /// The token that ends it.
    public var closing: Int
    /// What ends a thought over its budget; closes it once.
    public var handOff: [Int]
    /// Tokens of a thought, those that open and close it left out; `nil`: as many as it likes.
    public var budget: Int?
    /// Tokens of the answer: what follows the thought, or all of a completion that has none; `nil`: as many as are left.
    public var answerTokens: Int?

    /// Limits.
    public init(opening: Int, closing: Int, handOff: [Int], budget: Int? = nil, answerTokens: Int? = nil) {
        self.opening = opening
        self.closing = closing
        self.handOff = handOff
        self.budget = budget
        self.answerTokens = answerTokens
    }
}

/// Where the parts of a completion stand that may think.
public struct Thought: Sendable, Hashable {
    /// The thought between the tokens that open and close it, without the hand-off; `nil` for a completion without one.
    public var tokens: Range<Int>?
    /// The tokens that were put in to end it.
    public var handOff: Range<Int>?
    /// The answer; `nil` where the thought has not ended.
    public var answer: Range<Int>?

    /// A thought of its parts.
    public init(tokens: Range<Int>? = nil, handOff: Range<Int>? = nil, answer: Range<Int>? = nil) {
        (self.tokens, self.handOff, self.answer) = (tokens, handOff, answer)
    }
}

/// Follows a completion through its thought, a token at a time.
struct ThoughtProgress {
    private enum Place {
        /// Nothing but what may stand before a thought.
        case start
        /// In a thought that began at a position.
        case thought(Int)
        /// In the answer, which began at a position.
        case answer(Int)
    }

    /// Tokens that an opening token may be among: at most white space stands before it.
    private static let reach = 4

    private let limits: ThoughtLimits
    private var place: Place
    private var thought: Range<Int>?
    private var handOff: Range<Int>?
    private var count = 0

    /// A completion without tokens. It begins inside a thought where the prompt has opened one.
    init(_ limits: ThoughtLimits, prompt: [Int]) {
        self.limits = limits
        let end = prompt.suffix(Self.reach)
        let isOpen = end.last { $0 == limits.opening || $0 == limits.closing } == limits.opening
        place = isOpen ? .thought(0) : .start
    }

    /// The tokens to put in now: none, or once the hand-off.
    mutating func interjection() -> [Int] {
        guard case .thought(let start) = place, count - start == limits.budget, handOff == nil else { return [] }
        handOff = count..<count + limits.handOff.count
        return limits.handOff
    }

    /// Takes the next token.
    mutating func append(_ token: Int) {
        count += 1
        switch place {
        case .start where token == limits.opening: place = .thought(count)
        case .start where count >= Self.reach: place = .answer(0)
        case .thought(let start) where token == limits.closing:
            thought = start..<(handOff?.lowerBound ?? count - 1)
            place = .answer(handOff?.upperBound ?? count)
        default: break
        }
    }

    /// Whether the answer is as long as it may be.
    var isFull: Bool {
        guard case .answer(let start) = place, let most = limits.answerTokens else { return false }
        return count - start >= most
    }

    /// The parts, at the end.
    var parts: Thought {
        let inserted = handOff.map { $0.lowerBound..<min($0.upperBound, count) }
        switch place {
        case .start: return Thought(answer: 0..<count)
        case .thought(let start): return Thought(tokens: start..<(inserted?.lowerBound ?? count), handOff: inserted)
        case .answer(let start):
            return Thought(tokens: thought, handOff: inserted, answer: min(start, count)..<count)
        }
    }
}

extension Thought {
    /// The parts of a whole completion that went through no engine of this process; nothing was put into it.
    public init(of tokens: [Int], _ limits: ThoughtLimits, prompt: [Int]) {
        var progress = ThoughtProgress(limits, prompt: prompt)
        for token in tokens { progress.append(token) }
        self = progress.parts
    }
}
