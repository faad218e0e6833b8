/// Mathematical text as bytes in which every character that matters is ASCII.
enum MathText {
    /// UTF-8 with unicode signs spelled as LaTeX or ASCII: minus signs, operators, spaces, vulgar fractions, digits.
    /// Invisible characters without meaning go; all else stays as it is, and will not parse as a number.
    static func normalized(_ text: some StringProtocol) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            if scalar.isASCII {
                bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            } else if let spelling = spellings[scalar] {
                bytes += spelling.utf8
            } else if (0xFF10...0xFF19).contains(scalar.value) {
                bytes.append(UInt8(truncatingIfNeeded: 0x30 + scalar.value - 0xFF10))
            } else if (0x2000...0x200A).contains(scalar.value) {
                bytes.append(0x20)
            } else {
                bytes += String(scalar).utf8
            }
        }
        return bytes
    }

    private static let spellings: [Unicode.Scalar: String] = [
        "\u{2212}": "-", "\u{2013}": "-", "\u{FE63}": "-", "\u{FF0D}": "-", "\u{FF0B}": "+", "\u{2044}": "/",
        "\u{2215}": "/", "÷": "/", "×": "\\times ", "·": "\\cdot ", "\u{22C5}": "\\cdot ", "\u{B0}": "^\\circ ",
        "\u{FF05}": "%", "\u{FF0E}": ".", "\u{FF1D}": "=", "\u{A0}": " ", "\u{202F}": " ", "\u{205F}": " ",
        "\u{3000}": " ", "\u{FEFF}": "", "\u{200B}": "", "\u{2060}": "", "½": "\\frac{1}{2}", "⅓": "\\frac{1}{3}",
        "⅔": "\\frac{2}{3}", "¼": "\\frac{1}{4}", "¾": "\\frac{3}{4}", "⅕": "\\frac{1}{5}", "⅖": "\\frac{2}{5}",
        "⅗": "\\frac{3}{5}", "⅘": "\\frac{4}{5}", "⅙": "\\frac{1}{6}", "⅚": "\\frac{5}{6}", "⅛": "\\frac{1}{8}",
        "⅜": "\\frac{3}{8}", "⅝": "\\frac{5}{8}", "⅞": "\\frac{7}{8}",
    ]

    /// The text of bytes.
    static func string(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

    /// Commands around a whole answer that change its look and not its value.
    private static let wrappers = [
        "\\boxed", "\\fbox", "\\text", "\\textbf", "\\textit", "\\textrm", "\\mathbf", "\\mathrm", "\\mathit",
        "\\mathsf",
        "\\mbox", "\\boldsymbol",
    ].map { Array($0.utf8) }

    private static let prefixes = ["\\displaystyle", "\\textstyle", "\\color{red}", "\\color{blue}"].map {
        Array($0.utf8)
    }

    /// How many wrappers around each other are looked through.
    private static let maximumWrappers = 64

    /// The answer without what stands around it: spaces, closing punctuation, `$…$`, `\(…\)`, braces, bold, boxes.
    static func unwrapped(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        for _ in 0..<maximumWrappers {
            let before = rest.count
            rest = trimmed(rest)
            rest = withoutDelimiters(rest)
            if rest.count == before { break }
        }
        return rest
    }

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
    private static func isSpacing(_ byte: UInt8) -> Bool {
        byte == 0x2C || byte == 0x3B || byte == 0x3A || byte == 0x21 || byte == 0x20
    }

    private static let delimiters: [([UInt8], [UInt8])] = [
        ("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("`", "`"),
    ].map { (Array($0.0.utf8), Array($0.1.utf8)) }

    private static func withoutDelimiters(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        for (open, close) in delimiters
        where bytes.count >= open.count + close.count && bytes.starts(with: open)
            && bytes.suffix(close.count) == close[...]
        {
            let inside = bytes.dropFirst(open.count).dropLast(close.count)
            return inside.contains(open[0]) && open[0] != 0x5C ? bytes : inside
        }
        for prefix in prefixes where bytes.starts(with: prefix) { return bytes.dropFirst(prefix.count) }
        if let inside = inside(of: bytes, 0x7B, 0x7D) { return inside }
        for wrapper in wrappers where bytes.starts(with: wrapper) {
            if let inside = inside(of: trimmed(bytes.dropFirst(wrapper.count)), 0x7B, 0x7D) { return inside }
        }
        return bytes
    }

    /// Whether a text is one formula between dollar signs and nothing else.
    static func isFormula(_ text: String) -> Bool {
        let body = trimmed(Array(text.utf8)[...])
        return body.first == 0x24 && body.last == 0x24 && withoutDelimiters(body).count < body.count
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

    /// A spelling under which two texts that look the same are the same: without spaces that TeX ignores, `\left`,
    /// `\right`, `\displaystyle`; `\dfrac` and `\tfrac` as `\frac`. Braces, signs and digits are never dropped.
    static func canonical(_ text: some StringProtocol) -> String {
        var body = string(unwrapped(normalized(text)[...]))
        for (old, new) in [
            ("\\dfrac", "\\frac"), ("\\tfrac", "\\frac"), ("\\cfrac", "\\frac"), ("\\left", ""), ("\\right", ""),
            ("\\displaystyle", ""), ("\\,", " "), ("\\;", " "), ("\\!", ""), ("\\:", " "), ("\\ ", " "), ("{,}", ","),
        ] {
            body = replacing(old, with: new, in: body)
        }
        let source = Array(body.utf8)
        var result: [UInt8] = []
        var blank = false
        for byte in source {
            if byte <= 0x20 {
                blank = true
                continue
            }
            if blank, let last = result.last, isWord(last), isWord(byte) { result.append(0x20) }
            blank = false
            result.append(byte)
        }
        if let letter = inside(of: result[...], 0x28, 0x29), letter.count == 1, letter.allSatisfy(isLetter) {
            result = Array(letter)
        }
        return string(result)
    }

    /// Replaces a command, but not the beginning of a longer one (`\left` in `\leftarrow`).
    private static func replacing(_ old: String, with new: String, in text: String) -> String {
        let needle = Array(old.utf8)
        let source = Array(text.utf8)
        let isCommand = needle.last.map(isLetter) ?? false
        var result: [UInt8] = []
        var copied = 0
        for start in ByteSearch.all(of: needle, in: source) {
            let end = start + needle.count
            if isCommand, end < source.count, isLetter(source[end]) { continue }
            result += source[copied..<start]
            result += new.utf8
            copied = end
        }
        result += source[copied...]
        return string(result)
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A }
    static func isWord(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) || byte >= 0x80 }
}
