import BigInt

/// Derivatives of elementary expressions.
enum Calculus {
    /// The derivative, not simplified; `nil` if the expression has parts without one.
    static func derivative(of expression: Expression, by name: String) -> Expression? {
        switch expression {
        case .number, .decimal, .constant: return .zero
        case .symbol(let symbol): return symbol == name ? .one : .zero
        case .sum(let terms):
            let parts = terms.map { derivative(of: $0, by: name) }
            return parts.contains(nil) ? nil : .sum(of: parts.compactMap { $0 })
        case .product(let factors):
            guard factors.count <= 32 else { return nil }
            var terms: [Expression] = []
            for index in factors.indices {
                guard let part = derivative(of: factors[index], by: name) else { return nil }
                if part == .zero { continue }
                var changed = factors
                changed[index] = part
                terms.append(.product(of: changed))
            }
            return terms.isEmpty ? .zero : .sum(of: terms)
        case .power(let base, let exponent):
            guard let inner = derivative(of: base, by: name) else { return nil }
            if !exponent.symbols.contains(name) {
                return .product(of: [exponent, .power(base, .difference(exponent, .one)), inner])
            }
            guard base == .constant(.e), let outer = derivative(of: exponent, by: name) else { return nil }
            return .product(of: [expression, outer])
        case .call(let operation, let arguments):
            guard let inner = derivative(of: arguments[0], by: name), let outer = outer(operation, arguments) else {
                return nil
            }
            return .product(of: [outer, inner])
        default: return nil
        }
    }

    private static func outer(_ operation: Expression.Operation, _ arguments: [Expression]) -> Expression? {
        let x = arguments[0]
        switch operation {
        case .sin: return .call(.cos, [x])
        case .cos: return Expression.call(.sin, [x]).negated
        case .tan: return .power(.call(.cos, [x]), .integer(-2))
        case .log where arguments.count == 2 && arguments[1] == .constant(.e): return .power(x, .integer(-1))
        case .root where arguments.count == 2 && arguments[1] == .integer(2):
            return .power(.product(of: [.integer(2), .call(.root, arguments)]), .integer(-1))
        default: return nil
        }
    }
}

/// A polynomial in one variable with rational coefficients, the constant first.
struct Polynomial: Hashable {
    var coefficients: [Rational]

    /// Largest size of a coefficient, in bits.
    private static let maximumBits = 4096

    /// The polynomial that an expression is; `nil` if it is none, or too large.
    init?(_ expression: Expression, in name: String, maximumDegree: Int) {
        switch expression {
        case .number(let value), .decimal(let value, _, _): coefficients = [value]
        case .symbol(name): coefficients = [.zero, .one]
        case .sum(let terms):
            var sum = Polynomial(coefficients: [])
            for term in terms {
                guard let next = Polynomial(term, in: name, maximumDegree: maximumDegree) else { return nil }
                sum = sum + next
            }
            self = sum
        case .product(let factors):
            var product = Polynomial(coefficients: [.one])
            for factor in factors {
                guard let next = Polynomial(factor, in: name, maximumDegree: maximumDegree),
                    let result = product.times(next, maximumDegree)
                else { return nil }
                product = result
            }
            self = product
        case .power(let base, let exponent):
            guard let power = exponent.literal?.int, let base = Polynomial(base, in: name, maximumDegree: maximumDegree)
            else { return nil }
            guard power >= 0 else {
                guard base.degree == 0, power >= -64, let value = base.coefficients.first?.power(power) else {
                    return nil
                }
                coefficients = [value]
                return
            }
            guard power <= maximumDegree else { return nil }
            var result = Polynomial(coefficients: [.one])
            for _ in 0..<power {
                guard let next = result.times(base, maximumDegree) else { return nil }
                result = next
            }
            self = result
        default: return nil
        }
        while coefficients.last?.isZero == true { coefficients.removeLast() }
        guard coefficients.count <= maximumDegree + 1, coefficients.allSatisfy({ $0.bitWidth <= Self.maximumBits })
        else {
            return nil
        }
    }

    init(coefficients: [Rational]) { self.coefficients = coefficients }

    /// The degree; 0 for constants.
    var degree: Int { max(0, coefficients.count - 1) }

    static func + (a: Polynomial, b: Polynomial) -> Polynomial {
        Polynomial(
            coefficients: (0..<max(a.coefficients.count, b.coefficients.count)).map { index in
                let left = index < a.coefficients.count ? a.coefficients[index] : .zero
                return index < b.coefficients.count ? left + b.coefficients[index] : left
            })
    }

    func times(_ other: Polynomial, _ maximumDegree: Int) -> Polynomial? {
        guard !coefficients.isEmpty, !other.coefficients.isEmpty else { return Polynomial(coefficients: []) }
        guard degree + other.degree <= maximumDegree else { return nil }
        var result = [Rational](repeating: .zero, count: coefficients.count + other.coefficients.count - 1)
        for (i, a) in coefficients.enumerated() where !a.isZero {
            for (j, b) in other.coefficients.enumerated() { result[i + j] = result[i + j] + a * b }
        }
        guard result.allSatisfy({ $0.bitWidth <= Self.maximumBits }) else { return nil }
        return Polynomial(coefficients: result)
    }
}
