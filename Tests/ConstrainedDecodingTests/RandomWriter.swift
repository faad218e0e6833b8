@testable import ConstrainedDecoding

/// Writes whatever is allowed, with a vocabulary of all bytes and of pieces that reach over the joints of JSON.
struct RandomWriter {
    private static let pieces = [
        "{\"", "\": ", "\":", ", \"", "\",\"", "\"}", "}}", "]}", "],[", "[[", "[]", "{}", "true", "false", "null",
        " null", "12", "345", "-1", "0.5", ".25", "e10", "e-", "\\u00", "\\ud83d", "\\n", "\\\"", "é", "ü",
        "\u{1F600}", "abc", "name", "\"name\"", "value", "\"value\":", "\n    ", "  ", "a\": [", "com", "@", "999",
        "000",
    ]
    static let tokens: [ArraySlice<UInt8>?] = {
        var tokens: [ArraySlice<UInt8>?] = (UInt8.min...UInt8.max).map { [$0] }
        for piece in pieces { tokens.append(Array(piece.utf8)[...]) }
        return tokens + [[0xF0, 0x9F], [0x98, 0x80, 0x22], nil]
    }()
    static let trie = TokenTrie(tokens)
    private static let closers: [[UInt8]] = ["\"", "}", "]", "\"}", "}}", "]}"].map { Array($0.utf8) }

    var random: SeededGenerator

    /// A text, and whether it was complete within the limit.
    mutating func write(_ constraint: TokenConstraint, limit: Int) -> (bytes: [UInt8], isComplete: Bool, isStuck: Bool)
    {
        var cursor = ConstraintCursor(constraint)
        var bytes: [UInt8] = []
        for step in 0..<limit {
            guard case .tokens(let mask, _, let mayEnd) = cursor.allowed() else { return (bytes, false, true) }
            let allowed = (0..<Self.tokens.count).filter { mask.contains($0) }
            if allowed.isEmpty { return (bytes, mayEnd, !mayEnd) }
            if mayEnd, Int.random(in: 0..<4, using: &random) == 0 { return (bytes, true, false) }
            let closing = allowed.filter { id in Self.closers.contains { $0.elementsEqual(Self.tokens[id] ?? []) } }
            let pool = !closing.isEmpty && Int.random(in: 0..<100, using: &random) < 20 + step ? closing : allowed
            let token = pool[Int.random(in: 0..<pool.count, using: &random)]
            bytes += Self.tokens[token] ?? []
            cursor.take(token)
        }
        return (bytes, false, false)
    }
}
