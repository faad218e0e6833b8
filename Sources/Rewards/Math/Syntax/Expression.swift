/// What an answer says, as a tree. Nothing is evaluated; sums and products are flat, so the tree is never deeper than the
/// brackets of the text.
package indirect enum Expression: Hashable, Sendable {
    /// An exact number.
    case number(Rational)
    /// A number written with a decimal point: its exact value, the digits after the point, and the significant digits.
    case decimal(Rational, places: Int, digits: Int)
    /// A variable, such as `x`, `\alpha`, `x_1` or `AB`.
    case symbol(String)
    /// π, e, i or ∞.
    case constant(Constant)
    case sum([Expression])
    case product([Expression])
    case power(Expression, Expression)
    /// A known function of its arguments.
    case call(Operation, [Expression])
    /// An unknown function of its arguments, such as `f(x)`.
    case apply(String, [Expression])
    /// A sum or product over an index.
    case repeated(Repetition, body: Expression, index: String, from: Expression, to: Expression)
    /// `±e` (`upper`) or `∓e`.
    case plusMinus(Expression, upper: Bool)
    case percent(Expression)
    case degrees(Expression)
    /// A value with its unit, spelled as `Units` spells it.
    case quantity(Expression, String)
    /// Digits in a base other than the decimal system's unmarked one.
    case based(String, base: Int)
    /// Words, lower case, single blanks.
    case text(String)
    case list([Expression], Joint)
    case tuple([Expression])
    case set([Expression])
    case interval(Expression, Expression, lowerClosed: Bool, upperClosed: Bool)
    case setOperation(SetOperation, Expression, Expression)
    /// All values of a variable for which a condition holds.
    case builder(String, Expression)
    case reals
    case matrix([[Expression]])
    /// A chain of relations: one operand more than relations.
    case relation([Expression], [Relation])
    case ratio([Expression])
    /// A value modulo another: `3 \pmod 7`.
    case residue(Expression, Expression)

    /// Constants that are no rational numbers.
    package enum Constant: String, Sendable { case pi, e, i, infinity }

    /// How the members of a list are joined.
    package enum Joint: Sendable { case comma, and, or }

    /// Sums and products over an index.
    package enum Repetition: Sendable { case sum, product }

    /// Operations on sets.
    package enum SetOperation: Sendable { case union, intersection, difference }

    /// Relations.
    package enum Relation: Sendable {
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual, element

        /// The relation that holds when the sides are exchanged.
        var reversed: Relation {
            switch self {
            case .less: .greater
            case .lessOrEqual: .greaterOrEqual
            case .greater: .less
            case .greaterOrEqual: .lessOrEqual
            default: self
            }
        }

        var isOrder: Bool {
            switch self {
            case .less, .lessOrEqual, .greater, .greaterOrEqual: true
            default: false
            }
        }
    }

    /// Functions with a meaning.
    package enum Operation: String, Sendable, CaseIterable {
        case abs, root, log, exp, sin, cos, tan, cot, sec, csc
        case arcsin, arccos, arctan, arccot, arcsec, arccsc
        case sinh, cosh, tanh, coth, sech, csch, arsinh, arcosh, artanh
        case floor, ceil, gcd, lcm, max, min, mod, binomial, factorial, sign, re, im, conjugate
    }

    package static let zero = Expression.number(.zero)
    package static let one = Expression.number(.one)

    /// A whole number.
    package static func integer(_ value: Int) -> Expression { .number(Rational(value)) }

    /// The exact value of a literal.
    package var literal: Rational? {
        switch self {
        case .number(let value): value
        case .decimal(let value, _, _): value
        default: nil
        }
    }

    /// A flat product; an empty one is 1.
    package static func product(of factors: [Expression]) -> Expression {
        let flat = factors.flatMap { factor -> [Expression] in
            if case .product(let inner) = factor { inner } else { [factor] }
        }
        return flat.count == 1 ? flat[0] : .product(flat)
    }

    /// A flat sum.
    package static func sum(of terms: [Expression]) -> Expression {
        let flat = terms.flatMap { term -> [Expression] in if case .sum(let inner) = term { inner } else { [term] } }
        return flat.count == 1 ? flat[0] : .sum(flat)
    }

    /// The opposite value; a literal stays a literal.
    package var negated: Expression {
        switch self {
        case .number(let value): .number(-value)
        case .decimal(let value, let places, let digits): .decimal(-value, places: places, digits: digits)
        case .percent(let value): .percent(value.negated)
        case .degrees(let value): .degrees(value.negated)
        case .quantity(let value, let unit): .quantity(value.negated, unit)
        default: .product(of: [.integer(-1), self])
        }
    }

    package static func quotient(_ a: Expression, _ b: Expression) -> Expression {
        .product(of: [a, .power(b, .integer(-1))])
    }

    package static func difference(_ a: Expression, _ b: Expression) -> Expression { .sum(of: [a, b.negated]) }

    /// The direct parts.
    package var children: [Expression] {
        switch self {
        case .number, .decimal, .symbol, .constant, .based, .text, .reals: []
        case .sum(let parts), .product(let parts), .call(_, let parts), .apply(_, let parts), .list(let parts, _),
            .tuple(let parts), .set(let parts), .relation(let parts, _), .ratio(let parts):
            parts
        case .power(let a, let b), .setOperation(_, let a, let b), .interval(let a, let b, _, _),
            .residue(let a, let b):
            [a, b]
        case .repeated(_, let body, _, let from, let to): [body, from, to]
        case .plusMinus(let part, _), .percent(let part), .degrees(let part), .quantity(let part, _),
            .builder(_, let part):
            [part]
        case .matrix(let rows): rows.flatMap { $0 }
        }
    }

    /// The same node with each part replaced.
    package func map(_ change: (Expression) throws -> Expression) rethrows -> Expression {
        switch self {
        case .number, .decimal, .symbol, .constant, .based, .text, .reals: self
        case .sum(let parts): .sum(of: try parts.map(change))
        case .product(let parts): .product(of: try parts.map(change))
        case .call(let operation, let parts): .call(operation, try parts.map(change))
        case .apply(let name, let parts): .apply(name, try parts.map(change))
        case .list(let parts, let joint): .list(try parts.map(change), joint)
        case .tuple(let parts): .tuple(try parts.map(change))
        case .set(let parts): .set(try parts.map(change))
        case .relation(let parts, let relations): .relation(try parts.map(change), relations)
        case .ratio(let parts): .ratio(try parts.map(change))
        case .power(let a, let b): .power(try change(a), try change(b))
        case .setOperation(let operation, let a, let b): .setOperation(operation, try change(a), try change(b))
        case .interval(let a, let b, let lower, let upper):
            .interval(try change(a), try change(b), lowerClosed: lower, upperClosed: upper)
        case .residue(let a, let b): .residue(try change(a), try change(b))
        case .repeated(let kind, let body, let index, let from, let to):
            .repeated(kind, body: try change(body), index: index, from: try change(from), to: try change(to))
        case .plusMinus(let part, let upper): .plusMinus(try change(part), upper: upper)
        case .percent(let part): .percent(try change(part))
        case .degrees(let part): .degrees(try change(part))
        case .quantity(let part, let unit): .quantity(try change(part), unit)
        case .builder(let name, let part): .builder(name, try change(part))
        case .matrix(let rows): .matrix(try rows.map { try $0.map(change) })
        }
    }

    /// Whether any node of the tree is as asked.
    package func contains(where isMatch: (Expression) -> Bool) -> Bool {
        isMatch(self) || children.contains { $0.contains(where: isMatch) }
    }

    /// The free variables.
    package var symbols: Set<String> {
        switch self {
        case .symbol(let name): return [name]
        case .repeated(_, let body, let index, let from, let to):
            return body.symbols.subtracting([index]).union(from.symbols).union(to.symbols)
        default: return children.reduce(into: []) { $0.formUnion($1.symbols) }
        }
    }
}
