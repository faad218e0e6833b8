/// Finds the last boxed answer in one pass over the bytes.
enum BoxScanner {
    enum Result: Equatable {
        /// No box at all.
        case none
        /// The last box was begun and not closed.
        case open
        /// The contents of the last box, or of the boxes joined into a list, in order, and where the last one ends.
        case boxes([Range<Int>], end: Int)
    }

    private struct Box {
        let start: Int
        let content: Range<Int>
        let end: Int
    }

    /// Boxes of one list that are collected; a longer list equals no answer anyway.
    private static let maximumList = 256

    private static let commands = ["\\boxed", "\\fbox", "\\framebox"].map { Array($0.utf8) }

    /// The last box, or the last boxes that are joined into a list. In a gold answer (`isGold`), boxes side by side or with
    /// a few words between them are a list as well: there, nobody tries one answer after the other.
    static func lastBoxes(in bytes: [UInt8], isGold: Bool = false) -> Result {
        var closed: [Box] = []
        var open: [(start: Int, content: Int, isBox: Bool)] = []
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case 0x5C:  // backslash: a box, or an escaped character
                guard let (content, isGroup) = box(in: bytes, at: index) else {
                    // \\\\boxed: a doubled backslash before a box.
                    index += box(in: bytes, at: index + 1) == nil ? 2 : 1
                    continue
                }
                if isGroup {
                    open.append((index, content, true))
                } else {
                    closed.append(Box(start: index, content: content..<content + 1, end: content + 1))
                    index = content
                    break
                }
                index = content - 1
            case 0x7B: open.append((index, index + 1, false))
            case 0x7D:
                if let last = open.popLast(), last.isBox {
                    while let inner = closed.last, inner.start > last.start { closed.removeLast() }
                    closed.append(Box(start: last.start, content: last.content..<index, end: index + 1))
                }
            default: break
            }
            index += 1
        }
        let lastOpen = open.last { $0.isBox }?.start
        guard let last = closed.last else { return lastOpen == nil ? .none : .open }
        if let lastOpen, lastOpen > last.start { return .open }
        var list = [last]
        for box in closed.dropLast().reversed() {
            guard list.count < maximumList, let next = list.last, isJoint(bytes[box.end..<next.start], isGold: isGold)
            else { break }
            list.append(box)
        }
        return .boxes(list.reversed().map(\.content), end: last.end)
    }

    /// The box command at an offset: where its content begins, and whether it stands in braces. `\boxed 5` boxes one token.
    private static func box(in bytes: [UInt8], at start: Int) -> (content: Int, isGroup: Bool)? {
        // Most backslashes are settled by one look.
        guard start + 1 < bytes.count, bytes[start + 1] == 0x62 || bytes[start + 1] == 0x66 else { return nil }
        guard let command = commands.first(where: { ByteSearch.matches($0, in: bytes, at: start) }) else { return nil }
        var index = start + command.count
        while index < bytes.count, bytes[index] == 0x20 { index += 1 }
        guard index < bytes.count else { return nil }
        if bytes[index] == 0x7B { return (index + 1, true) }
        return MathText.isDigit(bytes[index]) ? (index, false) : nil
    }

    /// Whether the text between two boxes joins them: and, or, commas, with math delimiters and blanks around, and perhaps
    /// the name of the second, as in `and y =`.
    private static func isJoint(_ bytes: ArraySlice<UInt8>, isGold: Bool) -> Bool {
        guard bytes.count <= 64 else { return false }
        var rest = MathText.string(bytes).lowercased()
        for noise in ["\\text", "\\quad", "\\(", "\\)", "\\[", "\\]", "\\,", "\\;", "\\ ", "$", "{", "}", "*"] {
            rest = rest.split(separator: noise, omittingEmptySubsequences: false).joined(separator: " ")
        }
        var words = rest.split { $0 == "," || $0 == ";" || $0.isWhitespace }
        let hasComma = rest.contains { $0 == "," || $0 == ";" }
        if let last = words.last, last.hasSuffix("=") {
            words.removeLast()
            if last == "=", let name = words.last, name.utf8.count <= 4, name != "and", name != "or" {
                words.removeLast()
            }
            guard last.utf8.count <= 5 else { return false }
        }
        let joints = words.count { $0 == "and" || $0 == "or" }
        if isGold, words.isEmpty || joints > 0 && words.count <= 4 { return true }
        return joints == words.count && (hasComma || joints > 0)
    }
}
