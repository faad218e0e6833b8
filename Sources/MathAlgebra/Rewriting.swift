import BigInt
import Rewards

/// Rewrites what neither balls nor exact fields know: parts with an exact value, common divisors of monomials, infinite
/// series with a closed form, unknown functions as variables.
struct Rewriting {
    let budget: StepBudget

    /// The expression with each such part replaced.
    func simplified(_ expression: Expression) -> Expression {
        if expression.literal == nil, expression.symbols.isEmpty {
            let evaluator = ExactEvaluator(budget: budget, maximumBits: 1 << 12, maximumTerms: 100_000)
            if let value = try? evaluator.value(expression), let real = value.real { return .number(real) }
        }
        switch expression {
        case .apply: return .symbol(String(describing: expression))
        case .repeated(let kind, let body, let index, let from, .constant(.infinity)):
            return Series.closedForm(kind, simplified(body), index, simplified(from)) ?? expression
        case .repeated(let kind, let body, let index, let from, let to):
            if let product = Series.constantTerms(kind, body, index, from, to) { return simplified(product) }
            return expression.map(simplified)
        case .call(.log, let arguments) where arguments.count == 2:
            // The logarithm of a power that is too large to be looked at.
            if case .power(let base, let exponent) = arguments[0], let value = base.literal, !value.isNegative,
                !value.isZero, exponent.symbols.isEmpty, !exponent.contains(where: { $0 == .constant(.i) })
            {
                return .product(of: [simplified(exponent), .call(.log, [base, simplified(arguments[1])])])
            }
            return expression.map(simplified)
        case .call(let operation, let arguments) where operation == .gcd || operation == .lcm:
            return Monomial.common(operation, arguments.map(simplified)) ?? expression
        default: return expression.map(simplified)
        }
    }
}

/// A rational coefficient times powers of variables and π.
private struct Monomial {
    var coefficient: Rational
    var powers: [Expression: Int]

    init?(_ expression: Expression) {
        coefficient = .one
        powers = [:]
        let factors: [Expression] = if case .product(let factors) = expression { factors } else { [expression] }
        for factor in factors {
            if let value = factor.literal {
                coefficient = coefficient * value
            } else if case .power(let base, let exponent) = factor, let count = exponent.literal?.int, count > 0,
                base.isAtom
            {
                powers[base, default: 0] += count
            } else if factor.isAtom {
                powers[factor, default: 0] += 1
            } else {
                return nil
            }
        }
    }

    /// gcd or lcm, the coefficients' and the powers'.
    static func common(_ operation: Expression.Operation, _ arguments: [Expression]) -> Expression? {
        let monomials = arguments.compactMap { Monomial($0) }
        guard monomials.count == arguments.count, let first = monomials.first, arguments.count <= 64 else { return nil }
        var powers = first.powers
        for monomial in monomials.dropFirst() {
            if operation == .gcd {
                powers = powers.merging(monomial.powers) { min($0, $1) }.filter {
                    powers[$0.key] != nil && monomial.powers[$0.key] != nil
                }
            } else {
                powers.merge(monomial.powers) { max($0, $1) }
            }
        }
        let coefficient = Expression.call(operation, monomials.map { .number($0.coefficient) })
        let evaluator = ExactEvaluator(budget: StepBudget(steps: 10_000, time: .seconds(1)))
        guard let value = try? evaluator.value(coefficient), let real = value.real else { return nil }
        let factors = powers.sorted { String(describing: $0.key) < String(describing: $1.key) }.map {
            Expression.power($0.key, .integer($0.value))
        }
        return .product(of: [.number(real)] + factors)
    }
}

extension Expression {
    fileprivate var isAtom: Bool {
        switch self {
        case .symbol, .constant(.pi), .constant(.e): true
        default: false
        }
    }
}

/// Sums and products whose terms need not be added up one by one.
private enum Series {
    /// A body without the index: `count · c` or `c^count`.
    static func constantTerms(
        _ kind: Expression.Repetition, _ body: Expression, _ index: String, _ from: Expression, _ to: Expression
    ) -> Expression? {
        guard !body.symbols.contains(index) else { return nil }
        let count = Expression.sum(of: [to, from.negated, .one])
        return kind == .sum ? .product(of: [count, body]) : .power(body, count)
    }

    /// Σ r^k with |r| < 1, Σ x^k/k!, Σ 1/k², Σ 1/k⁴.
    static func closedForm(
        _ kind: Expression.Repetition, _ body: Expression, _ index: String, _ from: Expression
    ) -> Expression? {
        guard kind == .sum, let start = from.literal?.int, (0...64).contains(start) else { return nil }
        var constants: [Expression] = []
        var ratio: [Expression] = []  // r in r^k
        var hasFactorial = false
        var zeta = 0
        let factors: [Expression] = if case .product(let factors) = body { factors } else { [body] }
        let k = Expression.symbol(index)
        for factor in factors.flatMap(inverted) {
            switch factor {
            case _ where !factor.symbols.contains(index): constants.append(factor)
            case .power(.call(.factorial, [k]), .integer(-1)) where !hasFactorial: hasFactorial = true
            case .power(k, .number(let exponent)) where exponent.isNegative && exponent.isInteger && zeta == 0:
                zeta = -(exponent.int ?? 0)
            case .power(let base, k) where !base.symbols.contains(index): ratio.append(base)
            default: return nil
            }
        }
        guard let tail = sum(ratio, hasFactorial, zeta, start) else { return nil }
        return .product(of: constants + [tail])
    }

    /// (a·b)^(-1) as a^(-1)·b^(-1), and (b^n)^(-1) as (b^(-1))^n.
    private static func inverted(_ factor: Expression) -> [Expression] {
        guard case .power(let base, let exponent) = factor, exponent == .integer(-1) else { return [factor] }
        switch base {
        case .product(let parts): return parts.flatMap { inverted(.power($0, exponent)) }
        case .power(let inner, .number(let power)): return [.power(inner, .number(-power))]
        case .power(let inner, let power): return [.power(.power(inner, exponent), power)]
        default: return [factor]
        }
    }

    private static func sum(_ ratio: [Expression], _ hasFactorial: Bool, _ zeta: Int, _ start: Int) -> Expression? {
        let r = Expression.product(of: ratio.isEmpty ? [.one] : ratio)
        if hasFactorial, zeta == 0 {
            let head = (0..<start).map { step in
                Expression.quotient(.power(r, .integer(step)), .call(.factorial, [.integer(step)])).negated
            }
            return .sum(of: [.power(.constant(.e), r)] + head)
        }
        if zeta > 0, ratio.isEmpty, !hasFactorial, start == 1, let divisor = [2: 6, 4: 90, 6: 945][zeta] {
            return .quotient(.power(.constant(.pi), .integer(zeta)), .integer(divisor))
        }
        guard zeta == 0, !ratio.isEmpty, r.symbols.isEmpty,
            let value = try? ExactEvaluator(budget: StepBudget(steps: 1000, time: .seconds(1))).value(r).real,
            value.magnitude < .one
        else { return nil }
        return .quotient(.power(r, .integer(start)), .difference(.one, r))
    }
}
