import BigInt

// MARK: - Powers and what stands behind a factor

extension Parser {
    /// A factor with its powers, subscripts, factorials, percent and degree signs.
    mutating func postfix() throws(MathSyntaxError) -> Expression {
        var value = try nested { (parser) throws(MathSyntaxError) in try parser.primary() }
        for _ in 0...Self.maximumChain {
            switch current {
            case .sign("^"):
                position += 1
                if takeDegree() {
                    value = try minutes(after: value)
                } else if isSign("'") {
                    continue
                } else {
                    value = .power(value, try exponent())
                }
            case .sign("_"):
                position += 1
                value = try subscripted(value)
            case .sign("!") where !isSpaced && !isSign("=", at: 1):
                position += 1
                value = .call(.factorial, [value])
            case .sign("%"), .word("percent"), .word("pct"), .word("percentage"), .text("percent"), .text("pct"):
                position += 1
                value = .percent(value)
            case .sign("'"):
                guard case .symbol(let name) = value else { throw MathSyntaxError("a prime after no name") }
                position += 1
                value = try application(of: name + "'")
            case .command("circ"):
                position += 1
                value = try minutes(after: value)
            default: return value
            }
        }
        throw MathSyntaxError("too many powers")
    }

    /// `\circ` or `{\circ}`, with the letter of a temperature left alone.
    private mutating func takeDegree() -> Bool {
        if take(.command("circ")) { return true }
        guard isSign("{"), isCommand("circ", at: 1), isSign("}", at: 2) else { return false }
        position += 3
        return true
    }

    /// Degrees, and the minutes after them: `22^\circ 30'`.
    private mutating func minutes(after value: Expression) throws(MathSyntaxError) -> Expression {
        guard case .number(let literal)? = current, literal.isDigits, isSign("'", at: 1),
            let minutes = literal.value, let part = Rational(1, over: 60)
        else { return .degrees(value) }
        position += 2
        return .degrees(.sum(of: [value, .number(minutes * part)]))
    }

    /// The exponent; powers of powers group to the right.
    private mutating func exponent() throws(MathSyntaxError) -> Expression {
        let value = try argument(wide: true)
        guard takeSign("^") else { return value }
        return .power(value, try nested { (parser) throws(MathSyntaxError) in try parser.exponent() })
    }

    private mutating func subscripted(_ value: Expression) throws(MathSyntaxError) -> Expression {
        let name = try subscriptText()
        switch value {
        case .symbol(let symbol): return try application(of: symbol + "_" + name)
        case .number, .decimal:
            guard case .number(let literal)? = lastNumber, literal.isDigits, let base = Self.base(name) else {
                throw MathSyntaxError("a subscript behind a number that is no base")
            }
            return try based(literal.whole, base)
        case .product(let factors) where factors.count > 1:
            throw MathSyntaxError("a subscript behind a product")
        default: throw MathSyntaxError("a subscript behind no name")
        }
    }

    private var lastNumber: Token? {
        var index = position - 1
        while index >= 0 {
            if case .sign("_") = tokens[index].token { return index > 0 ? tokens[index - 1].token : nil }
            index -= 1
        }
        return nil
    }

    func based(_ digits: String, _ base: Int) throws(MathSyntaxError) -> Expression {
        let digits = String(digits.uppercased().drop { $0 == "0" })
        guard (2...36).contains(base), digits.allSatisfy({ ($0.hexDigitValue ?? 99) < base || base > 16 }) else {
            throw MathSyntaxError("a digit that its base does not have")
        }
        return .based(digits.isEmpty ? "0" : digits, base: base)
    }

    static func base(_ name: String) -> Int? {
        if let base = Int(name) { return (2...36).contains(base) ? base : nil }
        return [
            "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
            "eleven": 11, "twelve": 12, "sixteen": 16,
        ][name.lowercased()]
    }

    /// A subscript as a name: its tokens, spelled without blanks.
    private mutating func subscriptText() throws(MathSyntaxError) -> String {
        guard takeSign("{") else {
            guard let token = current else { throw MathSyntaxError("an empty subscript") }
            if case .number(var literal) = token, literal.isDigits, literal.whole.utf8.count > 1, position > 0,
                !isPlainBase(literal)
            {
                let first = String(literal.whole.removeFirst())
                tokens[position].token = .number(literal)
                return first
            }
            position += 1
            return Self.spelling(token)
        }
        var text = ""
        var open = 1
        while let token = current {
            position += 1
            if token == .sign("{") { open += 1 }
            if token == .sign("}") {
                open -= 1
                if open == 0 {
                    guard !text.isEmpty else { throw MathSyntaxError("an empty subscript") }
                    return text
                }
            }
            text += Self.spelling(token)
            guard text.utf8.count <= 256 else { throw MathSyntaxError("a long subscript") }
        }
        throw MathSyntaxError("an open subscript")
    }

    /// `101_16` in plain text.
    private func isPlainBase(_ literal: Literal) -> Bool {
        guard position >= 2, case .number = tokens[position - 2].token else { return false }
        return Self.base(literal.whole) != nil
    }

    static func spelling(_ token: Token) -> String {
        switch token {
        case .number(let literal): literal.whole + (literal.fraction.map { "." + $0 } ?? "")
        case .symbol(let text), .word(let text), .text(let text): text
        case .command(let name): "\\" + name
        case .begin(let name), .end(let name): name
        case .sign(let sign): String(sign)
        }
    }

    /// A name, or the unknown function of that name with its arguments.
    mutating func application(of name: String) throws(MathSyntaxError) -> Expression {
        if isSign("_"), !name.contains("_") { return .symbol(name) }
        let isFunction =
            name.hasSuffix("'") || Self.functionNames.contains(String(name.prefix { $0 != "_" && $0 != "'" }))
        guard isFunction, isSign("("), !isSpaced else { return .symbol(name) }
        let arguments = try bracketed()
        if case .tuple(let members) = arguments { return .apply(name, members) }
        return .apply(name, [arguments])
    }

    /// Letters that before a parenthesis are functions; any other letter is a factor.
    private static let functionNames: Set<String> = ["f", "g", "F", "G"]
}

// MARK: - Arguments and groups

extension Parser {
    /// What a command or `^` takes: a group, one token, and with `wide` a sign, a whole number or a parenthesis as well.
    mutating func argument(wide: Bool, takesSubscript: Bool = true) throws(MathSyntaxError) -> Expression {
        if wide {
            var isNegative = false
            while isSign("-") || isSign("+") {
                if isSign("-") { isNegative.toggle() }
                position += 1
            }
            if isNegative { return try argument(wide: true).negated }
            if isSign("(") { return try nested { (parser) throws(MathSyntaxError) in try parser.bracketed() } }
        }
        switch current {
        case .sign("{"):
            let value = try nested { (parser) throws(MathSyntaxError) in try parser.group() }
            if case .set(let members) = value, members.count == 1 { return members[0] }  // x^{\left\{3 + 1\right\}}
            return value
        case .number(var literal):
            if !wide, literal.isDigits, literal.whole.utf8.count > 1 {
                let first = String(literal.whole.removeFirst())
                tokens[position].token = .number(literal)
                return .number(Rational(BigInt(first) ?? 0))
            }
            position += 1
            return try Self.value(literal)
        case .symbol, .command, .word, .text, .begin:
            let value = try nested { (parser) throws(MathSyntaxError) in try parser.primary() }
            if wide, takesSubscript, takeSign("_"), case .symbol(let name) = value {
                return .symbol(name + "_" + (try subscriptText()))
            }
            return value
        default: throw MathSyntaxError("an argument is missing")
        }
    }

    /// `{…}`.
    mutating func group() throws(MathSyntaxError) -> Expression {
        try expectSign("{")
        let (bars, builder) = (openBars, isInBuilder)
        (openBars, isInBuilder) = (0, false)
        let value = try list()
        (openBars, isInBuilder) = (bars, builder)
        try expectSign("}")
        return value
    }

    /// A literal's value.
    static func value(_ literal: Literal) throws(MathSyntaxError) -> Expression {
        guard let value = literal.value else {
            guard let mantissa = literal.mantissa, let exponent = literal.exponent else {
                throw MathSyntaxError("no number")
            }
            return .product([.number(mantissa), .power(.integer(10), .integer(exponent))])
        }
        guard let fraction = literal.fraction, literal.exponent == nil, literal.repetend.isEmpty else {
            return .number(value)
        }
        let digits = (literal.whole + fraction).drop { $0 == "0" }.utf8.count
        return .decimal(value, places: fraction.utf8.count, digits: digits)
    }
}

extension Literal {
    /// The exact value; `nil` if the power of ten is too large to be written out.
    var value: Rational? {
        if let exponent, abs(exponent) > 4096 { return nil }
        guard let mantissa else { return nil }
        guard let exponent else { return mantissa }
        return Rational(10).power(exponent).map { mantissa * $0 }
    }

    /// The value without the power of ten.
    var mantissa: Rational? {
        let places = fraction?.utf8.count ?? 0
        guard let digits = BigInt(whole + (fraction ?? "") + (whole.isEmpty && fraction == nil ? "0" : "")) else {
            return repetend.isEmpty ? nil : repeating(BigInt(0), places)
        }
        return repetend.isEmpty ? Rational(digits: digits, exponent: -places) : repeating(digits, places)
    }

    private func repeating(_ digits: BigInt, _ places: Int) -> Rational? {
        guard let period = BigInt(repetend) else { return nil }
        let nines = BigInt(10).power(repetend.utf8.count) - 1
        return Rational(digits * nines + period, over: nines * BigInt(10).power(places))
    }
}
