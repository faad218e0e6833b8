extension PatternParser {
    /// An escape outside a class.
    mutating func parseEscape() throws(PatternError) -> PatternTree {
        let start = position
        position += 1
        guard let scalar = current else { throw fault("bad escape (end of pattern)", at: start) }
        let asciiOnly = options.contains(.asciiOnly)
        switch scalar {
        case "A": position += 1; return .assertion(.textStart)
        case "Z": position += 1; return .assertion(.textEnd)
        case "b": position += 1; return .assertion(.wordBoundary(asciiOnly: asciiOnly))
        case "B": position += 1; return .assertion(.notWordBoundary(asciiOnly: asciiOnly))
        case "1"..."9":
            if let value = try octal(digits: 3, exactly: true) { return literal(value) }
            throw fault(.unsupported, "backreferences are not supported", at: start)
        default: break
        }
        switch try parseCommonEscape(from: start) {
        case .scalar(let value): return literal(value)
        case let item: return .scalar(ScalarSet([item], ignoresCase: options.contains(.ignoreCase)))
        }
    }

    /// A class in brackets.
    mutating func parseClass() throws(PatternError) -> ScalarSet {
        let start = position
        position += 1
        let isNegated = skip("^")
        var items: [ScalarSet.Item] = []
        var isFirst = true
        while true {
            guard let scalar = current else { throw fault("unterminated character set", at: start) }
            if scalar == "]", !isFirst { break }
            isFirst = false
            let itemStart = position
            let low = try parseClassItem()
            guard current == "-", let next = self.scalar(after: 1), next != "]" else {
                items.append(low)
                continue
            }
            position += 1
            let high = try parseClassItem()
            guard case .scalar(let first) = low, case .scalar(let last) = high, first <= last else {
                throw fault("bad character range", at: itemStart)
            }
            items.append(.range(first...last))
        }
        position += 1
        return ScalarSet(items, isNegated: isNegated, ignoresCase: options.contains(.ignoreCase))
    }

    private mutating func parseClassItem() throws(PatternError) -> ScalarSet.Item {
        guard let scalar = current else { throw fault("unterminated character set") }
        let start = position
        position += 1
        guard scalar == "\\" else { return .scalar(scalar.value) }
        switch current {
        case "b":
            position += 1
            return .scalar(0x08)
        case let digit? where digit >= "1" && digit <= "9":
            guard let value = try octal(digits: 3, exactly: false) else { throw fault("bad escape", at: start) }
            return .scalar(value)
        default: return try parseCommonEscape(from: start)
        }
    }

    /// The escapes that mean the same inside and outside a class; the place is behind the backslash.
    private mutating func parseCommonEscape(from start: Int) throws(PatternError) -> ScalarSet.Item {
        guard let scalar = current else { throw fault("bad escape (end of pattern)", at: start) }
        let asciiOnly = options.contains(.asciiOnly)
        if scalar == "0" { return .scalar(try octal(digits: 3, exactly: false) ?? 0) }
        position += 1
        switch scalar {
        case "d": return .category(.digit, isNegated: false, asciiOnly: asciiOnly)
        case "D": return .category(.digit, isNegated: true, asciiOnly: asciiOnly)
        case "s": return .category(.space, isNegated: false, asciiOnly: asciiOnly)
        case "S": return .category(.space, isNegated: true, asciiOnly: asciiOnly)
        case "w": return .category(.word, isNegated: false, asciiOnly: asciiOnly)
        case "W": return .category(.word, isNegated: true, asciiOnly: asciiOnly)
        case "a": return .scalar(0x07)
        case "f": return .scalar(0x0C)
        case "n": return .scalar(0x0A)
        case "r": return .scalar(0x0D)
        case "t": return .scalar(0x09)
        case "v": return .scalar(0x0B)
        case "x": return .scalar(try hexadecimal(digits: 2, from: start))
        case "u": return .scalar(try hexadecimal(digits: 4, from: start))
        case "U": return .scalar(try hexadecimal(digits: 8, from: start))
        case "N": throw fault(.unsupported, "names of characters are not supported; use \\uXXXX", at: start)
        case "A"..."Z", "a"..."z": throw fault("bad escape \\\(scalar)", at: start)
        default: return .scalar(scalar.value)
        }
    }

    private mutating func hexadecimal(digits: Int, from start: Int) throws(PatternError) -> UInt32 {
        var value: UInt64 = 0
        for _ in 0..<digits {
            guard let scalar = current, let digit = Character(scalar).hexDigitValue, scalar.isASCII else {
                throw fault("incomplete escape; expected \(digits) hexadecimal digits", at: start)
            }
            value = value << 4 | UInt64(digit)
            position += 1
        }
        guard value <= 0x10FFFF else { throw fault("bad escape: beyond U+10FFFF", at: start) }
        return UInt32(value)
    }

    /// Up to three octal digits; `nil`, and nothing read, if there are none (or not exactly as many).
    private mutating func octal(digits: Int, exactly: Bool) throws(PatternError) -> UInt32? {
        let start = position
        var value: UInt32 = 0
        while position - start < digits, let scalar = current, scalar.value >= 0x30, scalar.value < 0x38 {
            value = value * 8 + scalar.value - 0x30
            position += 1
        }
        guard position > start, !exactly || position - start == digits else {
            position = start
            return nil
        }
        guard value <= 0o377 else { throw fault("octal escape outside of range 0-0o377", at: start) }
        return value
    }
}
