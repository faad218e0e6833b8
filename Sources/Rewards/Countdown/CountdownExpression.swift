import BigInt

/// An arithmetic expression of whole numbers, `+ - * /` and parentheses, read and evaluated exactly.
///
///     expression = term { ("+" | "-") term }
///     term       = factor { ("*" | "/") factor }
///     factor     = "-" factor | "(" expression ")" | digits
///
/// `×`, `·`, `÷` and `−` count as operators, white space is free. Nothing else exists: no powers, no `//`, no decimals, no
/// names; a literal has ASCII digits and no leading zero. Nothing is ever handed to an evaluator of code.
struct CountdownExpression {
    /// Why a text is no such expression.
    enum Fault: Error, Equatable {
        case tooLong, tooDeep, tooManyNumbers, divisionByZero
        case unexpected(String)
    }

    /// A literal, and whether a minus stands right before it.
    struct Literal: Hashable {
        let value: Int
        let negated: Bool
    }

    /// Longest text in bytes, and most parentheses and minus signs inside one another.
    static let maximumBytes = 4096
    static let maximumDepth = 64

    /// The numbers that occur, in order.
    let literals: [Literal]
    /// The value in lowest terms is not needed: numerator and denominator (not 0).
    let numerator: BigInt
    let denominator: BigInt
    /// What stands after an equals sign at the end, such as `169` in `… = 169`.
    let claim: Int?

    /// Reads a text.
    ///
    /// - Parameter maximumNumbers: Literals after which reading stops, so that values stay small.
    init(_ text: some StringProtocol, maximumNumbers: Int) throws(Fault) {
        guard text.utf8.count <= Self.maximumBytes else { throw .tooLong }
        var parser = Parser(tokens: try Self.tokens(text), maximumNumbers: maximumNumbers)
        let value = try parser.expression(depth: 0)
        literals = parser.literals
        numerator = value.numerator
        denominator = value.denominator
        claim = try parser.claim()
    }

    /// Whether the value is exactly a whole number.
    func equals(_ target: Int) -> Bool { numerator == denominator * BigInt(target) }

    /// Whether each number is used exactly once, and no other. A number below 0 is met by a literal with its minus sign.
    func uses(exactly numbers: [Int]) -> Bool {
        guard literals.count == numbers.count else { return false }
        var open: [UInt: (plus: Int, minus: Int)] = [:]
        for number in numbers {
            if number < 0 {
                open[number.magnitude, default: (0, 0)].minus += 1
            } else {
                open[number.magnitude, default: (0, 0)].plus += 1
            }
        }
        for literal in literals.sorted(by: { !$0.negated && $1.negated }) {
            guard var left = open[literal.value.magnitude] else { return false }
            if left.minus > 0, literal.negated {
                left.minus -= 1
            } else if left.plus > 0 {
                left.plus -= 1
            } else {
                return false
            }
            open[literal.value.magnitude] = left
        }
        return true
    }
}

// MARK: - Tokens

extension CountdownExpression {
    enum Token: Equatable {
        case number(Int)
        case symbol(Character)
    }

    private static func tokens(_ text: some StringProtocol) throws(Fault) -> [Token] {
        var tokens: [Token] = []
        var digits = ""
        func flush() throws(Fault) {
            guard !digits.isEmpty else { return }
            guard digits.count <= 18, digits == "0" || !digits.hasPrefix("0"), let value = Int(digits) else {
                throw .unexpected(digits)
            }
            tokens.append(.number(value))
            digits = ""
        }
        for scalar in text.unicodeScalars {
            if (0x30...0x39).contains(scalar.value) {
                digits.unicodeScalars.append(scalar)
                continue
            }
            try flush()
            switch scalar {
            case " ", "\t", "\n", "\r", "\u{A0}": break
            case "+", "-", "*", "/", "(", ")", "=": tokens.append(.symbol(Character(scalar)))
            case "\u{2212}", "\u{2013}": tokens.append(.symbol("-"))
            case "×", "·", "\u{22C5}": tokens.append(.symbol("*"))
            case "÷": tokens.append(.symbol("/"))
            default: throw .unexpected(String(scalar))
            }
        }
        try flush()
        return tokens
    }
}

// MARK: - Grammar

extension CountdownExpression {
    private struct Fraction {
        var numerator: BigInt
        var denominator: BigInt
    }

    private struct Parser {
        let tokens: [Token]
        let maximumNumbers: Int
        var position = 0
        var literals: [Literal] = []

        init(tokens: [Token], maximumNumbers: Int) {
            self.tokens = tokens
            self.maximumNumbers = maximumNumbers
        }

        private var current: Token? { tokens.indices.contains(position) ? tokens[position] : nil }

        private mutating func take(_ symbol: Character) -> Bool {
            guard current == .symbol(symbol) else { return false }
            position += 1
            return true
        }

        private var unexpected: Fault {
            switch current {
            case nil: .unexpected("end")
            case .number(let value): .unexpected(String(value))
            case .symbol(let symbol): .unexpected(String(symbol))
            }
        }

        mutating func expression(depth: Int) throws(Fault) -> Fraction {
            var sum = try term(depth: depth)
            while true {
                if take("+") {
                    let next = try term(depth: depth)
                    sum.numerator = sum.numerator * next.denominator + next.numerator * sum.denominator
                    sum.denominator *= next.denominator
                } else if take("-") {
                    let next = try term(depth: depth)
                    sum.numerator = sum.numerator * next.denominator - next.numerator * sum.denominator
                    sum.denominator *= next.denominator
                } else {
                    return sum
                }
            }
        }

        private mutating func term(depth: Int) throws(Fault) -> Fraction {
            var product = try factor(depth: depth)
            while true {
                if take("*") {
                    let next = try factor(depth: depth)
                    product.numerator *= next.numerator
                    product.denominator *= next.denominator
                } else if take("/") {
                    let next = try factor(depth: depth)
                    guard !next.numerator.isZero else { throw .divisionByZero }
                    product.numerator *= next.denominator
                    product.denominator *= next.numerator
                } else {
                    return product
                }
            }
        }

        private mutating func factor(depth: Int, negated: Bool = false) throws(Fault) -> Fraction {
            guard depth < maximumDepth else { throw .tooDeep }
            if take("-") {
                var value = try factor(depth: depth + 1, negated: true)
                value.numerator.negate()
                return value
            }
            if take("(") {
                let value = try expression(depth: depth + 1)
                guard take(")") else { throw unexpected }
                return value
            }
            guard case .number(let value) = current else { throw unexpected }
            guard literals.count < maximumNumbers else { throw .tooManyNumbers }
            position += 1
            literals.append(Literal(value: value, negated: negated))
            return Fraction(numerator: BigInt(value), denominator: 1)
        }

        /// The end of the text, or `= number` and then the end.
        mutating func claim() throws(Fault) -> Int? {
            var claim: Int?
            if take("=") {
                let negative = take("-")
                guard case .number(let value) = current else { throw unexpected }
                position += 1
                claim = negative ? -value : value
            }
            guard current == nil else { throw unexpected }
            return claim
        }
    }
}
