import ConstrainedDecoding
import OrderedJSON
import Synchronization
import Tokenization

/// Makes the constraints that answers of a model are held to, and keeps those used last: what one answer has worked out the
/// next ones need not.
public final class AnswerConstraints: Sendable {
    /// What an answer is to be.
    public enum Form: Sendable, Hashable {
        /// A JSON object.
        case object
        /// A value that satisfies a JSON Schema.
        case schema(JSONValue)
    }

    private struct State {
        var trie: TokenTrie?
        var kept: [(form: Form, constraint: TokenConstraint)] = []
    }

    /// Constraints that are kept.
    static let maximumKept = 16

    private let tokenizer: Tokenizer
    private let state = Mutex(State())

    /// Constraints for the tokens of a tokenizer.
    public init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

    /// The constraint of a form.
    ///
    /// - Throws: `SchemaError` for a schema that answers can't be held to.
    public func constraint(_ form: Form) throws(SchemaError) -> TokenConstraint {
        if let known = known(form) { return known }
        let grammar: JSONGrammar
        switch form {
        case .object: grammar = try .anyObject()
        case .schema(let schema): grammar = try JSONGrammar(schema: schema)
        }
        return state.withLock { state in
            let trie = state.trie ?? tokenizer.trie()
            state.trie = trie
            let constraint = TokenConstraint(grammar, trie: trie)
            state.kept.append((form, constraint))
            if state.kept.count > Self.maximumKept { state.kept.removeFirst() }
            return constraint
        }
    }

    /// A constraint that is kept; it is then the one used last.
    private func known(_ form: Form) -> TokenConstraint? {
        state.withLock { state in
            guard let index = state.kept.firstIndex(where: { $0.form == form }) else { return nil }
            let entry = state.kept.remove(at: index)
            state.kept.append(entry)
            return entry.constraint
        }
    }
}

extension Tokenizer {
    /// The tokens that text is written with: all but the added ones, whose text means something else.
    func trie() -> TokenTrie {
        TokenTrie((0..<vocabularySize).map { addedToken(of: $0) == nil ? bytes(of: $0)?[...] : nil })
    }

    /// The thought that may stand before a constrained answer; `nil` for a model without tokens for it, or where the prompt
    /// has ended it.
    ///
    /// - Parameter prompt: The rendered conversation.
    public func thought(after prompt: String) -> ConstraintCursor.Thought? {
        let (opening, closing) = ("<think>", "</think>")
        guard let openingID = id(of: opening), let closingID = id(of: closing), addedToken(of: openingID) != nil,
            addedToken(of: closingID) != nil
        else { return nil }
        let last = prompt.suffix(64).split(whereSeparator: \.isWhitespace).last ?? ""
        if last.hasSuffix(closing) { return nil }
        return .init(opening: openingID, closing: closingID, isOpen: last.hasSuffix(opening))
    }
}
