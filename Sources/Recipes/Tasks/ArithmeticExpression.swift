/// An expression with its digits drawn: how it is printed, its exact value, and its key.
struct ArithmeticExpression: Sendable {
    let text: String
    let value: Int
    /// Without layout, and with the sides of + and * in a fixed order.
    let key: String
    let precedence: Int
    /// The working, one operation a line: `47 + 35 = 82`.
    var steps: [String] = []

    /// Draws digits and operators; `nil` when they happen to have no exact value.
    static func draw(_ form: ArithmeticForm, random: inout TaskRandom) -> ArithmeticExpression? {
        var letters: [Character: Int] = [:]
        return draw(form, random: &random, letters: &letters)
    }

    private static func draw(
        _ form: ArithmeticForm, random: inout TaskRandom, letters: inout [Character: Int]
    ) -> ArithmeticExpression? {
        switch form {
        case .number(let digits): return number(random.integer(in: bounds(random.integer(in: digits))))
        case .digits(let digits): return number(digits, random: &random, letters: &letters)
        case .group(let inner):
            guard let inner = draw(inner, random: &random, letters: &letters) else { return nil }
            return .init(
                text: "(\(inner.text))", value: inner.value, key: inner.key, precedence: 3, steps: inner.steps)
        case .binary(let choices, let left, let right):
            let symbol = random.element(of: choices)
            if symbol.kind == .divide { return quotient(symbol, left, right, random: &random, letters: &letters) }
            guard let a = draw(left, random: &random, letters: &letters),
                let b = draw(right, random: &random, letters: &letters)
            else { return nil }
            return combine(symbol, a, b)
        }
    }

    /// Division must be exact, which random numbers seldom are: so a plain dividend is made from divisor and quotient, and
    /// for a composite one a divisor is looked for.
    private static func quotient(
        _ symbol: ArithmeticOperator, _ left: ArithmeticForm, _ right: ArithmeticForm, random: inout TaskRandom,
        letters: inout [Character: Int]
    ) -> ArithmeticExpression? {
        if let digits = freeDigits(left, random: &random) {
            guard let divisor = draw(right, random: &random, letters: &letters), divisor.value != 0 else { return nil }
            let bounds = bounds(digits)
            let size = abs(divisor.value)
            let least = (bounds.lowerBound + size - 1) / size
            let greatest = bounds.upperBound / size
            guard least <= greatest else { return nil }
            return combine(symbol, number(size * random.integer(in: least...greatest)), divisor)
        }
        guard let dividend = draw(left, random: &random, letters: &letters) else { return nil }
        let isSimple = freeDigits(right, random: &random) != nil
        for _ in 0..<(isSimple ? 16 : 1) {
            guard let divisor = draw(right, random: &random, letters: &letters) else { return nil }
            if let result = combine(symbol, dividend, divisor) { return result }
        }
        return nil
    }

    /// How many digits a plain number has whose digits are all free.
    private static func freeDigits(_ form: ArithmeticForm, random: inout TaskRandom) -> Int? {
        switch form {
        case .number(let digits): random.integer(in: digits)
        case .digits(let digits): digits.allSatisfy { $0 == .any } ? digits.count : nil
        default: nil
        }
    }

    private static func combine(
        _ symbol: ArithmeticOperator, _ a: ArithmeticExpression, _ b: ArithmeticExpression
    ) -> ArithmeticExpression? {
        guard let value = symbol.kind.apply(a.value, b.value) else { return nil }
        let precedence = symbol.kind.precedence
        // A random operator (`?`) may bind tighter than its sides.
        let left = a.precedence < precedence ? "(\(a.text))" : a.text
        let right = b.precedence <= precedence ? "(\(b.text))" : b.text
        var keys = [a.key, b.key]
        if symbol.kind == .add || symbol.kind == .multiply { keys.sort() }
        return .init(
            text: "\(left) \(symbol.symbol) \(right)", value: value,
            key: "(\(keys[0])\(symbol.kind.rawValue)\(keys[1]))",
            precedence: precedence,
            steps: a.steps + b.steps + ["\(a.value) \(symbol.symbol) \(b.value) = \(value)"])
    }

    private static func number(_ value: Int) -> ArithmeticExpression {
        .init(text: String(value), value: value, key: String(value), precedence: 3)
    }

    private static func number(
        _ digits: [ArithmeticForm.Digit], random: inout TaskRandom, letters: inout [Character: Int]
    ) -> ArithmeticExpression? {
        var value = 0
        for (place, digit) in digits.enumerated() {
            let drawn: Int
            switch digit {
            case .any: drawn = random.integer(in: (place == 0 ? 1 : 0)...9)
            case .fixed(let fixed): drawn = fixed
            case .letter(let letter):
                drawn = letters[letter] ?? random.integer(in: (place == 0 ? 1 : 0)...9)
                letters[letter] = drawn
                if place == 0, drawn == 0 { return nil }
            }
            value = value * 10 + drawn
        }
        return number(value)
    }

    /// The numbers of so many digits, without 0.
    private static func bounds(_ digits: Int) -> ClosedRange<Int> {
        var least = 1
        for _ in 1..<max(digits, 1) { least *= 10 }
        return least...(least * 10 - 1)
    }
}
