/// One token of a template.
enum TemplateToken: Equatable, Sendable {
    /// Text outside of tags, after whitespace control.
    case data(String)
    /// `{{`
    case outputBegin
    /// `}}`
    case outputEnd
    /// `{%`
    case blockBegin
    /// `%}`
    case blockEnd
    /// An identifier or keyword.
    case name(String)
    /// A string literal with its escapes resolved.
    case string(String)
    /// An integer literal.
    case integer(Int)
    /// A literal with fraction or exponent.
    case double(Double)
    /// An operator or delimiter.
    case symbol(String)
    /// The end of the template.
    case end

    /// How an error message names the token.
    var spelling: String {
        switch self {
        case .data: "text"
        case .outputBegin: "'{{'"
        case .outputEnd: "'}}'"
        case .blockBegin: "'{%'"
        case .blockEnd: "'%}'"
        case .name(let name): "'\(name.prefix(60))'"
        case .string: "a string"
        case .integer, .double: "a number"
        case .symbol(let symbol): "'\(symbol)'"
        case .end: "the end of the template"
        }
    }
}

/// A token with its line.
struct LocatedToken: Sendable {
    let token: TemplateToken
    let line: Int
}
