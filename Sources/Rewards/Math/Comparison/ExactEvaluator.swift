import BigInt

/// A complex number with rational parts.
package struct Gaussian: Hashable, Sendable {
    package var re: Rational
    package var im: Rational

    package static let zero = Gaussian(.zero)
    package static let one = Gaussian(.one)

    /// A real number.
    package init(_ re: Rational, _ im: Rational = .zero) {
        self.re = re
        self.im = im
    }

    package var isZero: Bool { re.isZero && im.isZero }
    /// The value, if it is real.
    package var real: Rational? { im.isZero ? re : nil }
    var bitWidth: Int { re.bitWidth + im.bitWidth }

    static func + (a: Gaussian, b: Gaussian) -> Gaussian { Gaussian(a.re + b.re, a.im + b.im) }

    static func * (a: Gaussian, b: Gaussian) -> Gaussian {
        if a.im.isZero, b.im.isZero { return Gaussian(a.re * b.re) }
        return Gaussian(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)
    }

    var inverse: Gaussian? {
        if im.isZero { return re.inverse.map { Gaussian($0) } }
        return (re * re + im * im).inverse.map { Gaussian(re * $0, -(im * $0)) }
    }
}

/// Evaluates expressions of rational numbers and i exactly.
package struct ExactEvaluator {
    /// Why there is no exact value.
    package enum Fault: Error {
        /// It has none: a division by zero, a logarithm of 0, an argument out of its range.
        case undefined
        /// It is not a complex number with rational parts, or not recognised as one.
        case unknown
        /// It has more digits than are written out.
        case tooLarge
        /// The budget is used up.
        case exhausted
    }

    /// Largest size of a number, in bits.
    private let maximumBits: Int
    /// Most terms of a sum or product.
    private let maximumTerms: Int
    private let budget: StepBudget
    /// The values of the variables.
    package var values: [String: Gaussian] = [:]

    /// An evaluator with its limits.
    package init(budget: StepBudget, maximumBits: Int = 1 << 12, maximumTerms: Int = 2000) {
        self.budget = budget
        self.maximumBits = maximumBits
        self.maximumTerms = maximumTerms
    }

    /// The exact value.
    package func value(_ expression: Expression) throws(Fault) -> Gaussian {
        do { try budget.spend() } catch { throw .exhausted }
        switch expression {
        case .number(let value), .decimal(let value, _, _): return Gaussian(value)
        case .symbol(let name):
            guard let value = values[name] else { throw .unknown }
            return value
        case .constant(.i): return Gaussian(.zero, .one)
        case .sum(let terms):
            var sum = Gaussian.zero
            for term in terms { sum = try checked(sum + value(term)) }
            return sum
        case .product(let factors):
            var product = Gaussian.one
            var fault: Fault?
            for factor in factors {
                do throws(Fault) {
                    product = try checked(product * value(factor))
                } catch .unknown {
                    fault = .unknown  // a later factor may be undefined
                }
            }
            if let fault { throw fault }
            return product
        case .power(let base, let exponent): return try power(base, exponent)
        case .percent(let part): return try value(part) * Gaussian(Rational(1, over: 100) ?? .zero)
        case .call(let operation, let arguments): return try call(operation, arguments)
        case .repeated(let kind, let body, let index, let from, let to):
            return try repeated(kind, body, index, from, to)
        default: throw .unknown
        }
    }

    private func checked(_ value: Gaussian) throws(Fault) -> Gaussian {
        guard value.bitWidth <= maximumBits else { throw .tooLarge }
        do { try budget.spend(value.bitWidth >> 10) } catch { throw .exhausted }
        return value
    }

    /// A real value.
    private func real(_ expression: Expression) throws(Fault) -> Rational {
        guard let value = try value(expression).real else { throw .unknown }
        return value
    }

    private func integer(_ expression: Expression) throws(Fault) -> BigInt {
        let value = try real(expression)
        guard value.isInteger else { throw .unknown }
        return value.numerator
    }

    // MARK: Powers and roots

    private func power(_ base: Expression, _ exponent: Expression) throws(Fault) -> Gaussian {
        let exponent = try real(exponent)
        let base = try value(base)
        if base.isZero {
            guard !exponent.isNegative, !exponent.isZero else { throw .undefined }
            return .zero
        }
        guard exponent.isInteger else {
            guard let degree = Int(exactly: exponent.denominator), let real = base.real else { throw .unknown }
            guard let root = real.root(degree) else { throw .unknown }
            return try whole(Gaussian(root), exponent.numerator)
        }
        return try whole(base, exponent.numerator)
    }

    private func whole(_ base: Gaussian, _ exponent: BigInt) throws(Fault) -> Gaussian {
        if base == .one { return .one }
        if base == Gaussian(Rational(-1)) { return exponent.magnitude & 1 == 1 ? base : .one }
        if base == Gaussian(.zero, .one), let rest = Int(exactly: exponent.modulus(4)) {
            return [.one, base, Gaussian(Rational(-1)), Gaussian(.zero, Rational(-1))][rest]
        }
        guard let count = Int(exactly: exponent), abs(count) <= maximumBits else { throw .tooLarge }
        guard base.bitWidth.multipliedReportingOverflow(by: abs(count)).partialValue <= maximumBits * 2 else {
            throw .tooLarge
        }
        if let real = base.real {
            guard let result = real.power(count) else { throw .undefined }
            return try checked(Gaussian(result))
        }
        var result = Gaussian.one
        var square = base
        var left = abs(count)
        while left > 0 {
            if left & 1 == 1 { result = try checked(result * square) }
            left >>= 1
            if left > 0 { square = try checked(square * square) }
        }
        if count >= 0 { return result }
        guard let inverse = result.inverse else { throw .undefined }
        return inverse
    }

    private func repeated(
        _ kind: Expression.Repetition, _ body: Expression, _ index: String, _ from: Expression, _ to: Expression
    ) throws(Fault) -> Gaussian {
        if to == .constant(.infinity) { throw .unknown }
        guard let first = Int(exactly: try integer(from)), let last = Int(exactly: try integer(to)) else {
            throw .tooLarge
        }
        let (count, overflow) = last.subtractingReportingOverflow(first)
        guard !overflow, count >= -1 else { throw .undefined }
        guard count < maximumTerms else { throw .tooLarge }
        var inner = self
        var result = kind == .sum ? Gaussian.zero : .one
        guard count >= 0 else { return result }
        for step in first...last {
            inner.values[index] = Gaussian(Rational(step))
            let term = try inner.value(body)
            result = try checked(kind == .sum ? result + term : result * term)
        }
        return result
    }
}

// MARK: - Functions

extension ExactEvaluator {
    private func call(_ operation: Expression.Operation, _ arguments: [Expression]) throws(Fault) -> Gaussian {
        switch operation {
        case .abs: return try absolute(arguments[0])
        case .root: return try root(arguments[0], arguments[1])
        case .log: return try logarithm(arguments[0], arguments[1])
        case .floor: return Gaussian(Rational(try real(arguments[0]).floor))
        case .ceil: return Gaussian(Rational(-(-(try real(arguments[0]))).floor))
        case .max, .min:
            var values: [Rational] = []
            for argument in arguments { values.append(try real(argument)) }
            guard let value = operation == .max ? values.max() : values.min() else { throw .undefined }
            return Gaussian(value)
        case .gcd, .lcm: return Gaussian(try divisor(operation, arguments))
        case .mod: return Gaussian(try modulo(arguments[0], arguments[1]))
        case .factorial: return Gaussian(Rational(try factorial(try integer(arguments[0]))))
        case .binomial: return Gaussian(Rational(try binomial(try integer(arguments[0]), try integer(arguments[1]))))
        case .re: return Gaussian(try value(arguments[0]).re)
        case .im: return Gaussian(try value(arguments[0]).im)
        case .sin, .tan, .arcsin, .arctan, .sinh, .tanh, .arsinh, .artanh:
            guard try value(arguments[0]).isZero else { throw .unknown }
            return .zero
        case .cos, .cosh, .sec, .sech:
            guard try value(arguments[0]).isZero else { throw .unknown }
            return .one
        default:
            for argument in arguments { _ = try value(argument) }
            throw .unknown
        }
    }

    private func absolute(_ argument: Expression) throws(Fault) -> Gaussian {
        let value = try value(argument)
        if let real = value.real { return Gaussian(real.magnitude) }
        guard let root = (value.re * value.re + value.im * value.im).root(2) else { throw .unknown }
        return Gaussian(root)
    }

    private func root(_ argument: Expression, _ degree: Expression) throws(Fault) -> Gaussian {
        guard let degree = Int(exactly: try integer(degree)), (1...4096).contains(degree) else { throw .undefined }
        guard let value = try value(argument).real else { throw .unknown }
        if let root = value.root(degree) { return Gaussian(root) }
        if degree == 2, value.isNegative, let root = (-value).root(2) { return Gaussian(.zero, root) }
        throw .unknown
    }

    private func logarithm(_ argument: Expression, _ base: Expression) throws(Fault) -> Gaussian {
        let value = try real(argument)
        guard !value.isZero else { throw .undefined }
        if value == .one { return .zero }
        let base = try real(base)
        guard !value.isNegative, !base.isNegative, !base.isZero, base != .one else { throw .unknown }
        var power = base
        for exponent in 1...4096 {
            if power == value { return Gaussian(Rational(exponent)) }
            if power.inverse == value { return Gaussian(Rational(-exponent)) }
            guard power.bitWidth <= value.bitWidth + 2 else { throw .unknown }
            power = power * base
        }
        throw .unknown
    }

    /// Of rational numbers: gcd(a/b, c/d) = gcd(ad, cb)/(bd).
    private func divisor(_ operation: Expression.Operation, _ arguments: [Expression]) throws(Fault) -> Rational {
        var result: Rational?
        for argument in arguments {
            let value = try real(argument).magnitude
            guard let before = result else {
                result = value
                continue
            }
            let scale = before.denominator * value.denominator
            let common = (before.numerator * value.denominator).greatestCommonDivisor(
                with: value.numerator * before.denominator)
            let gcd = Rational(common, over: scale) ?? .zero
            if operation == .gcd {
                result = gcd
            } else {
                result = gcd.inverse.map { before * value * $0 } ?? .zero
            }
        }
        guard let result else { throw .undefined }
        return result
    }

    private func modulo(_ a: Expression, _ b: Expression) throws(Fault) -> Rational {
        let divisor = try real(b)
        guard !divisor.isZero else { throw .undefined }
        if case .power(let base, let exponent) = a, divisor.isInteger, !divisor.isNegative,
            let base = try? integer(base), let exponent = try? integer(exponent), exponent.sign == .plus
        {
            return Rational(base.power(exponent, modulus: divisor.numerator))
        }
        let value = try real(a)
        guard let inverse = divisor.inverse else { throw .undefined }
        return value - Rational((value * inverse).floor) * divisor
    }

    private func factorial(_ value: BigInt) throws(Fault) -> BigInt {
        guard value.sign == .plus || value.isZero else { throw .undefined }
        guard let count = Int(exactly: value), count <= maximumBits / 8 else { throw .tooLarge }
        var result = BigInt(1)
        guard count > 1 else { return result }
        for factor in 2...count {
            result *= BigInt(factor)
            if result.bitWidth > maximumBits { throw .tooLarge }
        }
        return result
    }

    private func binomial(_ n: BigInt, _ k: BigInt) throws(Fault) -> BigInt {
        guard k.sign == .plus || k.isZero else { return 0 }
        guard n.sign == .plus || n.isZero else { throw .undefined }
        guard k <= n else { return 0 }
        guard let count = Int(exactly: min(k, n - k)), count <= maximumBits / 16 else { throw .tooLarge }
        var result = BigInt(1)
        for step in 0..<count {
            result = result * (n - BigInt(step)) / BigInt(step + 1)
            if result.bitWidth > maximumBits { throw .tooLarge }
        }
        return result
    }
}
