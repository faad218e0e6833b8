import BigInt
import CCalcium
import Rewards

/// Evaluates expressions as balls of Arb at a point.
struct BallEvaluator {
    /// Why there is no ball.
    enum Fault: Error {
        /// A part that has no value at this point, or none that is known.
        case undefined
        case exhausted
    }

    let bits: Int
    let budget: StepBudget
    /// Proves that a constant is a whole number which its ball can't tell from its neighbours: ⌊√100⌋.
    let isEqual: (Expression, Expression) throws(ComparisonFault) -> Bool
    var values: [String: Rational] = [:]

    /// Most terms of a sum.
    private static let maximumTerms = 20_000

    /// The ball of an expression. It may be infinite: then the value is undefined, or the precision too low.
    func value(_ expression: Expression) throws(Fault) -> Ball {
        try spend(1 + bits >> 8)
        switch expression {
        case .number(let value), .decimal(let value, _, _): return Ball(value, bits: bits)
        case .symbol(let name):
            guard let value = values[name] else { throw .undefined }
            return Ball(value, bits: bits)
        case .constant(let constant): return try self.constant(constant)
        case .sum(let terms):
            var sum = Ball()
            for term in terms { sum = Ball.of(sum, try value(term)) { acb_add($0, $1, $2, bits) } }
            return sum
        case .product(let factors):
            var product = Ball(.one, bits: bits)
            for factor in factors { product = Ball.of(product, try value(factor)) { acb_mul($0, $1, $2, bits) } }
            return product
        case .power(let base, let exponent): return try power(base, exponent)
        case .percent(let part): return try value(.product([part, .power(.integer(100), .integer(-1))]))
        case .degrees(let part):
            return try value(.product([part, .constant(.pi), .power(.integer(180), .integer(-1))]))
        case .call(let operation, let arguments): return try call(operation, arguments)
        case .repeated(let kind, let body, let index, let from, let to):
            return try repeated(kind, body, index, from, to)
        default: throw .undefined
        }
    }

    func spend(_ steps: Int) throws(Fault) {
        do { try budget.spend(steps) } catch { throw .exhausted }
    }

    private func constant(_ constant: Expression.Constant) throws(Fault) -> Ball {
        let result = Ball()
        switch constant {
        case .pi: result.withReal { arb_const_pi($0, bits) }
        case .e: result.withReal { arb_const_e($0, bits) }
        case .i: result.with { acb_onei($0) }
        case .infinity: throw .undefined
        }
        return result
    }

    // MARK: Powers

    private func power(_ base: Expression, _ exponent: Expression) throws(Fault) -> Ball {
        let exact = exponent.literal
        if let exact, exact.isInteger { return try whole(try value(base), exact.numerator) }
        if base == .constant(.e) { return Ball.of(try value(exponent)) { acb_exp($0, $1, bits) } }
        let power = try value(exponent)
        if exact == nil, let integer = power.uniqueInteger, power.withReal({ arb_is_exact($0) != 0 }) {
            return try whole(try value(base), integer)
        }
        let value = try value(base)
        if value.isZero {
            guard power.sign == 1 else { throw .undefined }
            return Ball()
        }
        if let exact, exact.denominator.magnitude & 1 == 1, value.sign == -1 {  // (−8)^(1/3) = −2
            let magnitude = Ball.of(Ball.of(value) { acb_neg($0, $1) }, power) { acb_pow($0, $1, $2, bits) }
            return exact.numerator.magnitude & 1 == 1 ? Ball.of(magnitude) { acb_neg($0, $1) } : magnitude
        }
        return Ball.of(value, power) { acb_pow($0, $1, $2, bits) }
    }

    private func whole(_ base: Ball, _ exponent: BigInt) throws(Fault) -> Ball {
        if base.isZero {
            guard exponent > 0 else { throw .undefined }
            return Ball()
        }
        return ExactNumber.with(exponent) { number in Ball.of(base) { acb_pow_fmpz($0, $1, number, bits) } }
    }

    func root(_ argument: Expression, _ degree: Expression) throws(Fault) -> Ball {
        guard let degree = degree.literal?.int, (1...100_000).contains(degree) else { throw .undefined }
        let value = try value(argument)
        if degree == 2 { return Ball.of(value) { acb_sqrt($0, $1, bits) } }
        if value.sign == -1, degree % 2 == 1 {
            let root = Ball.real(Ball.of(value) { acb_neg($0, $1) }) { arb_root_ui($0, $1, UInt(degree), bits) }
            return Ball.of(root) { acb_neg($0, $1) }
        }
        if value.isReal, value.sign != -1 {
            return Ball.real(value) { arb_root_ui($0, $1, UInt(degree), bits) }
        }
        return Ball.of(value) { acb_root_ui($0, $1, UInt(degree), bits) }
    }

    private func repeated(
        _ kind: Expression.Repetition, _ body: Expression, _ index: String, _ from: Expression, _ to: Expression
    ) throws(Fault) -> Ball {
        guard let first = try value(from).uniqueInteger.flatMap({ Int(exactly: $0) }),
            let last = try value(to).uniqueInteger.flatMap({ Int(exactly: $0) })
        else { throw .undefined }
        let (count, overflow) = last.subtractingReportingOverflow(first)
        guard !overflow, count >= -1, count < Self.maximumTerms else { throw .undefined }
        var result = kind == .sum ? Ball() : Ball(.one, bits: bits)
        guard count >= 0 else { return result }
        var inner = self
        for step in first...last {
            inner.values[index] = Rational(step)
            let term = try inner.value(body)
            result = Ball.of(result, term) { out, a, b in
                if kind == .sum { acb_add(out, a, b, bits) } else { acb_mul(out, a, b, bits) }
            }
        }
        return result
    }
}

// MARK: - Functions

extension BallEvaluator {
    private func call(_ operation: Expression.Operation, _ arguments: [Expression]) throws(Fault) -> Ball {
        let first = arguments[0]
        switch operation {
        case .root: return try root(first, arguments[1])
        case .log: return try logarithm(first, arguments[1])
        case .floor, .ceil: return try rounded(first, up: operation == .ceil)
        case .mod:
            let quotient = Expression.quotient(first, arguments[1])
            let whole = try rounded(quotient, up: false)
            let part = Ball.of(whole, try value(arguments[1])) { acb_mul($0, $1, $2, bits) }
            return Ball.of(try value(first), part) { acb_sub($0, $1, $2, bits) }
        case .max, .min: return try extreme(arguments, isMax: operation == .max)
        case .factorial: return try gamma(.sum(of: [first, .one]))
        case .binomial:
            let (n, k) = (first, arguments[1])
            let below = try whole(
                Ball.of(try gamma(.sum(of: [k, .one])), try gamma(.sum(of: [n, k.negated, .one]))) {
                    acb_mul($0, $1, $2, bits)
                }, -1)
            return Ball.of(try gamma(.sum(of: [n, .one])), below) { acb_mul($0, $1, $2, bits) }
        case .gcd, .lcm: throw .undefined
        default:
            let argument = try value(first)
            guard let function = Self.elementary[operation] else { throw .undefined }
            return Ball.of(argument) { function($0, $1, bits) }
        }
    }

    private typealias Function = @Sendable (Ball.Pointer, Ball.Pointer, Int) -> Void

    /// The functions of one complex argument; those that Arb lacks by their definitions.
    private static let elementary: [Expression.Operation: Function] = [
        .abs: { out, x, bits in
            let real = UnsafeMutableRawPointer(out).assumingMemoryBound(to: arb_struct.self)
            acb_abs(real, x, bits)
        },
        .sin: { acb_sin($0, $1, $2) }, .cos: { acb_cos($0, $1, $2) }, .tan: { acb_tan($0, $1, $2) },
        .cot: { acb_cot($0, $1, $2) }, .sec: { acb_sec($0, $1, $2) }, .csc: { acb_csc($0, $1, $2) },
        .arcsin: { acb_asin($0, $1, $2) }, .arccos: { acb_acos($0, $1, $2) }, .arctan: { acb_atan($0, $1, $2) },
        .arccot: {
            acb_inv($0, $1, $2); acb_atan($0, $0, $2)
        },
        .arcsec: {
            acb_inv($0, $1, $2); acb_acos($0, $0, $2)
        },
        .arccsc: {
            acb_inv($0, $1, $2); acb_asin($0, $0, $2)
        },
        .sinh: { acb_sinh($0, $1, $2) }, .cosh: { acb_cosh($0, $1, $2) }, .tanh: { acb_tanh($0, $1, $2) },
        .coth: { acb_coth($0, $1, $2) }, .sech: { acb_sech($0, $1, $2) }, .csch: { acb_csch($0, $1, $2) },
        .arsinh: { acb_asinh($0, $1, $2) }, .arcosh: { acb_acosh($0, $1, $2) }, .artanh: { acb_atanh($0, $1, $2) },
        .conjugate: { out, x, _ in acb_conj(out, x) }, .sign: { acb_sgn($0, $1, $2) },
    ]

    private func logarithm(_ argument: Expression, _ base: Expression) throws(Fault) -> Ball {
        let top = Ball.of(try value(argument)) { acb_log($0, $1, bits) }
        guard base != .constant(.e) else { return top }
        let bottom = Ball.of(try value(base)) { acb_log($0, $1, bits) }
        return Ball.of(top, bottom) { acb_div($0, $1, $2, bits) }
    }

    /// ⌊x⌋ or ⌈x⌉; where the ball holds a whole number, only a proof that x is that number helps.
    private func rounded(_ argument: Expression, up: Bool) throws(Fault) -> Ball {
        let value = try value(argument)
        guard value.isReal, value.isFinite else { throw .undefined }
        if values.isEmpty, let integer = value.uniqueInteger {
            do throws(ComparisonFault) {
                if try isEqual(argument, .number(Rational(integer))) { return Ball(Rational(integer), bits: bits) }
            } catch {
                throw .exhausted
            }
        }
        return Ball.real(value) { if up { arb_ceil($0, $1, bits) } else { arb_floor($0, $1, bits) } }
    }

    private func extreme(_ arguments: [Expression], isMax: Bool) throws(Fault) -> Ball {
        var result = try value(arguments[0])
        for argument in arguments.dropFirst() {
            let next = try value(argument)
            guard result.isReal, next.isReal else { throw .undefined }
            let before = result
            result = Ball()
            result.withReal { out in
                before.withReal { a in
                    next.withReal { b in if isMax { arb_max(out, a, b, bits) } else { arb_min(out, a, b, bits) } }
                }
            }
        }
        return result
    }

    private func gamma(_ argument: Expression) throws(Fault) -> Ball {
        let value = try value(argument)
        if let integer = value.uniqueInteger {
            guard integer > 0 else { throw .undefined }
            guard integer < 1 << 40 else { throw .undefined }
        }
        try spend(bits >> 4)
        return Ball.of(value) { acb_gamma($0, $1, bits) }
    }
}
