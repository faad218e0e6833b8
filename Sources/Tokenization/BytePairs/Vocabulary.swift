/// The tokens that merging can produce, and the merges.
struct Vocabulary: Sendable {
    /// Ids from this one on are refused: memory is proportional to the highest.
    static let largestID = 1 << 22

    let merges: MergeTable
    /// The token of each single byte.
    let byteTokens: [UInt32]
    /// Whether a word that is a token itself is taken whole, whatever the merges say.
    let ignoresMerges: Bool
    /// Spellings by id; an empty one where there is no token.
    private let spellings: ByteStringTable
    /// What each token stands for, by id.
    private let contents: ByteStringTable

    /// A vocabulary with its merges resolved to ids.
    init(_ definition: TokenizerDefinition) throws(TokenizationError) {
        ignoresMerges = definition.ignoresMerges
        (spellings, contents) = try Self.tables(definition.spellings)
        var byteTokens: [UInt32] = []
        for byte in UInt8.min...UInt8.max {
            let spelling = ByteLevelAlphabet.spelling(of: byte)
            guard let id = spellings.find(spelling) else {
                throw TokenizationError(
                    .malformed,
                    "vocabulary: no token for byte \(byte), spelled \(quote(String(decoding: spelling, as: UTF8.self))); "
                        + "a byte-level vocabulary has all 256")
            }
            byteTokens.append(UInt32(id))
        }
        self.byteTokens = byteTokens
        merges = try Self.mergeTable(definition.merges, spellings)
    }

    /// The highest id, plus one.
    var count: Int { spellings.count }

    /// The id of a token by its spelling.
    func id(ofSpelling spelling: some Collection<UInt8>) -> Int? {
        spelling.isEmpty ? nil : spellings.find(spelling)
    }

    /// The id of a token by the bytes it stands for.
    func id(ofWord word: ArraySlice<UInt8>) -> Int? {
        id(ofSpelling: word.flatMap(ByteLevelAlphabet.spelling))
    }

    /// What a token stands for; `nil` where there is none.
    func bytes(of id: Int) -> ArraySlice<UInt8>? {
        guard id >= 0, id < contents.count, !contents[id].isEmpty else { return nil }
        return contents[id]
    }

    private static func tables(_ spellings: [String?]) throws(TokenizationError) -> (ByteStringTable, ByteStringTable) {
        let size = spellings.reduce(0) { $0 + ($1?.utf8.count ?? 0) }
        guard size < Int(UInt32.max) else {
            throw TokenizationError(.malformed, "vocabulary: \(size) bytes of tokens, expected less than 4 GiB")
        }
        var table = ByteStringTable(capacity: spellings.count, bytes: size)
        var contents = ByteStringTable(capacity: 0, bytes: size)
        var content: [UInt8] = []
        for (id, spelling) in spellings.enumerated() {
            let bytes = Array((spelling ?? "").utf8)
            if let other = bytes.withUnsafeBytes({ table.append($0, findable: !bytes.isEmpty) }) {
                throw TokenizationError(
                    .malformed, "vocabulary: \(quote(spelling ?? "")) is both token \(other) and \(id)")
            }
            content.removeAll(keepingCapacity: true)
            ByteLevelAlphabet.appendBytes(of: bytes[...], to: &content)
            _ = content.withUnsafeBytes { contents.append($0, findable: false) }
        }
        return (table, contents)
    }

    private static func mergeTable(
        _ rules: [TokenizerDefinition.MergeRule], _ spellings: ByteStringTable
    ) throws(TokenizationError) -> MergeTable {
        var table = MergeTable(capacity: rules.count)
        var joined: [UInt8] = []
        for (rank, rule) in rules.enumerated() {
            guard let (left, right) = rule.parts else {
                throw TokenizationError(
                    .malformed, "merge \(rank): got \(rule), expected two tokens with one space between them")
            }
            joined.removeAll(keepingCapacity: true)
            joined.append(contentsOf: left.utf8)
            joined.append(contentsOf: right.utf8)
            guard let leftID = spellings.find(joined[..<left.utf8.count]),
                let rightID = spellings.find(joined[left.utf8.count...]), let result = spellings.find(joined)
            else {
                throw TokenizationError(
                    .malformed,
                    "merge \(rank): \(quote(left)) and \(quote(right)) or what they make is not in the vocabulary")
            }
            table.set(UInt32(leftID), UInt32(rightID), .init(rank: UInt32(rank), result: UInt32(result)))
        }
        return table
    }
}
