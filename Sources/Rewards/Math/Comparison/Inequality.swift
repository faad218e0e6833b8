import BigInt

/// Solves relations in one real variable.
struct Inequality {
    let order: EndpointOrder

    /// The real solutions of a chain of relations, or of several joined by and, or; `nil` if they can't be found.
    func solutions(of expression: Expression, for name: String) throws(ComparisonFault) -> RealSet? {
        switch expression {
        case .list(let members, let joint):
            var result: RealSet?
            for member in members {
                guard let next = try solutions(of: member, for: name) else { return nil }
                guard let before = result else {
                    result = next
                    continue
                }
                result = joint == .or ? try before.union(next, order) : try before.intersection(next, order)
            }
            return result
        case .relation(let operands, let relations):
            var result = RealSet.all
            for (index, relation) in relations.enumerated() {
                guard let next = try solve(operands[index], relation, operands[index + 1], name) else { return nil }
                result = try result.intersection(next, order)
            }
            return result
        default: return nil
        }
    }

    private func solve(
        _ left: Expression, _ relation: Expression.Relation, _ right: Expression, _ name: String
    ) throws(ComparisonFault) -> RealSet? {
        if relation == .element {
            return left == .symbol(name) ? try SetReader(order: order).set(right) : nil
        }
        if case .call(.abs, let inner) = left, right.symbols.isEmpty {
            return try absolute(inner[0], relation, right, name)
        }
        if case .call(.abs, let inner) = right, left.symbols.isEmpty {
            return try absolute(inner[0], relation.reversed, left, name)
        }
        if left == .symbol(name), right.symbols.isEmpty { return try ray(relation, right) }
        if right == .symbol(name), left.symbols.isEmpty { return try ray(relation.reversed, left) }
        guard let polynomial = Polynomial(.difference(left, right), in: name, maximumDegree: 16) else { return nil }
        return try solve(polynomial, relation)
    }

    /// `x < bound`.
    private func ray(_ relation: Expression.Relation, _ bound: Expression) throws(ComparisonFault) -> RealSet? {
        typealias Piece = RealSet.Piece
        let below = { (closed: Bool) in
            Piece(lower: RealSet.negativeInfinity, upper: bound, lowerClosed: false, upperClosed: closed)
        }
        let above = { (closed: Bool) in
            Piece(lower: bound, upper: RealSet.infinity, lowerClosed: closed, upperClosed: false)
        }
        let isUpper = ScalarComparison.infiniteSign(bound) == 1
        let isLower = ScalarComparison.infiniteSign(bound) == -1
        if isUpper { return relation == .less ? .all : nil }
        if isLower { return relation == .greater ? .all : nil }
        switch relation {
        case .less: return try RealSet([below(false)], order: order)
        case .lessOrEqual: return try RealSet([below(true)], order: order)
        case .greater: return try RealSet([above(false)], order: order)
        case .greaterOrEqual: return try RealSet([above(true)], order: order)
        case .equal: return try RealSet([.point(bound)], order: order)
        case .notEqual: return try RealSet([below(false), above(false)], order: order)
        case .element: return nil
        }
    }

    /// `|u| < c` as `−c < u < c`, `|u| > c` as `u > c or u < −c`.
    private func absolute(
        _ inner: Expression, _ relation: Expression.Relation, _ bound: Expression, _ name: String
    ) throws(ComparisonFault) -> RealSet? {
        let isNegative = try order.compare(bound, .zero) < 0
        guard !isNegative,
            let first = try solve(inner, relation, bound, name),
            let second = try solve(inner, relation.reversed, bound.negated, name)
        else { return nil }
        switch relation {
        case .less, .lessOrEqual, .notEqual: return try first.intersection(second, order)
        default: return try first.union(second, order)
        }
    }

    /// `p < 0` and its like, by the signs between the roots.
    private func solve(_ polynomial: Polynomial, _ relation: Expression.Relation) throws(ComparisonFault) -> RealSet? {
        guard let roots = RealRoots.roots(of: polynomial) else { return nil }
        var pieces: [RealSet.Piece] = []
        let holds = { (sign: Int) -> Bool in
            switch relation {
            case .less: sign < 0
            case .lessOrEqual: sign <= 0
            case .greater: sign > 0
            case .greaterOrEqual: sign >= 0
            case .equal: sign == 0
            case .notEqual: sign != 0
            case .element: false
            }
        }
        for index in 0...roots.count {
            let lower = index == 0 ? nil : roots[index - 1]
            let upper = index == roots.count ? nil : roots[index]
            let sample: Double =
                switch (lower?.estimate, upper?.estimate) {
                case (nil, nil): 0
                case (nil, let upper?): upper - 1 - abs(upper)
                case (let lower?, nil): lower + 1 + abs(lower)
                case (let lower?, let upper?): (lower + upper) / 2
                }
            guard sample.isFinite, abs(sample) < 1e9 else { return nil }
            let point = Rational(BigInt(Int((sample * 1e9).rounded())), over: 1_000_000_000) ?? .zero
            if holds(RealRoots.sign(polynomial, at: point)) {
                pieces.append(
                    RealSet.Piece(
                        lower: lower?.value ?? RealSet.negativeInfinity, upper: upper?.value ?? RealSet.infinity,
                        lowerClosed: false, upperClosed: false))
            }
            if let upper, holds(0) { pieces.append(.point(upper.value)) }
        }
        return try RealSet(pieces, order: order)
    }
}

/// Real roots of polynomials whose factors of higher degree have rational roots.
enum RealRoots {
    /// A root and about where it is.
    struct Root {
        let value: Expression
        let estimate: Double
    }

    static func sign(_ polynomial: Polynomial, at point: Rational) -> Int {
        let value = polynomial.coefficients.reversed().reduce(Rational.zero) { $0 * point + $1 }
        return value.isZero ? 0 : value.isNegative ? -1 : 1
    }

    /// The distinct real roots in ascending order; `nil` if not all can be found.
    static func roots(of polynomial: Polynomial) -> [Root]? {
        var rest = polynomial
        var roots: [Root] = []
        while rest.degree > 2 {
            guard let root = rationalRoot(of: rest) else { return nil }
            if !roots.contains(where: { $0.value == .number(root) }) { roots.append(rational(root)) }
            rest = quotient(rest, by: root)
        }
        guard !rest.coefficients.isEmpty else { return nil }
        if rest.degree == 1, let slope = rest.coefficients[1].inverse {
            let root = rational(-(rest.coefficients[0] * slope))
            if !roots.contains(where: { $0.value == root.value }) { roots.append(root) }
        } else if rest.degree == 2 {
            for root in quadratic(rest) where !roots.contains(where: { $0.value == root.value }) { roots.append(root) }
        }
        return roots.sorted { $0.estimate < $1.estimate }
    }

    private static func rational(_ value: Rational) -> Root {
        Root(value: .number(value), estimate: Estimate.value(.number(value)))
    }

    private static func quadratic(_ polynomial: Polynomial) -> [Root] {
        let (c, b, a) = (polynomial.coefficients[0], polynomial.coefficients[1], polynomial.coefficients[2])
        let discriminant = b * b - Rational(4) * a * c
        guard !discriminant.isNegative, let scale = (Rational(2) * a).inverse else { return [] }
        if let root = discriminant.root(2) {
            return root.isZero
                ? [rational(-b * scale)] : [rational((-b - root) * scale), rational((-b + root) * scale)]
        }
        return [-1, 1].map { sign in
            let value = Expression.product(of: [
                .number(scale),
                .sum([
                    .number(-b), .product([.integer(sign), .call(.root, [.number(discriminant), .integer(2)])]),
                ]),
            ])
            return Root(value: value, estimate: Estimate.value(value))
        }
    }

    /// A rational root with a small numerator and denominator: they divide the last and the first coefficient.
    private static func rationalRoot(of polynomial: Polynomial) -> Rational? {
        if polynomial.coefficients[0].isZero { return .zero }
        let scale = polynomial.coefficients.reduce(BigInt(1)) { $0 * $1.denominator }
        guard scale.bitWidth <= 1024, let leading = polynomial.coefficients.last else { return nil }
        let first = (Rational(scale) * polynomial.coefficients[0]).numerator
        let last = (Rational(scale) * leading).numerator
        for bottom in 1...6 where (last % BigInt(bottom)).isZero {
            for top in 1...60 where (first % BigInt(top)).isZero {
                for sign in [1, -1] {
                    guard let root = Rational(BigInt(sign * top), over: BigInt(bottom)) else { continue }
                    if self.sign(polynomial, at: root) == 0 { return root }
                }
            }
        }
        return nil
    }

    /// Synthetic division by `x − root`.
    private static func quotient(_ polynomial: Polynomial, by root: Rational) -> Polynomial {
        var carry = Rational.zero
        var result: [Rational] = []
        for coefficient in polynomial.coefficients.reversed().dropLast() {
            carry = carry * root + coefficient
            result.append(carry)
        }
        return Polynomial(coefficients: result.reversed())
    }
}

/// Reads expressions as sets of real numbers.
struct SetReader {
    let order: EndpointOrder

    /// The set that an expression is; `nil` if it is none. A pair in parentheses is an open interval here.
    func set(_ expression: Expression) throws(ComparisonFault) -> RealSet? {
        switch expression {
        case .reals: return .all
        case .tuple(let ends) where ends.count == 2 && ends.allSatisfy(\.symbols.isEmpty):
            return try interval(ends[0], ends[1], false, false)
        case .interval(let lower, let upper, let lowerClosed, let upperClosed)
        where lower.symbols.isEmpty && upper.symbols.isEmpty:
            return try interval(lower, upper, lowerClosed, upperClosed)
        case .set(let members):
            guard members.allSatisfy({ $0.symbols.isEmpty && $0.isScalar }) else { return nil }
            return try RealSet(members.map { .point($0) }, order: order)
        case .setOperation(let operation, let a, let b):
            guard let left = try set(a), let right = try set(b) else { return nil }
            switch operation {
            case .union: return try left.union(right, order)
            case .intersection: return try left.intersection(right, order)
            case .difference: return try left.intersection(try right.complement(order), order)
            }
        case .builder(let name, let condition): return try Inequality(order: order).solutions(of: condition, for: name)
        case .relation(let operands, let relations):
            if relations == [.element], operands[0].isName { return try set(operands[1]) }
            return try ofRelation(expression)
        case .list(let members, let joint):
            guard joint != .comma, members.contains(where: \.isOrderRelation) else { return nil }
            return try ofRelation(expression)
        default: return nil
        }
    }

    private func ofRelation(_ expression: Expression) throws(ComparisonFault) -> RealSet? {
        let names = expression.symbols
        guard names.count == 1, let name = names.first else { return nil }
        return try Inequality(order: order).solutions(of: expression, for: name)
    }

    private func interval(
        _ lower: Expression, _ upper: Expression, _ lowerClosed: Bool, _ upperClosed: Bool
    ) throws(ComparisonFault) -> RealSet? {
        guard lower.isScalar, upper.isScalar else { return nil }
        return try RealSet(
            [RealSet.Piece(lower: lower, upper: upper, lowerClosed: lowerClosed, upperClosed: upperClosed)],
            order: order)
    }
}
