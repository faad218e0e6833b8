extension JSONValue {
    /// How the text is laid out.
    public enum Style: Sendable {
        /// No space at all: `{"a":1,"b":[2,3]}`. One line of a JSON Lines file.
        case compact
        /// A space after `,` and `:`, as Python's `json.dumps` writes by default.
        case spaced
        /// One element a line, indented by the given number of spaces.
        case pretty(Int)
    }

    /// The JSON text of this value. Numbers that JSON can't hold (NaN, infinities) are written as Python does.
    public func text(_ style: Style = .compact) -> String {
        var output = ""
        write(to: &output, style: style, depth: 0)
        return output
    }

    private func write(to output: inout String, style: Style, depth: Int) {
        switch self {
        case .null: output += "null"
        case .bool(let value): output += value ? "true" : "false"
        case .integer(let value): output += String(value)
        case .double(let value): output += Self.pythonSpelling(of: value)
        case .string(let value): Self.writeQuoted(value, to: &output)
        case .array(let elements):
            writeList("[", "]", elements.count, to: &output, style: style, depth: depth) { index, output in
                elements[index].write(to: &output, style: style, depth: depth + 1)
            }
        case .object(let object):
            writeList("{", "}", object.count, to: &output, style: style, depth: depth) { index, output in
                let key = object.keys[index]
                Self.writeQuoted(key, to: &output)
                if case .compact = style { output += ":" } else { output += ": " }
                (object[key] ?? .null).write(to: &output, style: style, depth: depth + 1)
            }
        }
    }

    private func writeList(
        _ open: String, _ close: String, _ count: Int, to output: inout String, style: Style, depth: Int,
        element: (Int, inout String) -> Void
    ) {
        output += open
        for index in 0..<count {
            if index > 0 {
                if case .spaced = style { output += ", " } else { output += "," }
            }
            if case .pretty(let width) = style { output += "\n" + String(repeating: " ", count: width * (depth + 1)) }
            element(index, &output)
        }
        if case .pretty(let width) = style, count > 0 {
            output += "\n" + String(repeating: " ", count: width * depth)
        }
        output += close
    }

    private static func writeQuoted(_ text: String, to output: inout String) {
        output += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case "\u{08}": output += "\\b"
            case "\u{0C}": output += "\\f"
            case "\u{00}"..."\u{1F}":
                let hex = String(scalar.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: output.unicodeScalars.append(scalar)
            }
        }
        output += "\""
    }

    /// A double as Python's `repr` spells it: the shortest digits that read back, `1e-07`, `1e+16`, `-0.0`, `3.0`.
    public static func pythonSpelling(of value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        let (negative, digits, exponent) = shortestDigits(of: value)
        let sign = negative ? "-" : ""
        guard !digits.isEmpty else { return sign + "0.0" }
        if exponent < -4 || exponent >= 16 {
            let fraction = digits.dropFirst()
            let magnitude = String(abs(exponent))
            return sign + String(digits[0]) + (fraction.isEmpty ? "" : "." + String(fraction))
                + (exponent < 0 ? "e-" : "e+") + (magnitude.count < 2 ? "0" : "") + magnitude
        }
        if exponent < 0 {
            return sign + "0." + String(repeating: "0", count: -exponent - 1) + String(digits)
        }
        let whole = exponent + 1
        if digits.count <= whole {
            return sign + String(digits) + String(repeating: "0", count: whole - digits.count) + ".0"
        }
        return sign + String(digits[..<whole]) + "." + String(digits[whole...])
    }

    /// The shortest decimal digits of a finite double without leading or trailing zeros, and the exponent of the first.
    private static func shortestDigits(of value: Double) -> (negative: Bool, digits: [Character], exponent: Int) {
        let text = value.description
        let mantissa = text.prefix { $0 != "e" }
        var exponent = Int(text.dropFirst(mantissa.count + 1)) ?? 0
        let unsigned = mantissa.drop { $0 == "-" }
        let whole = unsigned.prefix { $0 != "." }
        var digits = Array(whole) + Array(unsigned.dropFirst(whole.count + 1))
        exponent += whole.count - 1
        while digits.first == "0" {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.last == "0" { digits.removeLast() }
        return (value.sign == .minus, digits, exponent)
    }
}
