/// The words of mathematical text.
enum Token: Hashable {
    case number(Literal)
    /// One variable: a letter, a Greek letter (`\alpha`), or a run of capitals (`AB`).
    case symbol(String)
    /// A run of letters that is no variable: a function's name, a conjunction, prose.
    case word(String)
    /// A LaTeX command, without the backslash, in its usual spelling; `{` and `}` are `\{` and `\}`, `\` is `\\`.
    case command(String)
    /// What stands in `\text{…}` and its like.
    case text(String)
    case begin(String)
    case end(String)
    /// One ASCII sign.
    case sign(Unicode.Scalar)
}

/// A number as it was written.
struct Literal: Hashable {
    /// The digits before the point, without separators.
    var whole: String
    /// Whether they were parted into groups.
    var isGrouped = false
    /// The digits after the point; `nil` without a point.
    var fraction: String?
    /// Digits that repeat forever after those.
    var repetend = ""
    /// The power of ten of `6.02e23`.
    var exponent: Int?

    /// Whether it is a plain run of digits.
    var isDigits: Bool { fraction == nil && exponent == nil && !isGrouped && repetend.isEmpty }

    /// Whether it is a whole number without a point.
    var isInteger: Bool { fraction == nil && exponent == nil && repetend.isEmpty }
}

/// A token and whether white space or the end of a line stood before it.
struct Lexeme: Hashable {
    var token: Token
    let spaced: Bool
    let onNewLine: Bool
}
