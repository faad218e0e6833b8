/// Mathematical text as bytes in which every character that matters is ASCII.
enum MathText {
    /// UTF-8 with unicode signs spelled as LaTeX or ASCII. Invisible characters without meaning go; all else stays as it
    /// is, and will not be read as mathematics: direction marks, combining strokes, control characters.
    static func normalized(_ text: some StringProtocol) -> [UInt8] {
        var bytes: [UInt8] = []
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return Array(text.utf8) }
        bytes.reserveCapacity(text.utf8.count)
        var script: UInt8 = 0  // ^ or _ while in a run of superscripts or subscripts
        for scalar in text.unicodeScalars {
            if scalar.isASCII {
                if script != 0 {
                    bytes.append(0x7D)
                    script = 0
                }
                bytes.append(UInt8(truncatingIfNeeded: scalar.value))
                continue
            }
            let raised = UnicodeSpelling.mayBeScript(scalar.value) ? UnicodeSpelling.scripts[scalar] : nil
            if let raised, raised.kind == script {
                bytes += raised.text.utf8
                continue
            }
            if script != 0 { bytes.append(0x7D) }
            script = raised?.kind ?? 0
            if let raised {
                bytes += [raised.kind, 0x7B]
                bytes += raised.text.utf8
            } else {
                UnicodeSpelling.append(scalar, to: &bytes)
            }
        }
        if script != 0 { bytes.append(0x7D) }
        return bytes
    }

    /// The text of bytes.
    static func string(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

    /// Without spaces (TeX's too) on both sides and without closing punctuation.
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while true {
            if let first = rest.first, first <= 0x20 || first == 0x7E {  // blank or ~
                rest = rest.dropFirst()
            } else if rest.first == 0x5C, let second = rest.dropFirst().first, isSpacing(second) {
                rest = rest.dropFirst(2)
            } else {
                break
            }
        }
        while let last = rest.last {
            let previous = rest.dropLast().last
            if previous == 0x5C, isSpacing(last) {
                rest = rest.dropLast(2)
            } else if last <= 0x20 || last == 0x7E {
                rest = rest.dropLast()
            } else if last == 0x2E || last == 0x2C || last == 0x3B || last == 0x3A, previous != 0x5C {  // . , ; :
                rest = rest.dropLast()
            } else {
                break
            }
        }
        return rest
    }

    /// Whether a byte after a backslash makes a space: `\,` `\;` `\:` `\!` and the control space.
    static func isSpacing(_ byte: UInt8) -> Bool {
        byte == 0x2C || byte == 0x3B || byte == 0x3A || byte == 0x21 || byte == 0x20
    }

    private static let delimiters: [([UInt8], [UInt8])] = [
        ("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("`", "`"), ("\"", "\""),
    ].map { (Array($0.0.utf8), Array($0.1.utf8)) }

    private static let wrappers = [
        "\\boxed", "\\fbox", "\\framebox", "\\text", "\\textbf", "\\textit", "\\textrm", "\\mathbf", "\\mathrm",
        "\\mathit", "\\mathsf", "\\mbox", "\\boldsymbol", "\\displaystyle",
    ].map { Array($0.utf8) }

    /// How many wrappers around each other are looked through.
    private static let maximumWrappers = 24

    /// The answer without what stands around it: spaces, closing punctuation, `$…$`, `\(…\)`, braces, bold, boxes.
    static func unwrapped(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        for _ in 0..<maximumWrappers {
            let before = rest.count
            rest = withoutDelimiters(trimmed(rest))
            if rest.count == before { break }
        }
        return rest
    }

    private static func withoutDelimiters(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        for (open, close) in delimiters
        where bytes.count >= open.count + close.count && bytes.starts(with: open)
            && bytes.suffix(close.count) == close[...]
        {
            let inside = bytes.dropFirst(open.count).dropLast(close.count)
            return inside.contains(open[0]) && open[0] != 0x5C ? bytes : inside
        }
        guard bytes.first == 0x5C else { return bytes }
        for wrapper in wrappers where bytes.starts(with: wrapper) {
            if let inside = inside(of: trimmed(bytes.dropFirst(wrapper.count)), 0x7B, 0x7D) { return inside }
        }
        return bytes
    }

    /// What is inside if one matched pair of brackets encloses the whole.
    static func inside(of bytes: ArraySlice<UInt8>, _ open: UInt8, _ close: UInt8) -> ArraySlice<UInt8>? {
        guard bytes.count >= 2, bytes.first == open, bytes.last == close else { return nil }
        var depth = 0
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == 0x5C {
                index += 2
                continue
            }
            if byte == open { depth += 1 }
            if byte == close {
                depth -= 1
                if depth == 0 { return index == bytes.endIndex - 1 ? bytes.dropFirst().dropLast() : nil }
            }
            index += 1
        }
        return nil
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A }
    static func isUpper(_ byte: UInt8) -> Bool { byte >= 0x41 && byte <= 0x5A }
    static func isWord(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) || byte >= 0x80 }
}
