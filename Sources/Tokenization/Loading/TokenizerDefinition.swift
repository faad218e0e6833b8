/// What a tokenizer is made of, whichever file it came from.
struct TokenizerDefinition {
    /// A pair that merges, as files spell it.
    enum MergeRule: CustomStringConvertible {
        /// Two tokens with a space between them.
        case joined(String)
        /// Two tokens.
        case pair(String, String)

        /// The two tokens, if there are two.
        var parts: (Substring, Substring)? {
            switch self {
            case .pair(let left, let right): return left.isEmpty || right.isEmpty ? nil : (left[...], right[...])
            case .joined(let text):
                let utf8 = text.utf8
                guard let space = utf8.firstIndex(of: 0x20) else { return nil }
                let second = utf8.index(after: space)
                guard space > utf8.startIndex, second < utf8.endIndex, !utf8[second...].contains(0x20) else {
                    return nil
                }
                return (text[..<space], text[second...])
            }
        }

        var description: String {
            switch self {
            case .joined(let text): "\(quote(text))"
            case .pair(let left, let right): "[\(quote(left)), \(quote(right))]"
            }
        }
    }

    /// A token that settings refer to.
    enum Reference {
        /// By its text.
        case content(String)
        /// By its id.
        case id(Int)

        /// The id; a text that is no token is an error that names the setting.
        func id(in vocabulary: Vocabulary, _ added: [[UInt8]: Int], named name: String) throws(TokenizationError) -> Int
        {
            switch self {
            case .id(let id): return id
            case .content(let text):
                if let id = added[Array(text.utf8)] ?? vocabulary.id(ofSpelling: text.utf8) { return id }
                throw TokenizationError(
                    .malformed, "\(name) is \(quote(text)), which is not a token of this vocabulary")
            }
        }
    }

    /// Spellings by id; `nil` where there is no token.
    var spellings: [String?]
    /// The merges by rank.
    var merges: [MergeRule]
    /// Added tokens; one may have a place in the vocabulary too.
    var addedTokens: [AddedToken]
    /// Whether text is brought into NFC.
    var normalizes = true
    /// Whether a word that is a token is taken whole.
    var ignoresMerges = false
    /// The default chat template.
    var chatTemplate: String?
    /// Chat templates by name.
    var namedChatTemplates: [String: String] = [:]
    /// The token that ends a completion.
    var eos: Reference?
    /// The token that fills rows up.
    var pad: Reference?
    /// The token that begins a text.
    var bos: Reference?
    /// The tokens that every text begins with.
    var prefix: [Reference] = []

    /// Refuses an added token that contradicts the vocabulary or another added token.
    func check(
        _ token: AddedToken, vocabulary: Vocabulary, sameID: AddedToken?, _ sameContent: [[UInt8]: Int]
    ) throws(TokenizationError) {
        let name = "added token \(quote(token.content))"
        guard token.id >= 0, token.id < Vocabulary.largestID else {
            throw TokenizationError(
                .malformed, "\(name): id \(token.id), expected 0 to \(Vocabulary.largestID - 1)")
        }
        guard token.content.utf8.count <= AddedTokenMatcher.longestContent else {
            throw TokenizationError(
                .unsupported,
                "\(name): \(token.content.utf8.count) bytes, expected at most \(AddedTokenMatcher.longestContent)")
        }
        if let other = sameID, !other.content.utf8.elementsEqual(token.content.utf8) {
            throw TokenizationError(.malformed, "\(name): id \(token.id) is also \(quote(other.content))")
        }
        if token.id < spellings.count, let spelling = spellings[token.id],
            !spelling.utf8.elementsEqual(token.content.utf8)
        {
            throw TokenizationError(.malformed, "\(name): id \(token.id) is \(quote(spelling)) in the vocabulary")
        }
        let known = sameContent[Array(token.content.utf8)] ?? vocabulary.id(ofSpelling: token.content.utf8)
        if let known, known != token.id {
            throw TokenizationError(.malformed, "\(name): id \(token.id), but it is also token \(known)")
        }
    }
}
