/// Cuts text into the words within which byte pairs may merge: Qwen's pre-tokenizer as a linear scanner.
///
/// At each place the first alternative that matches wins, and each takes as much as it can:
///
///     (?i:'s|'t|'re|'ve|'m|'ll|'d)        contraction
///     [^\r\n\p{L}\p{N}]?\p{L}+            letters, with one character before them that is none
///     \p{N}                               one digit
///      ?[^\s\p{L}\p{N}]+[\r\n]*           symbols, with a space before and line ends after them
///     \s*[\r\n]+                          space up to the last line end of its run
///     \s+(?!\S)                           space but its last character, which belongs to the next word
///     \s+
///
/// Together they match every text without gaps, and no byte is looked at more than a few times.
struct QwenPreTokenizer {
    /// The pattern as tokenizer files spell it.
    static let pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    private typealias Facts = ScalarTable.Facts

    private let bytes: ArraySlice<UInt8>
    private let table = ScalarTable.shared
    private var position: Int

    /// A scanner at the start of a text.
    ///
    /// - Parameter bytes: Well-formed UTF-8.
    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        self.position = bytes.startIndex
    }

    /// The next word, or `nil` at the end.
    mutating func next() -> Range<Int>? {
        guard position < bytes.endIndex else { return nil }
        let start = position
        position = endOfWord()
        return start..<position
    }

    @inline(__always)
    private func scalar(at position: Int) -> (facts: Facts, value: UInt32, length: Int) {
        let (value, length) = UTF8Text.scalar(in: bytes, at: position)
        return (table[value], value, length)
    }

    private func endOfWord() -> Int {
        let (facts, value, length) = scalar(at: position)
        let next = position + length
        if facts.contains(.letter) { return skip(.letter, from: next) }
        if facts.contains(.number) { return next }
        if value == 0x27, let end = contraction(from: next) { return end }
        if !isLineEnd(value), next < bytes.endIndex, scalar(at: next).facts.contains(.letter) {
            return skip(.letter, from: next)
        }
        if !facts.contains(.space) { return skipLineEnds(from: skipSymbols(from: next)) }
        if value == 0x20, next < bytes.endIndex,
            scalar(at: next).facts.isDisjoint(with: .letterNumberOrSpace)
        {
            return skipLineEnds(from: skipSymbols(from: next))
        }
        return endOfSpace(from: position)
    }

    /// The end of `'s`, `'t`, `'m`, `'d`, `'re`, `'ve` or `'ll` in any case, given the place after the apostrophe.
    ///
    /// Case folding adds one letter beyond ASCII: the long s, U+017F.
    private func contraction(from start: Int) -> Int? {
        guard start < bytes.endIndex else { return nil }
        // Setting bit 5 lowers ASCII letters and makes no letter of anything else.
        switch bytes[start] | 0x20 {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 1
        case UInt8(ascii: "r"), UInt8(ascii: "v"): return isLetter("e", at: start + 1) ? start + 2 : nil
        case UInt8(ascii: "l"): return isLetter("l", at: start + 1) ? start + 2 : nil
        default:
            let (_, value, length) = scalar(at: start)
            return value == 0x17F ? start + length : nil
        }
    }

    private func isLetter(_ letter: Unicode.Scalar, at position: Int) -> Bool {
        position < bytes.endIndex && UInt32(bytes[position] | 0x20) == letter.value
    }

    private func isLineEnd(_ value: UInt32) -> Bool { value == 0x0A || value == 0x0D }

    private func skip(_ wanted: Facts, from start: Int) -> Int {
        var end = start
        while end < bytes.endIndex {
            let (facts, _, length) = scalar(at: end)
            guard facts.contains(wanted) else { break }
            end += length
        }
        return end
    }

    private func skipSymbols(from start: Int) -> Int {
        var end = start
        while end < bytes.endIndex {
            let (facts, _, length) = scalar(at: end)
            guard facts.isDisjoint(with: .letterNumberOrSpace) else { break }
            end += length
        }
        return end
    }

    private func skipLineEnds(from start: Int) -> Int {
        var end = start
        while end < bytes.endIndex, isLineEnd(UInt32(bytes[end])) { end += 1 }
        return end
    }

    /// The end of the word that a run of space begins with.
    private func endOfSpace(from start: Int) -> Int {
        var end = start
        var last = start
        var afterLineEnd: Int?
        while end < bytes.endIndex {
            let (facts, value, length) = scalar(at: end)
            guard facts.contains(.space) else { break }
            last = end
            end += length
            if isLineEnd(value) { afterLineEnd = end }
        }
        if let afterLineEnd { return afterLineEnd }
        return end == bytes.endIndex || last == start ? end : last
    }
}
