/// A number as Jinja spells it: decimal, binary, octal or hexadecimal, with `_` between digits.
struct NumberLiteral {
    let token: TemplateToken
    let end: Int

    /// Reads the literal that begins with the digit at `start`.
    init(_ source: [Unicode.Scalar], at start: Int) throws(ChatTemplateError) {
        var index = start
        func scalar(_ at: Int) -> Unicode.Scalar? { at < source.count ? source[at] : nil }
        func isDigit(_ at: Int, radix: Int = 10) -> Bool {
            guard let value = scalar(at), value.isASCII else { return false }
            return Int(String(value), radix: radix) != nil && value != "+" && value != "-"
        }
        func digits(radix: Int = 10) -> String {
            var text = ""
            while isDigit(index, radix: radix) || scalar(index) == "_" && isDigit(index + 1, radix: radix) {
                if source[index] != "_" { text.unicodeScalars.append(source[index]) }
                index += 1
            }
            return text
        }
        let radixes: [Unicode.Scalar: Int] = ["b": 2, "B": 2, "o": 8, "O": 8, "x": 16, "X": 16]
        if source[start] == "0", let mark = scalar(start + 1), let radix = radixes[mark],
            isDigit(start + 2, radix: radix)
        {
            index = start + 2
            token = .integer(try Self.integer(digits(radix: radix), radix: radix))
            end = index
            return
        }
        let whole = digits()
        var text = whole
        let followsDot = start > 0 && source[start - 1] == "."
        if !followsDot {
            if scalar(index) == ".", isDigit(index + 1) {
                index += 1
                text += "." + digits()
            }
            if scalar(index) == "e" || scalar(index) == "E" {
                let isSigned = scalar(index + 1) == "+" || scalar(index + 1) == "-"
                if isDigit(index + (isSigned ? 2 : 1)) {
                    text += isSigned && source[index + 1] == "-" ? "e-" : "e"
                    index += isSigned ? 2 : 1
                    text += digits()
                }
            }
        }
        end = index
        if text == whole {
            guard whole.first != "0" || !whole.contains(where: { $0 != "0" }) else {
                throw ChatTemplateError(.syntax, "the number '\(whole.prefix(40))' begins with 0")
            }
            token = .integer(try Self.integer(whole, radix: 10))
        } else {
            token = .double(Double(text) ?? .infinity)
        }
    }

    private static func integer(_ text: String, radix: Int) throws(ChatTemplateError) -> Int {
        guard let value = Int(text, radix: radix) else {
            throw ChatTemplateError(.limit, "the number '\(text.prefix(40))' does not fit 64 bits")
        }
        return value
    }
}

/// A backslash escape of a string literal, as Python reads it.
struct StringEscape {
    let scalars: [Unicode.Scalar]
    let end: Int

    /// Reads the escape whose backslash is at `start`.
    init(_ source: [Unicode.Scalar], at start: Int) throws(ChatTemplateError) {
        guard start + 1 < source.count else { throw ChatTemplateError(.syntax, "a string ends inside an escape") }
        let mark = source[start + 1]
        let simple: [Unicode.Scalar: Unicode.Scalar] = [
            "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"", "a": "\u{07}", "b": "\u{08}",
            "f": "\u{0C}", "v": "\u{0B}",
        ]
        let hexLengths: [Unicode.Scalar: Int] = ["x": 2, "u": 4, "U": 8]
        if let scalar = simple[mark] {
            (scalars, end) = ([scalar], start + 2)
        } else if mark == "\n" {
            (scalars, end) = ([], start + 2)
        } else if let length = hexLengths[mark] {
            var value: UInt32 = 0
            for offset in 0..<length {
                let index = start + 2 + offset
                guard index < source.count, let digit = Character(source[index]).hexDigitValue, value < 0x0100_0000
                else {
                    throw ChatTemplateError(.syntax, "expected \(length) hexadecimal digits after '\\\(mark)'")
                }
                value = value << 4 | UInt32(digit)
            }
            // Lone surrogates, which Python strings can hold, become the replacement character.
            (scalars, end) = ([Unicode.Scalar(value) ?? "\u{FFFD}"], start + 2 + length)
        } else if mark.isASCII, ("0"..."7").contains(mark) {
            var value: UInt32 = 0
            var index = start + 1
            while index < source.count, index < start + 4, source[index].isASCII, ("0"..."7").contains(source[index]) {
                value = value * 8 + source[index].value - 48
                index += 1
            }
            (scalars, end) = ([Unicode.Scalar(value) ?? "\u{FFFD}"], index)
        } else if mark == "N" {
            throw ChatTemplateError(.unsupported, "the escape '\\N{…}' is not supported; write '\\u' and the number")
        } else {
            (scalars, end) = (["\\", mark], start + 2)
        }
    }
}
