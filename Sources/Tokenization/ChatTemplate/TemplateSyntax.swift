/// An expression of a template. Its depth is bounded by the parser, so walking (and freeing) it can't exhaust the stack.
final class TemplateExpression: Sendable {
    /// The forms of an expression.
    enum Kind: Sendable {
        case none
        case bool(Bool)
        case integer(Int)
        case double(Double)
        case string(String)
        case name(String)
        case list([TemplateExpression])
        case tuple([TemplateExpression])
        case dictionary([(key: TemplateExpression, value: TemplateExpression)])
        case attribute(TemplateExpression, String)
        case item(TemplateExpression, TemplateExpression)
        case slice(TemplateExpression, start: TemplateExpression?, stop: TemplateExpression?, step: TemplateExpression?)
        case call(TemplateExpression, CallSyntax)
        case filter(TemplateExpression, String, CallSyntax)
        case test(TemplateExpression, String, CallSyntax)
        case not(TemplateExpression)
        case negative(TemplateExpression)
        case positive(TemplateExpression)
        case binary(TemplateExpression, String, TemplateExpression)
        case concatenation([TemplateExpression])
        case comparison(TemplateExpression, [(operation: String, operand: TemplateExpression)])
        case and(TemplateExpression, TemplateExpression)
        case or(TemplateExpression, TemplateExpression)
        case conditional(TemplateExpression, condition: TemplateExpression, otherwise: TemplateExpression?)
    }

    let kind: Kind
    let line: Int
    let depth: Int

    init(_ kind: Kind, line: Int, depth: Int) {
        self.kind = kind
        self.line = line
        self.depth = depth
    }
}

/// The arguments of a call, filter or test.
struct CallSyntax: Sendable {
    var positional: [TemplateExpression] = []
    var named: [(name: String, value: TemplateExpression)] = []
    /// `*list`
    var spread: TemplateExpression?
    /// `**dictionary`
    var spreadNamed: TemplateExpression?

    var all: [TemplateExpression] { positional + named.map(\.value) + [spread, spreadNamed].compactMap { $0 } }
}

/// What an assignment, a loop or a macro parameter writes to.
indirect enum TemplateTarget: Sendable {
    case name(String)
    case attribute(of: String, String)
    case tuple([TemplateTarget])
}

/// A statement with its line.
struct TemplateStatement: Sendable {
    /// The forms of a statement.
    indirect enum Kind: Sendable {
        case text(String)
        case output([TemplateExpression])
        case set(TemplateTarget, TemplateExpression)
        case setBlock(TemplateTarget, filters: [FilterSyntax], body: [TemplateStatement])
        case condition([(test: TemplateExpression, body: [TemplateStatement])], otherwise: [TemplateStatement])
        case loop(LoopSyntax)
        case macro(MacroSyntax)
        case callBlock(MacroSyntax, callee: TemplateExpression, CallSyntax)
        case filterBlock([FilterSyntax], body: [TemplateStatement])
        case with([(target: TemplateTarget, value: TemplateExpression)], body: [TemplateStatement])
        case generation([TemplateStatement])
        case breakLoop
        case continueLoop
    }

    let kind: Kind
    let line: Int
}

/// A filter applied to the output of a block.
struct FilterSyntax: Sendable {
    let name: String
    let arguments: CallSyntax
    let line: Int
}

/// A `for` loop.
struct LoopSyntax: Sendable {
    let target: TemplateTarget
    let iterable: TemplateExpression
    let filter: TemplateExpression?
    let body: [TemplateStatement]
    let otherwise: [TemplateStatement]
}

/// A macro, or the body of a `call` block.
struct MacroSyntax: Sendable {
    let name: String
    let parameters: [(name: String, fallback: TemplateExpression?)]
    let body: [TemplateStatement]
    /// Which of `varargs`, `kwargs` and `caller` the body reads: only then may they be passed.
    let specialNames: Set<String>
}
