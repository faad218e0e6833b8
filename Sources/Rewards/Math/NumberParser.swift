import BigInt

/// Reads one written number: integers, decimals, fractions (`a/b`, `\frac{a}{b}`), mixed numbers, thousands separators,
/// scientific notation, percent, currency. It never evaluates an expression: what is more than a number is refused.
struct NumberParser {
    private let bytes: [UInt8]
    private var position: Int

    private init(_ bytes: [UInt8], at position: Int) {
        self.bytes = bytes
        self.position = position
    }

    /// A number that makes up the whole text, apart from wrappers, `x =` before it and a unit after it.
    static func parse(_ text: some StringProtocol) -> ExactNumber? {
        guard text.utf8.count <= ExactNumber.Limit.bytes else { return nil }
        var body = MathText.unwrapped(MathText.normalized(text)[...])
        var variable: String?
        if let (name, rest) = NumberWords.assignment(body) {
            variable = name
            body = MathText.unwrapped(rest)
        }
        var depth = 0
        while depth < ExactNumber.Limit.depth, let inside = MathText.inside(of: body, 0x28, 0x29) {
            body = MathText.unwrapped(inside)
            depth += 1
        }
        var parser = NumberParser(Array(body), at: 0)
        guard var number = parser.number(depth: 0) else { return nil }
        let rest = parser.bytes[parser.position...]
        if !rest.allSatisfy({ $0 <= 0x20 }) {
            guard number.unit == nil, let unit = NumberWords.unit(rest) else { return nil }
            number.unit = unit
        }
        number.variable = variable
        return number
    }

    /// The number that begins at an offset, and where it ends. `bytes` are normalised text.
    static func prefix(of bytes: [UInt8], at start: Int) -> (number: ExactNumber, end: Int)? {
        var parser = NumberParser(bytes, at: start)
        guard let number = parser.number(depth: 0) else { return nil }
        return (number, parser.position)
    }

    // MARK: Grammar

    private mutating func number(depth: Int) -> ExactNumber? {
        var negative = sign()
        skipBlanks()
        let currency = take("\\$") || take("$") || take("€") || take("£")
        if currency, negative == nil { negative = sign() }
        skipBlanks()
        guard var number = magnitude(depth: depth) else { return nil }
        if negative == true { number.numerator.negate() }
        if currency { number.unit = "$" }
        let end = position
        skipBlanks()
        if take("\\%") || take("%") || takeWord(["percent", "percentage", "pct"]) {
            number.denominator *= 100
            number.decimalPlaces = nil
        } else {
            position = end
        }
        return number
    }

    /// `true` for minus, `false` for plus, `nil` for none.
    private mutating func sign() -> Bool? {
        if take("-") { return true }
        return take("+") ? false : nil
    }

    private mutating func magnitude(depth: Int) -> ExactNumber? {
        if isAtFraction { return fraction(depth: depth) }
        guard let literal = literal() else { return nil }
        if literal.isTen, take("^") { return exponentValue().flatMap { Self.decimal("1", "", exponent: $0) } }
        if let exponent = scientificExponent() {
            guard let exponent else { return nil }
            return Self.decimal(literal.whole, literal.fraction, exponent: exponent)
        }
        guard let value = Self.decimal(literal.whole, literal.fraction, exponent: 0) else { return nil }
        if current == 0x2F { return quotient(value) }
        let end = position
        skipBlanks()
        if isAtFraction {
            guard literal.fraction.isEmpty, !literal.hasPoint else { return nil }
            return fraction(depth: depth).flatMap { Self.mixed(value, $0) }
        }
        if position > end, let byte = current, MathText.isDigit(byte) {
            guard literal.fraction.isEmpty, !literal.hasPoint, let part = self.literal(), part.fraction.isEmpty,
                let numerator = Self.decimal(part.whole, "", exponent: 0), current == 0x2F,
                let proper = quotient(numerator)
            else { return nil }
            return Self.mixed(value, proper)
        }
        if current == 0x2F { return quotient(value) }
        position = end
        return value
    }

    /// `value / literal`, with the slash ahead.
    private mutating func quotient(_ value: ExactNumber) -> ExactNumber? {
        position += 1
        skipBlanks()
        guard let literal = literal(), let divisor = Self.decimal(literal.whole, literal.fraction, exponent: 0),
            !divisor.numerator.isZero
        else { return nil }
        return Self.divided(value, divisor)
    }

    private static let fractionCommands = ["\\frac", "\\dfrac", "\\tfrac", "\\cfrac"].map { Array($0.utf8) }

    private var isAtFraction: Bool {
        Self.fractionCommands.contains { ByteSearch.matches($0, in: bytes, at: position) }
    }

    private mutating func fraction(depth: Int) -> ExactNumber? {
        guard depth < ExactNumber.Limit.depth, take("\\frac") || take("\\dfrac") || take("\\tfrac") || take("\\cfrac"),
            let numerator = argument(depth: depth + 1), let divisor = argument(depth: depth + 1),
            !divisor.numerator.isZero
        else { return nil }
        return Self.divided(numerator, divisor)
    }

    /// A TeX argument: a number in braces, or a single digit.
    private mutating func argument(depth: Int) -> ExactNumber? {
        skipBlanks()
        guard let byte = current else { return nil }
        if MathText.isDigit(byte) {
            position += 1
            return Self.decimal(String(UnicodeScalar(byte)), "", exponent: 0)
        }
        guard take("{") else { return nil }
        skipBlanks()
        guard let value = number(depth: depth), value.unit == nil else { return nil }
        skipBlanks()
        return take("}") ? value : nil
    }

    /// `e5`, `\times 10^{5}` and the like. Outer `nil`: there is none; inner `nil`: there is one that can't be read.
    private mutating func scientificExponent() -> Int?? {
        let start = position
        if take("e") || take("E") {
            if let byte = current, MathText.isDigit(byte) || byte == 0x2B || byte == 0x2D {
                return .some(signedInteger())
            }
            position = start
            return nil
        }
        skipBlanks()
        if take("\\times") || take("\\cdot") || take("*") {
            skipBlanks()
            if take("10^") { return .some(exponentValue()) }
        }
        position = start
        return nil
    }

    private mutating func exponentValue() -> Int? {
        guard take("{") else { return signedInteger() }
        skipBlanks()
        let value = signedInteger()
        skipBlanks()
        return take("}") ? value : nil
    }

    private mutating func signedInteger() -> Int? {
        let negative = sign() ?? false
        let start = position
        skipDigits()
        guard position > start, position - start <= 6, let value = Int(MathText.string(bytes[start..<position])) else {
            return nil
        }
        return negative ? -value : value
    }
}

// MARK: - Literals

extension NumberParser {
    /// Digits with thousands separators taken out.
    private struct Literal {
        var whole: String
        var fraction: String
        var hasPoint: Bool
        var isTen: Bool { whole == "10" && !hasPoint }
    }

    private static let separators = [",\\!", "\\!,", "{,}", ",", "\\,", "\\ ", " "].map { Array($0.utf8) }

    private mutating func literal() -> Literal? {
        let start = position
        skipDigits()
        var whole = Array(bytes[start..<position])
        guard whole.count <= ExactNumber.Limit.digits else { return nil }
        if (1...3).contains(whole.count), whole.first != 0x30 { whole += groups() }
        guard whole.count <= ExactNumber.Limit.digits else { return nil }
        var fraction: ArraySlice<UInt8> = []
        var hasPoint = false
        if current == 0x2E, let next = byte(at: position + 1), MathText.isDigit(next) {
            hasPoint = true
            position += 1
            let first = position
            skipDigits()
            fraction = bytes[first..<position]
        }
        guard !whole.isEmpty || hasPoint, fraction.count <= ExactNumber.Limit.digits else { return nil }
        return Literal(whole: MathText.string(whole), fraction: MathText.string(fraction), hasPoint: hasPoint)
    }

    /// Groups of exactly three digits, all after the same separator.
    private mutating func groups() -> [UInt8] {
        guard let separator = Self.separators.first(where: { isGroup(after: $0) }) else { return [] }
        var digits: [UInt8] = []
        while isGroup(after: separator), digits.count <= ExactNumber.Limit.digits {
            let first = position + separator.count
            digits += bytes[first..<first + 3]
            position = first + 3
        }
        return digits
    }

    private func isGroup(after separator: [UInt8]) -> Bool {
        guard ByteSearch.matches(separator, in: bytes, at: position) else { return false }
        let first = position + separator.count
        for offset in 0..<3 {
            guard let digit = byte(at: first + offset), MathText.isDigit(digit) else { return false }
        }
        guard let next = byte(at: first + 3) else { return true }
        // A blank may also part a mixed number's fraction: in `2 100/300`, 100 is no group.
        return !MathText.isDigit(next) && !(separator == [0x20] && next == 0x2F)
    }

    private static func decimal(_ whole: String, _ fraction: String, exponent: Int) -> ExactNumber? {
        guard abs(exponent) <= ExactNumber.Limit.exponent, let digits = BigInt(whole + fraction) else { return nil }
        let shift = exponent - fraction.count
        var number = ExactNumber(
            numerator: shift > 0 ? digits * BigInt(10).power(shift) : digits,
            denominator: shift < 0 ? BigInt(10).power(-shift) : 1)
        if exponent == 0 {
            number.decimalPlaces = fraction.count
            number.significantDigits = (whole + fraction).drop { $0 == "0" }.count
        }
        return number
    }

    private static func divided(_ a: ExactNumber, _ b: ExactNumber) -> ExactNumber {
        let flips = b.numerator.sign == .minus
        let denominator = a.denominator * BigInt(b.numerator.magnitude)
        return ExactNumber(numerator: a.numerator * b.denominator * (flips ? -1 : 1), denominator: denominator)
    }

    /// `whole + part`, if the part is a proper fraction.
    private static func mixed(_ whole: ExactNumber, _ part: ExactNumber) -> ExactNumber? {
        guard part.numerator.sign == .plus, part.numerator < part.denominator else { return nil }
        return ExactNumber(
            numerator: whole.numerator * part.denominator + part.numerator, denominator: part.denominator)
    }

    // MARK: Cursor

    private var current: UInt8? { byte(at: position) }

    private func byte(at index: Int) -> UInt8? { bytes.indices.contains(index) ? bytes[index] : nil }

    private mutating func skipDigits() {
        while let byte = current, MathText.isDigit(byte) { position += 1 }
    }

    private mutating func skipBlanks() {
        while true {
            if let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x7E {
                position += 1
            } else if current == 0x5C, let next = byte(at: position + 1), [0x2C, 0x3B, 0x3A, 0x21, 0x20].contains(next)
            {
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

    private mutating func takeWord(_ words: Set<String>) -> Bool {
        var end = position
        while end - position <= 12, let byte = byte(at: end), MathText.isLetter(byte) { end += 1 }
        guard end > position, words.contains(MathText.string(bytes[position..<end])) else { return false }
        position = end
        return true
    }
}
