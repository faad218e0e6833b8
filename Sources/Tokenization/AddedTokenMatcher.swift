/// Finds added tokens in text: the leftmost, and of those the longest.
struct AddedTokenMatcher: Sendable {
    /// The longest content of an added token, in bytes; bounds the time that hostile tokens can cost.
    static let longestContent = 256

    /// A piece of the text.
    enum Piece {
        case text(Range<Int>)
        case token(Int)
    }

    private let tokens: [AddedToken]
    /// A trie: the node reached from `node << 8 | byte`; node 0 is the root.
    private var edges: [UInt64: UInt32] = [:]
    /// The index of the token that ends at a node, or -1.
    private var endings: [Int32] = [-1]
    private var isFirstByte = [Bool](repeating: false, count: 256)

    /// A matcher of tokens with the bytes to look for.
    init(_ tokens: [(token: AddedToken, bytes: [UInt8])]) {
        self.tokens = tokens.map(\.token)
        for (index, entry) in tokens.enumerated() where !entry.bytes.isEmpty {
            isFirstByte[Int(entry.bytes[0])] = true
            var node: UInt32 = 0
            for byte in entry.bytes {
                let edge = UInt64(node) << 8 | UInt64(byte)
                if let known = edges[edge] {
                    node = known
                } else {
                    node = UInt32(endings.count)
                    edges[edge] = node
                    endings.append(-1)
                }
            }
            if endings[Int(node)] < 0 { endings[Int(node)] = Int32(index) }
        }
    }

    /// Whether there is nothing to find.
    var isEmpty: Bool { tokens.isEmpty }

    /// Cuts text into added tokens and what lies between them, in order and without empty pieces.
    ///
    /// - Parameter bytes: Well-formed UTF-8.
    /// - Parameter seesSpecial: `false` leaves special tokens in the text (the others are still found).
    func split(_ bytes: ArraySlice<UInt8>, seesSpecial: Bool, _ body: (Piece) -> Void) {
        var done = bytes.startIndex
        var position = bytes.startIndex
        while position < bytes.endIndex {
            guard isFirstByte[Int(bytes[position])], let match = longestMatch(bytes, at: position) else {
                position += 1
                continue
            }
            let range = position..<match.end
            position = match.end
            let token = tokens[match.index]
            guard seesSpecial || !token.isSpecial else { continue }
            guard !token.isSingleWord || isAlone(range, in: bytes) else { continue }
            var (start, end) = (range.lowerBound, range.upperBound)
            if token.stripsLeft { start = startOfSpace(before: start, in: bytes, notBefore: done) }
            if token.stripsRight { end = endOfSpace(after: end, in: bytes) }
            if done < start { body(.text(done..<start)) }
            body(.token(token.id))
            done = end
            position = end
        }
        if done < bytes.endIndex { body(.text(done..<bytes.endIndex)) }
    }

    private func longestMatch(_ bytes: ArraySlice<UInt8>, at start: Int) -> (index: Int, end: Int)? {
        var node: UInt32 = 0
        var found: (Int, Int)?
        for position in start..<bytes.endIndex {
            guard let next = edges[UInt64(node) << 8 | UInt64(bytes[position])] else { break }
            node = next
            if endings[Int(node)] >= 0 { found = (Int(endings[Int(node)]), position + 1) }
        }
        return found
    }

    private func isAlone(_ range: Range<Int>, in bytes: ArraySlice<UInt8>) -> Bool {
        if range.lowerBound > bytes.startIndex {
            let before = startOfScalar(before: range.lowerBound, in: bytes)
            if isWordCharacter(UTF8Text.scalar(in: bytes, at: before).value) { return false }
        }
        guard range.upperBound < bytes.endIndex else { return true }
        return !isWordCharacter(UTF8Text.scalar(in: bytes, at: range.upperBound).value)
    }

    private func startOfSpace(before start: Int, in bytes: ArraySlice<UInt8>, notBefore limit: Int) -> Int {
        var start = start
        while start > limit {
            let before = startOfScalar(before: start, in: bytes)
            guard before >= limit, isSpace(bytes, at: before) else { break }
            start = before
        }
        return start
    }

    private func endOfSpace(after end: Int, in bytes: ArraySlice<UInt8>) -> Int {
        var end = end
        while end < bytes.endIndex, isSpace(bytes, at: end) { end += UTF8Text.scalar(in: bytes, at: end).length }
        return end
    }

    private func isSpace(_ bytes: ArraySlice<UInt8>, at position: Int) -> Bool {
        ScalarTable.shared[UTF8Text.scalar(in: bytes, at: position).value].contains(.space)
    }

    private func startOfScalar(before end: Int, in bytes: ArraySlice<UInt8>) -> Int {
        var start = end - 1
        while start > bytes.startIndex, bytes[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    /// `\w` of Unicode Technical Standard 18: alphabetic, mark, decimal digit, connector, or joiner.
    private func isWordCharacter(_ value: UInt32) -> Bool {
        if ScalarTable.shared[value].contains(.letter) { return true }
        guard let properties = Unicode.Scalar(value)?.properties else { return false }
        switch properties.generalCategory {
        // Letters that are not in the table are newer than the reference.
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return false
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return properties.isAlphabetic || properties.isJoinControl
        }
    }
}
