/// A limit of an expression in one variable.
///
/// It is found from the first terms of a series in the distance from the point, or from the limits of the parts where what
/// joins them is continuous. What neither decides is not guessed.
struct Limit {
    /// From where the variable comes near its point.
    enum Side: Hashable { case below, above, both }

    /// Nodes of the largest expression that is looked at.
    private static let maximumNodes = 64

    let name: String
    let point: Expression
    let side: Side

    /// The limit; `nil` if it doesn't exist or isn't found.
    func value(of body: Expression) -> Expression? {
        guard Self.size(body) <= Self.maximumNodes, !point.symbols.contains(name) else { return nil }
        let approaches: [Approach]
        switch (point.infiniteSign, side) {
        case (let sign?, .both): approaches = [Approach(name: name, point: nil, sign: sign)]
        case (.some, _): return nil
        case (nil, .both): approaches = [1, -1].map { Approach(name: name, point: point, sign: $0) }
        case (nil, .above): approaches = [Approach(name: name, point: point, sign: 1)]
        case (nil, .below): approaches = [Approach(name: name, point: point, sign: -1)]
        }
        let values = approaches.map { $0.limit(of: body) }
        guard let first = values.first, values.allSatisfy({ $0 == first }) else { return nil }
        return first
    }

    private static func size(_ expression: Expression) -> Int { expression.children.reduce(1) { $0 + size($1) } }
}

/// One way to a point: `x = point + sign·t`, or `x = sign/t` towards infinity, with t → 0 from above.
private struct Approach {
    let name: String
    /// The point; `nil` for infinity.
    let point: Expression?
    let sign: Int

    func limit(of expression: Expression) -> Expression? {
        guard expression.symbols.contains(name) else { return isPlain(expression) ? expression : nil }
        if let series = series(of: expression) { return series.limit }
        return finite(expression)
    }

    /// Whether a part without the variable has a value of its own.
    private func isPlain(_ expression: Expression) -> Bool {
        !expression.contains { part in
            switch part {
            case .number, .decimal, .symbol, .constant(.pi), .constant(.e), .sum, .product, .power, .call: false
            default: true
            }
        }
    }

    // MARK: By the parts

    /// The limit where the parts have finite ones and what joins them is continuous there.
    private func finite(_ expression: Expression) -> Expression? {
        func part(_ expression: Expression) -> Expression? {
            limit(of: expression).flatMap { $0.infiniteSign == nil ? $0 : nil }
        }
        func parts(_ expressions: [Expression]) -> [Expression]? {
            let values = expressions.map(part)
            return values.contains(nil) ? nil : values.compactMap { $0 }
        }
        switch expression {
        case .symbol: return point
        case .sum(let terms): return parts(terms).map { .sum(of: $0) }
        case .product(let factors):
            let constants = factors.filter { !$0.symbols.contains(name) }
            guard !constants.isEmpty, let rest = part(.product(of: factors.filter { $0.symbols.contains(name) })) else {
                return parts(factors).map { .product(of: $0) }
            }
            return parts(constants).map { .product(of: $0 + [rest]) }
        case .power(.constant(.e), let exponent): return part(exponent).map { .power(.constant(.e), $0) }
        case .power(let base, let exponent):
            guard exponent.symbols.contains(name) else {
                guard let power = exponent.literal, let value = part(base) else { return nil }
                let isContinuous = power.isInteger && !power.isNegative || value.knownSign == 1
                return isContinuous ? .power(value, exponent) : nil
            }
            return exponentialOfLogarithm(base, exponent)
        case .call(let operation, let arguments):
            guard let value = part(arguments[0]), arguments.dropFirst().allSatisfy({ !$0.symbols.contains(name) })
            else {
                return nil
            }
            switch operation {
            case .sin, .cos, .exp, .arctan: break
            case .root, .log: guard value.knownSign == 1 else { return nil }
            default: return nil
            }
            return .call(operation, [value] + arguments.dropFirst())
        default: return nil
        }
    }

    /// `b^e → e^(lim e·ln b)` for a base that comes near 1.
    private func exponentialOfLogarithm(_ base: Expression, _ exponent: Expression) -> Expression? {
        guard let logarithm = series(of: base)?.logarithm, let exponent = series(of: exponent),
            let value = (logarithm * exponent)?.limit, value.infiniteSign == nil
        else { return nil }
        return .power(.constant(.e), value)
    }

    // MARK: By series

    private func series(of expression: Expression) -> LaurentSeries? {
        if let number = expression.literal { return LaurentSeries(number) }
        switch expression {
        case .symbol(name):
            guard let point else { return LaurentSeries(Rational(sign), power: -1) }
            guard let number = point.literal, let start = LaurentSeries(number),
                let step = LaurentSeries(Rational(sign), power: 1)
            else { return nil }
            return start + step
        case .sum(let terms): return folded(terms, +)
        case .product(let factors): return folded(factors, *)
        case .power(.constant(.e), let exponent): return series(of: exponent)?.exponential
        case .power(let base, let exponent):
            guard let power = exponent.literal else { return nil }
            return series(of: base)?.power(power)
        case .call(let operation, let arguments): return series(of: operation, arguments)
        default: return nil
        }
    }

    private func series(of operation: Expression.Operation, _ arguments: [Expression]) -> LaurentSeries? {
        guard let x = arguments.first.flatMap(series) else { return nil }
        switch operation {
        case .exp: return x.exponential
        case .log where arguments.count == 2 && arguments[1] == .constant(.e): return x.logarithm
        case .root where arguments.count == 2:
            return arguments[1].literal?.int.flatMap { $0 > 0 ? Rational(1, over: .init($0)) : nil }.flatMap(x.power)
        case .sin: return x.sineAndCosine?.sine
        case .cos: return x.sineAndCosine?.cosine
        case .tan:
            guard let (sine, cosine) = x.sineAndCosine, let inverse = cosine.power(Rational(-1)) else { return nil }
            return sine * inverse
        case .arctan: return x.inverse(sign: .one, exponent: Rational(-1))
        case .arcsin: return Rational(-1, over: 2).flatMap { x.inverse(sign: Rational(-1), exponent: $0) }
        default: return nil
        }
    }

    private func folded(
        _ parts: [Expression], _ join: (LaurentSeries, LaurentSeries) -> LaurentSeries?
    ) -> LaurentSeries? {
        guard var result = parts.first.flatMap(series) else { return nil }
        for part in parts.dropFirst() {
            guard let next = series(of: part), let joined = join(result, next) else { return nil }
            result = joined
        }
        return result
    }
}

extension Expression {
    /// 1 for ∞, -1 for −∞, `nil` for all else.
    var infiniteSign: Int? {
        switch self {
        case .constant(.infinity): 1
        case .product(let factors) where factors.count == 2 && factors[1] == .constant(.infinity):
            factors[0].literal.map { $0.isNegative ? -1 : 1 }
        default: nil
        }
    }

    /// 1 or -1 where a constant's sign is plain to see, 0 for a literal 0.
    var knownSign: Int? {
        if let literal { return literal.isZero ? 0 : literal.isNegative ? -1 : 1 }
        switch self {
        case .constant(.pi), .constant(.e): return 1
        case .product(let factors):
            let signs = factors.map(\.knownSign)
            return signs.contains(nil) ? nil : signs.compactMap { $0 }.reduce(1, *)
        case .sum(let terms):
            let signs = Set(terms.map(\.knownSign))
            return signs == [1] ? 1 : signs == [-1] ? -1 : nil
        case .power(let base, let exponent) where base.knownSign == 1:
            let isReal =
                exponent.symbols.isEmpty && !exponent.contains { $0 == .constant(.i) || $0 == .constant(.infinity) }
            return isReal ? 1 : nil
        case .call(.root, let arguments) where arguments.count == 2 && arguments[1] == .integer(2):
            return arguments[0].knownSign == 1 ? 1 : nil
        default: return nil
        }
    }
}
