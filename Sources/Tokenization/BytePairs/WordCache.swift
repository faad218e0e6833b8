/// Remembers the tokens of short words in a fixed amount of memory: a new word takes the place of an older one.
struct WordCache: Sendable {
    /// The longest word that is remembered, in bytes.
    static let longestWord = 15
    /// The most tokens of a word that is remembered.
    static let mostTokens = 7

    private struct Entry {
        var low: UInt64 = 0
        var high: UInt64 = 0
        /// The tokens, and last their count; 0 where nothing is remembered.
        var tokens = SIMD8<UInt32>(repeating: 0)
    }

    /// A word of at most 15 bytes and its length.
    struct Key: Sendable {
        fileprivate var low: UInt64 = 0
        fileprivate var high: UInt64 = 0

        /// The key of a word, if it is short enough.
        init?(_ word: ArraySlice<UInt8>) {
            guard word.count <= longestWord else { return nil }
            for (offset, byte) in word.enumerated() {
                if offset < 8 {
                    low |= UInt64(byte) << UInt64(offset * 8)
                } else {
                    high |= UInt64(byte) << UInt64((offset - 8) * 8)
                }
            }
            high |= UInt64(word.count) << 56
        }

        fileprivate var slot: Int {
            let hash = (low ^ high &* 0x9E37_79B9_7F4A_7C15) &* 0xD1B5_4A32_D192_ED03
            return Int(truncatingIfNeeded: hash >> 51)
        }
    }

    private var entries = [Entry](repeating: Entry(), count: 1 << 13)

    /// Appends the tokens of a word that is remembered.
    func append(_ key: Key, to ids: inout [Int]) -> Bool {
        let entry = entries[key.slot]
        guard entry.low == key.low, entry.high == key.high, entry.tokens[7] > 0 else { return false }
        for index in 0..<Int(entry.tokens[7]) { ids.append(Int(entry.tokens[index])) }
        return true
    }

    /// Remembers a word, unless it has too many tokens.
    mutating func remember(_ key: Key, _ tokens: [UInt32]) {
        guard !tokens.isEmpty, tokens.count <= Self.mostTokens else { return }
        var entry = Entry(low: key.low, high: key.high)
        for (index, token) in tokens.enumerated() { entry.tokens[index] = token }
        entry.tokens[7] = UInt32(tokens.count)
        entries[key.slot] = entry
    }
}
