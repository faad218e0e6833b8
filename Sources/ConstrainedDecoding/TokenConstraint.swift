import Synchronization

/// Holds answers to a grammar, token by token. It is made once for a grammar and shared by all that are written under it;
/// what it has worked out for one it knows for the next.
public final class TokenConstraint: Sendable {
    private struct State {
        var automaton: ByteAutomaton
        /// Counts how often the machine was begun anew: the numbers of states mean something within one round.
        var round = 0
        /// Masks by states, and when each was used last.
        var masks: [Int32: (mask: TokenMask, lastUse: Int)] = [:]
        var clock = 0
    }

    /// Masks that are kept; each takes a bit for every token.
    static let maximumMasks = 256

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
            let mask =
                state.masks[place.state]?.mask ?? state.automaton.mask(of: trie, from: place.state)
            state.clock += 1
            state.masks[place.state] = (mask, state.clock)
            if state.masks.count > Self.maximumMasks {
                // The half that was used the longest time ago.
                let limit = state.masks.values.map(\.lastUse).sorted()[Self.maximumMasks / 2]
                state.masks = state.masks.filter { $0.value.lastUse > limit }
            }
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
}
