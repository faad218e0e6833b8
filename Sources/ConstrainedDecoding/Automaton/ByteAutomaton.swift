/// A grammar as a deterministic machine over bytes, made as far as it is walked: a state is the set of all ways in which
/// what was written may go on.
struct ByteAutomaton {
    /// No way goes on.
    static let dead: Int32 = -1
    /// Nobody has asked yet.
    static let unknown: Int32 = -2
    /// States after which the machine is begun anew; each takes a kibibyte.
    static let maximumStates = 4_096

    private var stepper: FrameStepper
    private var numbers: [[Int32]: Int32] = [:]
    private var states: [[Int32]] = []
    private var steps: [Int32] = []

    init(_ grammar: JSONGrammar) {
        stepper = FrameStepper(grammar)
        _ = state([stepper.start()])
    }

    /// The state before anything is written.
    static let start: Int32 = 0

    /// Whether it has grown so much that it should be begun anew.
    var isFull: Bool { states.count > Self.maximumStates }

    /// Whether what was written is complete.
    func isComplete(_ state: Int32) -> Bool { states[Int(state)].first == 0 }

    /// The state behind a byte.
    mutating func next(_ state: Int32, _ byte: UInt8) -> Int32 {
        let known = steps[Int(state) << 8 | Int(byte)]
        return known == Self.unknown ? work(state, byte) : known
    }

    /// The tokens that lead on from a state: the tree is walked, and left where no way goes on.
    mutating func mask(of trie: TokenTrie, from state: Int32) -> TokenMask {
        var mask = TokenMask(tokenCount: trie.tokenCount)
        // The states behind the bytes that lead to a node.
        var path = [Int32](repeating: Self.dead, count: TokenTrie.longestToken + 1)
        path[0] = state
        var node = 0
        while node < trie.nodeCount {
            node = path.withUnsafeMutableBufferPointer { path in
                steps.withUnsafeBufferPointer { steps in
                    mask.withMutableWords { trie.walk(from: node, steps: steps, path: path, words: $0) }
                }
            }
            if node < trie.nodeCount { _ = work(path[Int(trie.depths[node])], trie.bytes[node]) }
        }
        return mask
    }

    @inline(never)
    private mutating func work(_ state: Int32, _ byte: UInt8) -> Int32 {
        let piles = stepper.step(states[Int(state)], byte)
        let next = piles.isEmpty ? Self.dead : self.state(piles)
        steps[Int(state) << 8 | Int(byte)] = next
        return next
    }

    private mutating func state(_ piles: [Int32]) -> Int32 {
        if let known = numbers[piles] { return known }
        let number = Int32(states.count)
        numbers[piles] = number
        states.append(piles)
        steps.append(contentsOf: repeatElement(Self.unknown, count: 256))
        return number
    }
}
