import Synchronization

/// Holds answers to a grammar, token by token. It is made once for a grammar and shared by all that are written under it;
/// what it has worked out for one it knows for the next.
public final class TokenConstraint: Sendable {
    private struct State {
        var automaton: ByteAutomaton
        /// Counts how often the machine was begun anew: the numbers of states mean something within one round.
        var round = 0
        var masks: [Int32: TokenMask] = [:]
    }

    /// Masks that are kept; each takes a bit for every token.
    private static let maximumMasks = 128

    private let grammar: JSONGrammar
    private let trie: TokenTrie
    private let state: Mutex<State>

    /// A constraint.
    ///
    /// - Parameter grammar: What texts are wanted.
    /// - Parameter trie: The tokens that they are written with.
    public init(_ grammar: JSONGrammar, trie: TokenTrie) {
        self.grammar = grammar
        self.trie = trie
        state = Mutex(State(automaton: ByteAutomaton(grammar)))
    }

    /// What may follow behind some text.
    ///
    /// - Parameter place: Where the text ends; brought up to date.
    func allowed(_ place: inout ConstraintCursor.Place) -> (mask: TokenMask, isComplete: Bool)? {
        state.withLock { state in
            refresh(&state, &place)
            guard place.state != ByteAutomaton.dead else { return nil }
            let isComplete = state.automaton.isComplete(place.state)
            if let known = state.masks[place.state] { return (known, isComplete) }
            let mask = mask(&state.automaton, place.state)
            if state.masks.count >= Self.maximumMasks { state.masks.removeAll(keepingCapacity: true) }
            state.masks[place.state] = mask
            return (mask, isComplete)
        }
    }

    /// Moves behind a token.
    func take(_ token: Int, _ place: inout ConstraintCursor.Place) {
        let bytes = trie.bytes(of: token)
        state.withLock { state in
            refresh(&state, &place)
            if bytes.isEmpty { place.state = ByteAutomaton.dead }
            walk(bytes, &state, &place)
        }
        place.text += bytes
    }

    /// Begins the machine anew if it has grown too much, and finds a place in it again.
    private func refresh(_ state: inout State, _ place: inout ConstraintCursor.Place) {
        if state.automaton.isFull {
            state = State(automaton: ByteAutomaton(grammar), round: state.round + 1)
        }
        guard place.round != state.round, place.state != ByteAutomaton.dead else { return }
        (place.round, place.state) = (state.round, ByteAutomaton.start)
        walk(place.text[...], &state, &place)
    }

    private func walk(_ bytes: ArraySlice<UInt8>, _ state: inout State, _ place: inout ConstraintCursor.Place) {
        for byte in bytes where place.state != ByteAutomaton.dead {
            place.state = state.automaton.next(place.state, byte)
        }
    }

    /// The tokens that lead from a state to a state: the tree is walked, and left where no way goes on.
    private func mask(_ automaton: inout ByteAutomaton, _ state: Int32) -> TokenMask {
        var mask = TokenMask(tokenCount: trie.tokenCount)
        var states = [Int32](repeating: ByteAutomaton.dead, count: TokenTrie.longestToken + 1)
        states[0] = state
        var node = 0
        while node < trie.bytes.count {
            let depth = Int(trie.depths[node])
            let next = automaton.next(states[depth], trie.bytes[node])
            guard next != ByteAutomaton.dead else {
                node = Int(trie.ends[node])
                continue
            }
            states[depth + 1] = next
            if trie.tokens[node] >= 0 { mask.insert(Int(trie.tokens[node])) }
            node += 1
        }
        return mask
    }
}
