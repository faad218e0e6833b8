import BigInt

// MARK: - The smallest parts

extension Parser {
    /// A number, a name, a bracket, or a command with its arguments.
    mutating func primary() throws(MathSyntaxError) -> Expression {
        guard let token = current else { throw MathSyntaxError("it ends where a value must be") }
        switch token {
        case .number(let literal):
            position += 1
            return try number(literal)
        case .symbol(let name):
            position += 1
            if let digits = hexadecimal(name, from: 0), digits.base == 16, digits.text.utf8.count > 1 {
                position += digits.tokens
                return try based(digits.text, digits.base)
            }
            return try named(name)
        case .sign("("), .sign("["), .sign("]"): return try bracketed()
        case .sign("{"): return try group()
        case .sign("|"), .command("left|"): return try absolute()
        case .sign("$"):
            position += 1
            return .quantity(try postfix(), "$")
        case .text(let text):
            position += 1
            return try words(text)
        case .word(let word):
            position += 1
            return try plain(word)
        case .begin(let name):
            position += 1
            return try environment(name)
        case .command(let name):
            position += 1
            return try command(name)
        default: throw MathSyntaxError("a sign where a value must be")
        }
    }

    private func named(_ name: String) -> Expression? {
        guard !indices.contains(name) else { return .symbol(name) }
        return name == "e" ? .constant(.e) : name == "i" ? .constant(.i) : nil
    }

    private mutating func named(_ name: String) throws(MathSyntaxError) -> Expression {
        if !isSign("_"), let constant: Expression = named(name) { return constant }
        return try application(of: name)
    }

    /// A number; a whole number with a proper fraction behind it is a mixed number.
    private mutating func number(_ literal: Literal) throws(MathSyntaxError) -> Expression {
        let value = try Self.value(literal)
        if literal.isDigits, case .symbol(let letters)? = current, !isSpaced, let digits = hexadecimal(letters, from: 1)
        {
            position += digits.tokens
            return try based(literal.whole + digits.text, digits.base)
        }
        guard let whole = value.literal else { return value }
        if isCommand("frac"), let part = wholeFraction() {
            guard literal.isInteger else { throw MathSyntaxError("a decimal with a fraction behind it") }
            guard let part = Self.proper(part.top, part.bottom) else {
                throw MathSyntaxError("an improper mixed number")
            }
            return .number(whole + part)
        }
        guard case .number(let top)? = current, isSpaced, isSign("/", at: 1), case .number(let bottom)? = peek(2) else {
            return value
        }
        guard literal.isInteger, top.isDigits, bottom.isDigits, !tokens[position].onNewLine,
            let part = Self.proper(top.value, bottom.value)
        else { throw MathSyntaxError("two numbers side by side") }
        position += 3
        return .number(whole + part)
    }

    private static func proper(_ top: Rational?, _ bottom: Rational?) -> Rational? {
        guard let top, let bottom, top < bottom else { return nil }
        return bottom.inverse.map { top * $0 }
    }

    /// The fraction ahead, if it is one of two whole numbers; else nothing is read. `\frac12` has two digits in one token.
    private mutating func wholeFraction() -> (top: Rational, bottom: Rational)? {
        if case .number(let digits)? = peek(1), digits.isDigits, digits.whole.utf8.count == 2 {
            guard let value = digits.value?.int else { return nil }
            position += 2
            return (Rational(value / 10), Rational(value % 10))
        }
        guard let (top, length) = wholeArgument(at: 1), let (bottom, rest) = wholeArgument(at: 1 + length) else {
            return nil
        }
        position += 1 + length + rest
        return (top, bottom)
    }

    /// A digit, or a whole number in braces, and how many tokens it takes.
    private func wholeArgument(at offset: Int) -> (Rational, Int)? {
        if case .number(let digit)? = peek(offset), digit.isDigits, digit.whole.utf8.count == 1 {
            return digit.value.map { ($0, 1) }
        }
        guard isSign("{", at: offset), case .number(let number)? = peek(offset + 1), number.isInteger,
            isSign("}", at: offset + 2)
        else { return nil }
        return number.value.map { ($0, 3) }
    }

    /// The letters of `2A_{16}`: hexadecimal digits whose base follows. `offset` is where the tokens after them are.
    private func hexadecimal(_ letters: String, from offset: Int) -> (text: String, base: Int, tokens: Int)? {
        var text = letters
        var count = offset
        while case .symbol(let more)? = peek(count), !tokens[position + count].spaced {
            text += more
            count += 1
        }
        if case .number(let more)? = peek(count), more.isDigits, !tokens[position + count].spaced {
            text += more.whole
            count += 1
        }
        guard text.utf8.count <= 64, isSign("_", at: count), text.allSatisfy({ $0.isHexDigit }) else { return nil }
        let isGroup = isSign("{", at: count + 1)
        guard case .number(let base)? = peek(count + (isGroup ? 2 : 1)), let value = Self.base(base.whole), value > 10,
            !isGroup || isSign("}", at: count + 3)
        else { return nil }
        return (text, value, count + (isGroup ? 4 : 2))
    }

    /// `(…)`, `[…]`, and half-open intervals of either school.
    mutating func bracketed() throws(MathSyntaxError) -> Expression {
        let isRound = isSign("(")
        let opensOut = isSign("]")
        position += 1
        let (bars, builder) = (openBars, isInBuilder)
        (openBars, isInBuilder) = (0, false)
        let content = try nested { (parser) throws(MathSyntaxError) in try parser.list() }
        (openBars, isInBuilder) = (bars, builder)
        guard case .sign(let close)? = current, close == ")" || close == "]" || close == "[" else {
            throw MathSyntaxError("an open bracket")
        }
        position += 1
        if case .list(let members, let joint) = content, joint == .comma {
            let isTuple = isRound && close == ")" || members.count != 2 && isRound == (close == ")")
            if isTuple { return .tuple(members) }
            guard members.count == 2 else { throw MathSyntaxError("brackets that don't match") }
            return .interval(
                members[0], members[1], lowerClosed: !isRound && !opensOut, upperClosed: close == "]")
        }
        guard isRound == (close == ")"), !opensOut, close != "[" else {
            throw MathSyntaxError("brackets that don't match")
        }
        return content
    }

    /// `|…|`.
    private mutating func absolute() throws(MathSyntaxError) -> Expression {
        position += 1
        openBars += 1
        let content = try nested { (parser) throws(MathSyntaxError) in try parser.sum() }
        openBars -= 1
        guard takeSign("|") || take(.command("right|")) else { throw MathSyntaxError("an open bar") }
        return .call(.abs, [content])
    }

    /// `\text{…}` as a value: mathematics if there is a digit in it, a currency before its number, else words.
    private mutating func words(_ text: String) throws(MathSyntaxError) -> Expression {
        if let unit = Units.canonical(text), "$€£¥₹".contains(unit), case .number? = current {
            return .quantity(try postfix(), unit)
        }
        let bytes = MathText.unwrapped(Array(text.utf8)[...])
        let isShort = bytes.count <= 3
        if isShort || bytes.count <= 256 && bytes.contains(where: MathText.isDigit),
            let value = try? Parser.parse(bytes, depth: depth + 1)
        {
            return value
        }
        return .text(AnswerReader.words(text))
    }

    private mutating func plain(_ word: String) throws(MathSyntaxError) -> Expression {
        switch word {
        case "pi": return .constant(.pi)
        case "infinity", "inf", "oo": return .constant(.infinity)
        case "sqrt": return .call(.root, [try argument(wide: true), .integer(2)])
        case "cbrt": return .call(.root, [try argument(wide: true), .integer(3)])
        default:
            guard let operation = CommandNames.functions[word] else { throw MathSyntaxError("a word") }
            return try function(operation, named: word)
        }
    }
}
