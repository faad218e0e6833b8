/// Formulas in prose: `$…$`, `$$…$$`, `\(…\)` and `\[…\]`.
struct FormulaSpan: Hashable {
    /// Longest formula that is taken for an answer, in bytes.
    static let maximumBytes = 2000

    /// What stands between the delimiters.
    let content: Range<Int>
    /// The formula with its delimiters.
    let whole: Range<Int>

    /// The formulas of a text in order, in one pass.
    static func all(in bytes: [UInt8], _ range: Range<Int>) -> [FormulaSpan] {
        var spans: [FormulaSpan] = []
        var open: (start: Int, content: Int, kind: UInt8)?
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = bytes[index]
            let next = index + 1 < range.upperBound ? bytes[index + 1] : 0
            if byte == 0x5C, next != 0x28, next != 0x29, next != 0x5B, next != 0x5D {
                index += 2
                continue
            }
            guard let (kind, length, opens, closes) = delimiter(byte, next) else {
                if byte == 0x0A, open?.kind == 0x24 { open = nil }  // `$…$` does not span lines
                index += 1
                continue
            }
            if let begun = open, closes, begun.kind == kind {
                if index > begun.content {
                    spans.append(FormulaSpan(content: begun.content..<index, whole: begun.start..<index + length))
                }
                open = nil
            } else if opens {
                open = (index, index + length, kind)
            }
            index += length
        }
        return spans.filter { $0.content.count <= maximumBytes }
    }

    private static func delimiter(_ byte: UInt8, _ next: UInt8) -> (UInt8, length: Int, opens: Bool, closes: Bool)? {
        switch (byte, next) {
        case (0x24, 0x24): (1, 2, true, true)
        case (0x24, _): (0x24, 1, true, true)
        case (0x5C, 0x28): (2, 2, true, false)
        case (0x5C, 0x29): (2, 2, false, true)
        case (0x5C, 0x5B): (3, 2, true, false)
        case (0x5C, 0x5D): (3, 2, false, true)
        default: nil
        }
    }

    /// The last formulas of a range: one, or several that are joined by and, or, commas into one answer; with the percent
    /// sign behind them. `nil` if there is none.
    static func last(in bytes: [UInt8], _ range: Range<Int>) -> (text: String, isList: Bool, whole: Range<Int>)? {
        let spans = all(in: bytes, range)
        guard let last = spans.last else { return nil }
        var chain = [last]
        for span in spans.dropLast().reversed() {
            guard chain.count < 64, let next = chain.last, isJoint(bytes[span.whole.upperBound..<next.whole.lowerBound])
            else { break }
            chain.append(span)
        }
        chain.reverse()
        let (percent, end) = percentSign(in: bytes, after: last.whole.upperBound, limit: range.upperBound)
        let texts = chain.map { MathText.string(MathText.trimmed(bytes[$0.content])) }
        return (texts.joined(separator: ", ") + percent, chain.count > 1, chain[0].whole.lowerBound..<end)
    }

    private static func isJoint(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.count <= 24 else { return false }
        let text = MathText.string(bytes).lowercased()
        let words = text.split { $0 == "," || $0 == ";" || $0.isWhitespace }
        guard words.allSatisfy({ $0 == "and" || $0 == "or" }) else { return false }
        return !words.isEmpty || text.contains { $0 == "," || $0 == ";" }
    }

    /// A percent sign or word behind a formula or box, in LaTeX, and where it ends.
    static func percentSign(in bytes: [UInt8], after start: Int, limit: Int) -> (String, end: Int) {
        var index = start
        while index < limit, [0x20, 0x24, 0x7E].contains(bytes[index]) { index += 1 }
        if index + 1 < limit, bytes[index] == 0x5C, bytes[index + 1] == 0x29 { index += 2 }
        while index < limit, bytes[index] == 0x20 { index += 1 }
        for word in ["%", "\\%", "percentage", "percent", "pct"] {
            let end = index + word.utf8.count
            guard end <= limit, ByteSearch.matches(Array(word.utf8), in: bytes, at: index) else { continue }
            if end < limit, MathText.isLetter(bytes[end]) { continue }
            let follows = ByteSearch.matches(Array(" point".utf8), in: bytes, at: end)
            return follows ? ("", start) : ("\\%", end)
        }
        return ("", start)
    }
}
