/// Where a number in prose ends: its sign, currency, digits, groups, decimals, power of ten, fraction, and percent sign.
/// What it is worth is the parser's affair.
struct NumberSpan {
    private let bytes: [UInt8]
    private var position: Int

    /// The end of the number that begins at an offset; `nil` if none does, or if it is malformed (`4 4/0`, `11.0 4/9`).
    static func end(in bytes: [UInt8], from start: Int) -> Int? {
        var span = NumberSpan(bytes: bytes, position: start)
        return span.number() ? span.position : nil
    }

    private mutating func number() -> Bool {
        if current == 0x2D || current == 0x2B { position += 1 }
        skipBlanks()
        if take("\\$") || take("$") { if current == 0x2D { position += 1 } }
        skipBlanks()
        guard magnitude() else { return false }
        let end = position
        skipBlanks()
        if !(take("\\%") || take("%") || takeWord(["percentage", "percent", "pct"])) { position = end }
        return true
    }

    private mutating func magnitude() -> Bool {
        if isAtFraction { return fraction() }
        let start = position
        guard let hasPoint = literal() else { return false }
        if bytes[start..<position].elementsEqual("10".utf8), take("^") { return exponent() }
        if scientific() { return true }
        if current == 0x2F { return quotient() }
        let end = position
        skipBlanks()
        if isAtFraction { return !hasPoint && fraction() }
        if position > end, isDigit(at: position) {
            // A mixed number or nothing: `4 4/9`, not `4 5`.
            return !hasPoint && literal() == false && current == 0x2F && quotient()
        }
        if current == 0x2F { return quotient() }
        position = end
        return true
    }

    private mutating func quotient() -> Bool {
        position += 1
        skipBlanks()
        return literal() != nil
    }

    private static let fractions = ["\\frac", "\\dfrac", "\\tfrac", "\\cfrac"].map { Array($0.utf8) }

    private var isAtFraction: Bool { Self.fractions.contains { ByteSearch.matches($0, in: bytes, at: position) } }

    /// `\frac` with its two arguments.
    private mutating func fraction() -> Bool {
        while let byte = current, byte == 0x5C || MathText.isLetter(byte) { position += 1 }
        for _ in 0..<2 {
            skipBlanks()
            if current == 0x7B {
                guard let close = Self.closing(bytes, position) else { return false }
                position = close + 1
            } else if isDigit(at: position) {
                position += 1
            } else {
                return false
            }
        }
        return true
    }

    private static func closing(_ bytes: [UInt8], _ start: Int) -> Int? {
        var depth = 0
        for index in start..<min(bytes.count, start + 1000) {
            if bytes[index] == 0x7B { depth += 1 }
            if bytes[index] == 0x7D {
                depth -= 1
                if depth == 0 { return index }
            }
        }
        return nil
    }

    /// Digits with groups and decimals; whether there was a point.
    private mutating func literal() -> Bool? {
        let start = position
        skipDigits()
        if (1...3).contains(position - start), bytes[start] != 0x30 { groups() }
        var hasPoint = false
        if current == 0x2E, isDigit(at: position + 1) {
            hasPoint = true
            position += 1
            skipDigits()
        }
        return position > start ? hasPoint : nil
    }

    private static let separators = [",\\!", "\\!,", "{,}", ",", "\\,", "\\ ", " "].map { Array($0.utf8) }

    private mutating func groups() {
        guard let separator = Self.separators.first(where: { groupEnd(after: $0) != nil }) else { return }
        while let end = groupEnd(after: separator) { position = end }
    }

    private func groupEnd(after separator: [UInt8]) -> Int? {
        guard ByteSearch.matches(separator, in: bytes, at: position) else { return nil }
        var first = position + separator.count
        if separator.count == 3 { while first < bytes.count, bytes[first] == 0x20 { first += 1 } }
        for offset in 0..<3 where !isDigit(at: first + offset) { return nil }
        guard !isDigit(at: first + 3) else { return nil }
        if separator == [0x20], first + 3 < bytes.count, bytes[first + 3] == 0x2F { return nil }
        return first + 3
    }

    /// `e23`, `\times 10^{23}`.
    private mutating func scientific() -> Bool {
        let start = position
        if let byte = current, byte | 0x20 == 0x65 {
            position += 1
            if current == 0x2D || current == 0x2B { position += 1 }
            if isDigit(at: position) {
                skipDigits()
                return true
            }
        } else {
            skipBlanks()
            if take("\\times") || take("\\cdot") || take("*") {
                skipBlanks()
                if take("10^"), exponent() { return true }
            }
        }
        position = start
        return false
    }

    private mutating func exponent() -> Bool {
        let isGroup = take("{")
        if current == 0x2D || current == 0x2B { position += 1 }
        guard isDigit(at: position) else { return false }
        skipDigits()
        return !isGroup || take("}")
    }

    // MARK: Cursor

    private var current: UInt8? { bytes.indices.contains(position) ? bytes[position] : nil }

    private func isDigit(at index: Int) -> Bool { bytes.indices.contains(index) && MathText.isDigit(bytes[index]) }

    private mutating func skipDigits() { while isDigit(at: position) { position += 1 } }

    private mutating func skipBlanks() {
        while true {
            if let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x7E {
                position += 1
            } else if current == 0x5C, position + 1 < bytes.count, MathText.isSpacing(bytes[position + 1]) {
                position += 2
            } else {
                return
            }
        }
    }

    private mutating func take(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard bytes.count - position >= count else { return false }
        return text.withUTF8Buffer { needle in
            for index in 0..<count where bytes[position + index] != needle[index] { return false }
            position += count
            return true
        }
    }

    private mutating func takeWord(_ words: [String]) -> Bool {
        for word in words where ByteSearch.matches(Array(word.utf8), in: bytes, at: position) {
            let end = position + word.utf8.count
            guard end >= bytes.count || !MathText.isLetter(bytes[end]) else { continue }
            position = end
            return true
        }
        return false
    }
}
