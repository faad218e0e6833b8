/// Compares two values: numbers and algebraic expressions.
///
/// In this order: exact rational arithmetic; fingerprints, which settle every rational function; and for the rest, an
/// algebra system. Without one, what needs it is thrown as `needsAlgebra`.
package struct ScalarComparison {
    /// Points of the fingerprints.
    private static let points = 3
    /// Points that are tried until enough are defined.
    private static let maximumPoints = 12

    let algebra: (any Algebra)?
    let budget: StepBudget
    /// A hash of both answers, which picks points and primes.
    let seed: UInt64
    /// Fewest decimal places instead of significant digits, where a line's configuration says so.
    let roundingPlaces: Int?

    /// Whether two values are equal.
    func areEqual(_ a: Expression, _ b: Expression) throws(ComparisonFault) -> Bool {
        if let infinite = Self.infinities(a, b) { return infinite }
        if a.symbols.isEmpty, b.symbols.isEmpty, let result = try exactly(a, b) { return result }
        if let result = try byFingerprint(a, b) { return result }
        guard let algebra else { throw .needsAlgebra }
        if let result = try rounding(a, b, algebra) { return result }
        return try algebra.areEqual(a, b)
    }

    // MARK: Infinity

    /// The comparison of values of which at least one is infinite; an expression around ∞ has no value.
    private static func infinities(_ a: Expression, _ b: Expression) -> Bool? {
        guard holdsInfinity(a) || holdsInfinity(b) else { return nil }
        guard let x = infiniteSign(a), let y = infiniteSign(b) else { return false }
        return x == y
    }

    /// ∞ outside the bounds of a sum.
    private static func holdsInfinity(_ expression: Expression) -> Bool {
        switch expression {
        case .constant(.infinity): true
        case .repeated(_, let body, _, _, _): holdsInfinity(body)
        default: expression.children.contains(where: holdsInfinity)
        }
    }

    /// 1 for ∞, −1 for −∞, with a rational factor allowed; `nil` for all else.
    static func infiniteSign(_ expression: Expression) -> Int? {
        switch expression {
        case .constant(.infinity): return 1
        case .percent(let part): return infiniteSign(part)
        case .product(let factors):
            var sign = 1
            var count = 0
            for factor in factors {
                if let value = factor.literal, !value.isZero {
                    if value.isNegative { sign = -sign }
                } else if let infinite = infiniteSign(factor), count == 0 {
                    sign *= infinite
                    count += 1
                } else {
                    return nil
                }
            }
            return count == 1 ? sign : nil
        default: return nil
        }
    }

    // MARK: Exact numbers

    /// The exact value, `nil` if there is none that can be written out; `undefined` if there is none at all.
    private func exact(_ expression: Expression) throws(ComparisonFault) -> (value: Gaussian?, isUndefined: Bool) {
        do throws(ExactEvaluator.Fault) {
            return (try ExactEvaluator(budget: budget).value(expression), false)
        } catch {
            switch error {
            case .undefined: return (nil, true)
            case .unknown, .tooLarge: return (nil, false)
            case .exhausted: throw ComparisonFault.exhausted
            }
        }
    }

    private func exactly(_ a: Expression, _ b: Expression) throws(ComparisonFault) -> Bool? {
        let (x, y) = (try exact(a), try exact(b))
        if x.isUndefined || y.isUndefined { return false }
        guard let first = x.value, let second = y.value else { return nil }
        if first == second { return true }
        guard let p = first.real, let q = second.real else { return false }
        return isRounding(a, of: q, b) || isRounding(b, of: p, a)
    }

    /// Whether a decimal is a value without a finite decimal, to the nearest unit of its last place.
    private func isRounding(_ decimal: Expression, of value: Rational, _ source: Expression) -> Bool {
        guard let (literal, places) = standIn(decimal), value.hasInfiniteDecimal else { return false }
        if case .decimal = source { return false }
        return Self.isNear(literal, value, places: places)
    }

    /// |a − b| · 2 · 10^places ≤ 1.
    private static func isNear(_ a: Rational, _ b: Rational, places: Int) -> Bool {
        guard let scale = Rational(10).power(places) else { return false }
        return (a - b).magnitude * scale * Rational(2) <= .one
    }

    /// A decimal with enough digits to stand for a value that has none.
    private func standIn(_ expression: Expression) -> (Rational, places: Int)? {
        guard case .decimal(let value, let places, let digits) = expression, places <= 4096 else { return nil }
        let isEnough = roundingPlaces.map { places >= $0 } ?? (digits >= MathConfiguration.significantDigits)
        return isEnough ? (value, places) : nil
    }

    /// A decimal against a value that has to be computed.
    private func rounding(_ a: Expression, _ b: Expression, _ algebra: any Algebra) throws(ComparisonFault) -> Bool? {
        for (decimal, value) in [(a, b), (b, a)] {
            guard case .decimal(let literal, let places, _) = decimal, value.symbols.isEmpty else { continue }
            if case .decimal = value { continue }
            guard try algebra.rounds(value, to: literal, places: places) else { return false }
            if standIn(decimal) != nil { return true }
        }
        return nil
    }

    // MARK: Fingerprints

    /// Equal or not by fingerprints; `nil` if they decide nothing.
    private func byFingerprint(_ a: Expression, _ b: Expression) throws(ComparisonFault) -> Bool? {
        for prime in [Fingerprint.mersenne, Fingerprint.primes[Int(seed % UInt64(Fingerprint.primes.count))]] {
            var found = 0
            for point in 0..<Self.maximumPoints where found < Self.points {
                let mark = Fingerprint.mix(seed &+ UInt64(point))
                var (left, right) = (
                    Fingerprint(prime: prime, seed: mark, budget: budget),
                    Fingerprint(prime: prime, seed: mark, budget: budget)
                )
                do throws(Fingerprint.Fault) {
                    let (x, y) = (try left.value(a), try right.value(b))
                    found += 1
                    guard x == y else {
                        let isDecimal = a.isDecimal != b.isDecimal && a.symbols.isEmpty && b.symbols.isEmpty
                        return left.hasAtoms || right.hasAtoms || isDecimal ? nil : false
                    }
                    guard left.partialAtoms == right.partialAtoms else { return nil }
                } catch {
                    switch error {
                    case .undefined: continue
                    case .unsupported: return nil
                    case .exhausted: throw ComparisonFault.exhausted
                    }
                }
            }
            guard found == Self.points else { return false }  // undefined wherever one looks
        }
        return true
    }

    /// The fingerprint at one point, by which equal expressions are found without comparing each pair.
    func key(_ expression: Expression) -> Fingerprint.Element? {
        var print = Fingerprint(prime: Fingerprint.mersenne, seed: seed, budget: budget)
        return try? print.value(expression)
    }

    // MARK: Proportions

    /// The sign of the constant `c` in `a = c·b`; `nil` if there is none.
    func proportion(_ a: Expression, _ b: Expression) throws(ComparisonFault) -> Int? {
        switch try proportionByFingerprint(a, b) {
        case .some(false): return nil
        case .some(true):
            if let sign = try rationalProportion(a, b) { return sign }
        case nil: break
        }
        guard let algebra else { throw .needsAlgebra }
        return try algebra.proportion(a, b)
    }

    private func proportionByFingerprint(_ a: Expression, _ b: Expression) throws(ComparisonFault) -> Bool? {
        let prime = Fingerprint.primes[Int(seed % UInt64(Fingerprint.primes.count))]
        var first: (Fingerprint.Element, Fingerprint.Element)?
        var found = 0
        for point in 0..<Self.maximumPoints where found < Self.points {
            let mark = Fingerprint.mix(seed &+ UInt64(point))
            var (left, right) = (
                Fingerprint(prime: prime, seed: mark, budget: budget),
                Fingerprint(prime: prime, seed: mark, budget: budget)
            )
            do throws(Fingerprint.Fault) {
                let (x, y) = (try left.value(a), try right.value(b))
                guard let (u, v) = first else {
                    first = (x, y)
                    continue
                }
                found += 1
                guard left.multiply(x, v) == left.multiply(u, y) else {
                    return left.hasAtoms || right.hasAtoms ? nil : false
                }
                guard left.partialAtoms == right.partialAtoms else { return nil }
            } catch {
                switch error {
                case .undefined: continue
                case .unsupported: return nil
                case .exhausted: throw ComparisonFault.exhausted
                }
            }
        }
        return found == Self.points
    }

    /// The sign of a/b at a rational point where both are rational and not 0.
    private func rationalProportion(_ a: Expression, _ b: Expression) throws(ComparisonFault) -> Int? {
        let names = a.symbols.union(b.symbols).sorted()
        for attempt in 0..<8 {
            var evaluator = ExactEvaluator(budget: budget)
            for (index, name) in names.enumerated() {
                let value = Int(Fingerprint.mix(seed &+ UInt64(attempt * 64 + index)) % 37) + 2
                evaluator.values[name] = Gaussian(Rational(value))
            }
            guard let x = (try? evaluator.value(a))?.real, let y = (try? evaluator.value(b))?.real, !x.isZero, !y.isZero
            else { continue }
            return x.isNegative == y.isNegative ? 1 : -1
        }
        return nil
    }
}

extension Expression {
    var isDecimal: Bool { if case .decimal = self { true } else { false } }
}
