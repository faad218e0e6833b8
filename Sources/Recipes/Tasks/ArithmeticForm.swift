/// One of the four operations, and how it is printed.
struct ArithmeticOperator: Hashable, Sendable {
    enum Kind: String, Sendable {
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"

        var precedence: Int { self == .add || self == .subtract ? 1 : 2 }

        /// The exact result, or `nil` when it is not an integer or does not fit.
        func apply(_ a: Int, _ b: Int) -> Int? {
            let (value, overflow) =
                switch self {
                case .add: a.addingReportingOverflow(b)
                case .subtract: a.subtractingReportingOverflow(b)
                case .multiply: a.multipliedReportingOverflow(by: b)
                case .divide: b != 0 && !(a == .min && b == -1) && a % b == 0 ? (a / b, false) : (0, true)
                }
            return overflow ? nil : value
        }
    }

    let kind: Kind
    let symbol: String

    init(kind: Kind, symbol: String) {
        self.kind = kind
        self.symbol = symbol
    }

    init?(symbol: String) {
        switch symbol {
        case "+": kind = .add
        case "-", "−", "–": kind = .subtract
        case "*", "×", "·", "⋅": kind = .multiply
        case "/", "÷": kind = .divide
        default: return nil
        }
        self.symbol = symbol
    }
}

/// The form of an expression before its digits and operators are drawn.
///
/// As text: `d` is any digit, another lower-case letter one digit that is the same everywhere, `0`–`9` themselves; such
/// digits side by side are one number, which never begins with 0. `+ - * /` (also `− × ÷`) are operators, `±` is + or -,
/// `?` any of the allowed operators; `*` and `/` bind tighter, and parentheses group.
indirect enum ArithmeticForm: Sendable {
    enum Digit: Hashable, Sendable {
        case any
        case letter(Character)
        case fixed(Int)
    }

    /// A number of so many digits.
    case number(digits: ClosedRange<Int>)
    /// A number digit by digit.
    case digits([Digit])
    case binary([ArithmeticOperator], ArithmeticForm, ArithmeticForm)
    case group(ArithmeticForm)

    /// Why a text is not a form.
    struct Fault: Error {
        let message: String
    }

    /// Reads a form.
    static func parse(_ text: String, operators: [ArithmeticOperator]) throws(Fault) -> ArithmeticForm {
        guard text.utf8.count <= 200 else {
            throw Fault(message: "a form has at most 200 bytes, got \(text.utf8.count)")
        }
        var parser = FormParser(characters: Array(text), operators: operators)
        return try parser.parse()
    }
}

/// Recursive descent over a form's text.
private struct FormParser {
    let characters: [Character]
    let operators: [ArithmeticOperator]
    var position = 0
    var depth = 0

    init(characters: [Character], operators: [ArithmeticOperator]) {
        self.characters = characters
        self.operators = operators
    }

    func fault(_ expected: String) -> ArithmeticForm.Fault {
        let got = position < characters.count ? "'\(characters[position])'" : "the end"
        return .init(message: "expected \(expected) at character \(position + 1), got \(got)")
    }

    mutating func parse() throws(ArithmeticForm.Fault) -> ArithmeticForm {
        let form = try sum()
        guard peek() == nil else { throw fault("an operator") }
        if case .digits = form { throw .init(message: "has no operator; expected a form such as (dd ± dd) × d") }
        return form
    }

    mutating func peek() -> Character? {
        while position < characters.count, characters[position] == " " { position += 1 }
        return position < characters.count ? characters[position] : nil
    }

    mutating func sum() throws(ArithmeticForm.Fault) -> ArithmeticForm {
        var form = try product()
        while let choices = choices(precedence: 1) {
            position += 1
            form = .binary(choices, form, try product())
        }
        return form
    }

    mutating func product() throws(ArithmeticForm.Fault) -> ArithmeticForm {
        var form = try factor()
        while let choices = choices(precedence: 2) {
            position += 1
            form = .binary(choices, form, try factor())
        }
        return form
    }

    /// The operators that the next character stands for. `?` is read as binding like +, whatever is drawn for it;
    /// parentheses are printed where that needs them.
    mutating func choices(precedence: Int) -> [ArithmeticOperator]? {
        guard let character = peek() else { return nil }
        if character == "±" {
            return precedence == 1 ? [.init(kind: .add, symbol: "+"), .init(kind: .subtract, symbol: "-")] : nil
        }
        if character == "?" { return precedence == 1 ? operators : nil }
        guard let single = ArithmeticOperator(symbol: String(character)), single.kind.precedence == precedence else {
            return nil
        }
        return [single]
    }

    mutating func factor() throws(ArithmeticForm.Fault) -> ArithmeticForm {
        if peek() == "(" {
            guard depth < 16 else { throw .init(message: "parentheses are nested deeper than 16") }
            depth += 1
            position += 1
            let inner = try sum()
            guard peek() == ")" else { throw fault("')'") }
            position += 1
            depth -= 1
            return .group(inner)
        }
        let start = position
        var digits: [ArithmeticForm.Digit] = []
        while position < characters.count, let digit = Self.digit(characters[position]) {
            digits.append(digit)
            position += 1
        }
        guard !digits.isEmpty else { throw fault("a number (such as dd) or '('") }
        if digits.count > 9 || (digits[0] == .fixed(0) && digits.count > 1) {
            position = start
            throw fault("a number of at most 9 digits that doesn't begin with 0")
        }
        return .digits(digits)
    }

    static func digit(_ character: Character) -> ArithmeticForm.Digit? {
        switch character {
        case "d": .any
        case "a"..."z": character.isASCII ? .letter(character) : nil
        case "0"..."9": character.isASCII ? character.wholeNumberValue.map { .fixed($0) } : nil
        default: nil
        }
    }
}
