/// What the pre-tokenizer and the normaliser need to know of each Unicode scalar, one byte each, in shared blocks.
struct ScalarTable: Sendable {
    /// The facts of one scalar.
    struct Facts: OptionSet, Sendable {
        let rawValue: UInt8
        /// `\p{L}`.
        static let letter = Facts(rawValue: 1)
        /// `\p{N}`.
        static let number = Facts(rawValue: 2)
        /// `\s`.
        static let space = Facts(rawValue: 4)
        /// May change or move in NFC: a combining mark, or never or not always found in composed text.
        static let composing = Facts(rawValue: 8)
        /// Has a canonical decomposition, Hangul syllables included.
        static let decomposing = Facts(rawValue: 16)
        /// `\p{L}`, `\p{N}` or `\s`.
        static let letterNumberOrSpace: Facts = [.letter, .number, .space]
        /// `\p{L}` or `\p{N}`.
        static let letterOrNumber: Facts = [.letter, .number]
    }

    /// The table of all scalars, made at first use.
    static let shared = ScalarTable(normalization: .shared)

    private static let blockBits: UInt32 = 7
    private let blocks: [UInt16]
    private let facts: [UInt8]

    /// The facts of a scalar; none for numbers beyond Unicode.
    @inline(__always)
    subscript(scalar: UInt32) -> Facts {
        let block = Int(scalar >> Self.blockBits)
        guard block < blocks.count else { return [] }
        return Facts(rawValue: facts[Int(blocks[block]) << Int(Self.blockBits) | Int(scalar & 0x7F)])
    }

    private init(normalization: NormalizationTables) {
        var all = [UInt8](repeating: 0, count: 0x110000)
        func mark(_ ranges: [ClosedRange<UInt32>], _ fact: Facts) {
            for range in ranges {
                for scalar in range where Int(scalar) < all.count { all[Int(scalar)] |= fact.rawValue }
            }
        }
        mark(HexadecimalRanges.parse(CategoryData.letters), .letter)
        mark(HexadecimalRanges.parse(CategoryData.numbers), .number)
        mark(HexadecimalRanges.parse(CategoryData.spaces), .space)
        mark([Hangul.syllables], .decomposing)
        mark([Hangul.vowels, Hangul.trailing], .composing)
        for scalar in normalization.combiningClasses.keys { mark([scalar...scalar], .composing) }
        for (scalar, parts) in normalization.decompositions {
            mark([scalar...scalar], .decomposing)
            if normalization.compositions[parts] == scalar {
                mark([parts.second...parts.second], .composing)
            } else {
                mark([scalar...scalar], .composing)
            }
        }
        let size = 1 << Int(Self.blockBits)
        var known: [ArraySlice<UInt8>: UInt16] = [:]
        var blocks: [UInt16] = []
        var facts: [UInt8] = []
        for start in stride(from: 0, to: all.count, by: size) {
            let block = all[start..<start + size]
            if let index = known[block] {
                blocks.append(index)
            } else {
                let index = UInt16(facts.count / size)
                known[block] = index
                blocks.append(index)
                facts += block
            }
        }
        self.blocks = blocks
        self.facts = facts
    }
}

/// Lists of scalars written as `41-5A 61-7A AA`.
enum HexadecimalRanges {
    static func parse(_ text: String) -> [ClosedRange<UInt32>] {
        text.split { $0 == " " || $0 == "\n" }.compactMap(range)
    }

    static func range(_ text: Substring) -> ClosedRange<UInt32>? {
        let ends = text.split(separator: "-").compactMap { UInt32($0, radix: 16) }
        guard let first = ends.first, let last = ends.last, first <= last else { return nil }
        return first...last
    }
}
