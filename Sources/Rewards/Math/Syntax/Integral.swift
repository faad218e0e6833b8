import BigInt

/// A definite integral with a known antiderivative: of sums of constant multiples of
///
///     P(x)     P(x)·eᵘ     P(x)·sin u     P(x)·cos u     uʳ     ln u     1/(a + b·x²)     1/√(a − b·x²)
///
/// with polynomials P, and u = p·x + q with rational p and q. The integrand must have no singularity between the bounds; an
/// improper integral is given where the antiderivative has a limit at the bound. All else is `nil`, never a guess.
struct Integral {
    /// Highest power of a polynomial.
    private static let maximumDegree = 64
    /// Terms of an integrand.
    private static let maximumTerms = 64

    let name: String
    let from: Expression
    let to: Expression

    /// `F(to) − F(from)`.
    func value(of body: Expression) -> Expression? {
        guard !from.symbols.contains(name), !to.symbols.contains(name) else { return nil }
        guard polynomial(body) == nil, case .sum(let terms) = body else { return term(body) }
        guard terms.count <= Self.maximumTerms else { return nil }
        let values = terms.map(term)
        return values.contains(nil) ? nil : .sum(of: values.compactMap { $0 })
    }

    private func difference(_ primitive: (Expression) -> Expression?) -> Expression? {
        guard let end = primitive(to), let start = primitive(from) else { return nil }
        return .difference(end, start)
    }

    private func polynomial(_ expression: Expression) -> Polynomial? {
        Polynomial(expression, in: name, maximumDegree: Self.maximumDegree)
    }

    /// A product: its constant factors times a polynomial and at most one other factor.
    private func term(_ body: Expression) -> Expression? {
        var factors = [body]
        if case .product(let parts) = body { factors = parts }
        var (constants, others): ([Expression], [Expression]) = ([], [])
        var product = Polynomial(coefficients: [.one])
        for factor in factors {
            if !factor.symbols.contains(name) {
                constants.append(factor)
            } else if let part = polynomial(factor) {
                guard let next = product.times(part, Self.maximumDegree) else { return nil }
                product = next
            } else {
                others.append(factor)
            }
        }
        guard others.count <= 1 else { return nil }
        let value = others.first.map { times($0, product) } ?? difference(product.primitive.value)
        return value.map { .product(of: constants + [$0]) }
    }

    /// A polynomial times a factor that is none.
    private func times(_ factor: Expression, _ product: Polynomial) -> Expression? {
        switch factor {
        case .power(.constant(.e), let exponent): return exponential(exponent, product)
        case .call(.exp, let arguments): return exponential(arguments[0], product)
        case .call(.sin, let arguments):
            return circular([(.sin, 1), (.cos, -1), (.sin, -1), (.cos, 1)], arguments[0], product)
        case .call(.cos, let arguments):
            return circular([(.cos, 1), (.sin, 1), (.cos, -1), (.sin, -1)], arguments[0], product)
        default: break
        }
        guard product.coefficients == [.one] else { return nil }
        if case .call(.log, let arguments) = factor, arguments.count == 2, arguments[1] == .constant(.e) {
            return logarithm(arguments[0])
        }
        guard let (base, exponent) = factor.rationalPower, let inner = polynomial(base) else { return nil }
        if inner.degree == 1 { return power(inner, exponent) }
        guard inner.degree == 2, inner.coefficients[1].isZero else { return nil }
        if exponent == Rational(-1) { return inverseTangent(inner) }
        return exponent == Rational(-1, over: 2) ? inverseSine(inner) : nil
    }

    // MARK: By parts

    /// `∫P·eᵘ = eᵘ · Σ (−1)ᵏ P⁽ᵏ⁾ / pᵏ⁺¹`
    private func exponential(_ exponent: Expression, _ product: Polynomial) -> Expression? {
        guard let u = polynomial(exponent), u.degree == 1, let inverse = u.coefficients[1].inverse else { return nil }
        var (part, factor, sum) = (product, inverse, Polynomial(coefficients: []))
        for _ in 0...product.degree {
            sum = sum + part.scaled(by: factor)
            (part, factor) = (part.derivative, factor * -inverse)
        }
        return difference { bound in
            // It vanishes where u goes to −∞.
            if let sign = bound.infiniteSign { return (sign < 0) != u.coefficients[1].isNegative ? .zero : nil }
            guard let exponent = u.value(bound), let value = sum.value(bound) else { return nil }
            return .product(of: [.power(.constant(.e), exponent), value])
        }
    }

    /// `∫P·f = Σ (−1)ᵏ P⁽ᵏ⁾ · F_{k+1}`, where `F_k` is the k-th antiderivative of sine or cosine: up to `pᵏ` one of a cycle
    /// of four, which begins with f itself.
    private func circular(
        _ cycle: [(Expression.Operation, Int)], _ argument: Expression, _ product: Polynomial
    ) -> Expression? {
        guard let u = polynomial(argument), u.degree == 1, let inverse = u.coefficients[1].inverse else { return nil }
        return difference { bound in
            guard let angle = u.value(bound) else { return nil }
            var (part, factor) = (product, inverse)
            var terms: [Expression] = []
            for k in 0...product.degree {
                let (operation, sign) = cycle[(k + 1) % 4]
                guard let value = part.value(bound) else { return nil }
                terms.append(.product(of: [.number(factor * Rational(sign)), value, .call(operation, [angle])]))
                (part, factor) = (part.derivative, factor * -inverse)
            }
            return .sum(of: terms)
        }
    }

    // MARK: Functions of a linear or quadratic expression

    /// `∫uʳ = uʳ⁺¹ / ((r+1)·p)`, or `ln|u| / p` for r = −1.
    private func power(_ u: Polynomial, _ exponent: Rational) -> Expression? {
        guard let signs = signs(of: u), let inverse = u.coefficients[1].inverse else { return nil }
        let next = exponent + .one
        guard let factor = next.inverse.map({ $0 * inverse }) else {
            guard signs == [1] || signs == [-1] else { return nil }
            return difference { bound in
                u.value(bound).map {
                    .product(of: [.number(inverse), .call(.log, [.call(.abs, [$0]), .constant(.e)])])
                }
            }
        }
        let isDefined = next.isNegative ? signs == [1] || signs == [-1] && exponent.isInteger : !signs.contains(-1)
        guard isDefined else { return nil }
        return difference { bound in
            if bound.infiniteSign != nil { return next.isNegative ? .zero : nil }
            guard let value = u.value(bound) else { return nil }
            return value.knownSign == 0 ? .zero : .product(of: [.number(factor), .power(value, .number(next))])
        }
    }

    /// `∫ln u = (u·ln u − u) / p`
    private func logarithm(_ argument: Expression) -> Expression? {
        guard let u = polynomial(argument), u.degree == 1, let inverse = u.coefficients[1].inverse,
            let signs = signs(of: u), !signs.contains(-1)
        else { return nil }
        return difference { bound in
            guard let value = u.value(bound) else { return nil }
            // u·ln u vanishes with u.
            if value.knownSign == 0 { return .zero }
            let product = Expression.product(of: [value, .call(.log, [value, .constant(.e)])])
            return .product(of: [.number(inverse), .difference(product, value)])
        }
    }

    /// `∫1/(a + b·x²) = arctan(x·√(b/a)) / √(a·b)` for positive a and b.
    private func inverseTangent(_ inner: Polynomial) -> Expression? {
        let (a, b) = (inner.coefficients[0], inner.coefficients[2])
        guard !a.isZero, !a.isNegative, !b.isNegative, let scale = a.inverse.map({ b * $0 }) else { return nil }
        let factor = Expression.power(.call(.root, [.number(a * b), .integer(2)]), .integer(-1))
        return difference { bound in
            if let sign = bound.infiniteSign {
                return .product(of: [factor, .number(Rational(sign)), .quotient(.constant(.pi), .integer(2))])
            }
            return .product(
                of: [factor, .call(.arctan, [.product(of: [bound, .call(.root, [.number(scale), .integer(2)])])])])
        }
    }

    /// `∫1/√(a − b·x²) = arcsin(x·√(b/a)) / √b` for positive a and b, within `x² ≤ a/b`.
    private func inverseSine(_ inner: Polynomial) -> Expression? {
        let (a, b) = (inner.coefficients[0], -inner.coefficients[2])
        guard !a.isZero, !a.isNegative, !b.isNegative, let scale = a.inverse.map({ b * $0 }) else { return nil }
        let factor = Expression.power(.call(.root, [.number(b), .integer(2)]), .integer(-1))
        return difference { bound in
            guard let value = bound.literal, !(a - b * value * value).isNegative else { return nil }
            return .product(
                of: [factor, .call(.arcsin, [.product(of: [bound, .call(.root, [.number(scale), .integer(2)])])])])
        }
    }

    /// The signs of a linear expression at both bounds; `nil` if they are not plain to see.
    private func signs(of u: Polynomial) -> Set<Int>? {
        var signs: Set<Int> = []
        for bound in [from, to] {
            let slope = u.coefficients[1].isNegative ? -1 : 1
            guard let sign = bound.infiniteSign.map({ $0 * slope }) ?? u.value(bound)?.knownSign else { return nil }
            signs.insert(sign)
        }
        return signs
    }
}

extension Polynomial {
    /// An antiderivative.
    fileprivate var primitive: Polynomial {
        Polynomial(
            coefficients: [.zero]
                + coefficients.enumerated().map { (Rational(1, over: BigInt($0 + 1)) ?? .zero) * $1 })
    }

    fileprivate var derivative: Polynomial {
        Polynomial(coefficients: coefficients.enumerated().dropFirst().map { Rational($0) * $1 })
    }

    fileprivate func scaled(by factor: Rational) -> Polynomial {
        Polynomial(coefficients: coefficients.map { factor * $0 })
    }

    /// The value at a bound, a number where the bound is one; `nil` at infinity.
    fileprivate func value(_ bound: Expression) -> Expression? {
        guard bound.infiniteSign == nil else { return nil }
        if let number = bound.literal, number.bitWidth <= 256 {
            return .number(coefficients.reversed().reduce(.zero) { $0 * number + $1 })
        }
        let terms = coefficients.enumerated().filter { !$1.isZero }.map { degree, coefficient in
            degree == 0
                ? Expression.number(coefficient)
                : .product(of: [.number(coefficient), .power(bound, .integer(degree))])
        }
        return terms.isEmpty ? .zero : .sum(of: terms)
    }
}

extension Expression {
    /// Base and exponent, through roots and powers of roots.
    fileprivate var rationalPower: (Expression, Rational)? {
        switch self {
        case .call(.root, let arguments) where arguments.count == 2:
            guard let degree = arguments[1].literal?.int, degree > 0, degree <= 64 else { return nil }
            return Rational(1, over: BigInt(degree)).map { (arguments[0], $0) }
        case .power(let base, let exponent):
            guard let power = exponent.literal, power.bitWidth <= 64 else { return nil }
            guard let (inner, first) = base.rationalPower else { return (base, power) }
            // (√u)ʳ and (uⁿ)ᵐ, but √(u²) is no power of u.
            guard base.isRoot || first.isInteger && power.isInteger else { return (base, power) }
            return (inner, first * power)
        default: return nil
        }
    }

    private var isRoot: Bool { if case .call(.root, _) = self { true } else { false } }
}
