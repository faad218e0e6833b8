/// Reads an extracted answer: as mathematics if it is, else as words.
enum AnswerReader {
    /// Bytes of an answer that is read, after runs of blanks are made one.
    static let maximumBytes = 1 << 16
    /// Bytes of an answer in words.
    private static let maximumWords = 2048

    /// What an answer says; `nil` if it is neither mathematics nor words, or too long.
    static func read(_ text: String) -> Expression? {
        let bytes = MathText.unwrapped(condensed(MathText.normalized(text))[...])
        guard !bytes.isEmpty, bytes.count <= maximumBytes else { return nil }
        let body = withoutBrackets(bytes)
        if let value = try? Parser.parse(body) { return value }
        guard body.count <= maximumWords else { return nil }
        let words = words(MathText.string(bytes))
        // A formula that can't be read is no text.
        guard words.contains(where: \.isLetter), !words.contains(where: { "\\^_=<>|&".contains($0) }) else {
            return nil
        }
        return .text(words)
    }

    /// Whether a short text is nothing but mathematics.
    static func isMathematics(_ text: String) -> Bool {
        guard text.utf8.count <= FormulaSpan.maximumBytes else { return false }
        let bytes = MathText.unwrapped(MathText.normalized(text)[...])
        guard let value = try? Parser.parse(bytes) else { return false }
        return !value.contains {
            switch $0 {
            case .text: true
            case .quantity(_, let unit): !Units.isMeasure(unit)  // "9 eggs, 9 * 2 = 18" is prose
            default: false
            }
        }
    }

    /// Runs of blanks as one, so that a long answer of blanks is a short one.
    private static func condensed(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for byte in bytes where !(byte == 0x20 && result.last == 0x20) { result.append(byte) }
        return result
    }

    /// `((5))` as `5`: brackets around the whole answer cost no depth. Linear in the length.
    private static func withoutBrackets(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let opening = bytes.prefix { $0 == 0x28 || $0 == 0x7B }
        guard opening.count > 1, opening.count * 2 < bytes.count else { return bytes }
        var closing = [Int](repeating: -1, count: opening.count)  // where each of them is closed
        var open: [Int] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            switch bytes[index] {
            case 0x5C: index += 1
            case 0x28, 0x7B: open.append(index)
            case 0x29, 0x7D:
                guard let start = open.popLast() else { return bytes }
                let isPair = (bytes[start] == 0x28) == (bytes[index] == 0x29)
                if isPair, start - bytes.startIndex < closing.count { closing[start - bytes.startIndex] = index }
            default: break
            }
            index += 1
        }
        // The innermost pair stays: it may belong to what is inside.
        let count = closing.enumerated().prefix { $0.element == bytes.endIndex - 1 - $0.offset }.count
        return count > 1 ? bytes.dropFirst(count - 1).dropLast(count - 1) : bytes
    }

    /// Words in lower case with single blanks, without fonts, braces, and the full stop at the end.
    static func words(_ text: String) -> String {
        guard text.utf8.count <= 2 * maximumWords else { return text }
        var body = text
        for command in ["\\text", "\\mathrm", "\\textbf", "\\mbox", "\\textit", "\\mathbf"] where body.contains(command)
        {
            body = body.replacing(command + "{", with: "{")
        }
        var result = ""
        var blank = false
        for character in body.lowercased() {
            if character.isWhitespace || character == "{" || character == "}" || character == "$" || character == "~" {
                blank = blank || character.isWhitespace || character == "~"
                continue
            }
            if blank, !result.isEmpty { result.append(" ") }
            blank = false
            result.append(character)
        }
        while result.last == "." || result.last == " " { result.removeLast() }
        return result
    }
}
