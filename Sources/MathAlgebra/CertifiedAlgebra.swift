import BigInt
import CCalcium
import Rewards

/// The algebra system: rigorous balls of Arb, and Calcium's exact fields where balls can't tell two constants apart.
public struct CertifiedAlgebra: Algebra {
    private let budget: StepBudget

    /// Bits of the balls, from the cheapest on.
    private static let precisions = [64, 128, 256, 512, 1024, 2048, 4096]
    /// Points at which expressions with variables must agree.
    private static let agreements = 8

    /// An algebra system with its budget.
    package init(budget: StepBudget) { self.budget = budget }

    /// Whether two expressions are equal.
    package func areEqual(_ a: Expression, _ b: Expression) throws(ComparisonFault) -> Bool {
        let (a, b) = (try simplified(a), try simplified(b))
        if a == b, !a.symbols.isEmpty { return true }
        return a.symbols.isEmpty && b.symbols.isEmpty ? try constantsAreEqual(a, b) : try functionsAreEqual(a, b)
    }

    private func simplified(_ expression: Expression) throws(ComparisonFault) -> Expression {
        try withoutExtremes(Rewriting(budget: budget).simplified(expression))
    }

    /// The largest or smallest of constants as that constant.
    private func withoutExtremes(_ expression: Expression) throws(ComparisonFault) -> Expression {
        guard case .call(let operation, let arguments) = expression, operation == .max || operation == .min,
            expression.symbols.isEmpty
        else {
            do { return try expression.map { try withoutExtremes($0) } } catch {
                throw error as? ComparisonFault ?? .exhausted
            }
        }
        var best = arguments[0]
        for argument in arguments.dropFirst() {
            guard let sign = try sign(.difference(argument, best)) else { return expression }
            if operation == .max ? sign > 0 : sign < 0 { best = argument }
        }
        return best
    }

    // MARK: Constants

    private func ball(_ expression: Expression, bits: Int, at values: [String: Rational] = [:]) throws(ComparisonFault)
        -> Ball?
    {
        let evaluator = BallEvaluator(
            bits: bits, budget: budget, isEqual: { (a, b) throws(ComparisonFault) in try constantsAreEqual(a, b) },
            values: values)
        do throws(BallEvaluator.Fault) {
            let ball = try evaluator.value(expression)
            return ball.isFinite ? ball : nil
        } catch {
            switch error {
            case .undefined: return nil
            case .exhausted: throw ComparisonFault.exhausted
            }
        }
    }

    private func constantsAreEqual(_ a: Expression, _ b: Expression) throws(ComparisonFault) -> Bool {
        var isOpen = false
        for bits in Self.precisions {
            guard let x = try ball(a, bits: bits), let y = try ball(b, bits: bits) else {
                if bits > 512 { return false }  // undefined, as far as anyone can tell
                continue
            }
            if !x.overlaps(y) { return false }
            if !isOpen, bits >= 128, min(x.accuracy, y.accuracy) > 32 || bits >= 512 {
                isOpen = true
                let field = CertifiedField(budget: budget) { try? sign($0) }
                if let result = field.areEqual(a, b) { return result }
            }
        }
        return false  // equal to a thousand digits, but not proved
    }

    /// The sign of a real constant.
    package func sign(_ value: Expression) throws(ComparisonFault) -> Int? {
        for bits in Self.precisions {
            guard let ball = try ball(value, bits: bits) else { continue }
            if let sign = ball.sign { return sign }
            if bits == 128, try constantsAreEqual(value, .zero) { return 0 }
        }
        return nil
    }

    /// Whether a real constant rounds to a decimal.
    package func rounds(_ value: Expression, to decimal: Rational, places: Int) throws(ComparisonFault) -> Bool {
        guard let half = Rational(1, over: 2), let unit = Rational(10).power(-places) else { return false }
        let distance = Expression.call(.abs, [.difference(try simplified(value), .number(decimal))])
        return try sign(.difference(.number(half * unit), distance)).map { $0 >= 0 } ?? false
    }

    // MARK: Functions

    private func functionsAreEqual(_ a: Expression, _ b: Expression) throws(ComparisonFault) -> Bool {
        var agreed = 0
        try atPoints(a, b) { (x, y) throws(ComparisonFault) in
            guard x.overlaps(y) else {
                agreed = -1
                return false
            }
            agreed += 1
            return true
        }
        return agreed >= Self.agreements
    }

    /// The sign of the constant ratio of two expressions.
    package func proportion(_ a: Expression, _ b: Expression) throws(ComparisonFault) -> Int? {
        let (a, b) = (try simplified(a), try simplified(b))
        var first: (Ball, Ball)?
        var agreed = 0
        var sign: Int?
        try atPoints(a, b) { (x, y) throws(ComparisonFault) in
            guard !x.containsZero, !y.containsZero else { return true }
            guard let (u, v) = first else {
                first = (x, y)
                sign = x.sign.flatMap { left in y.sign.map { left * $0 } }
                return true
            }
            let (left, right) = (Ball.product(x, v), Ball.product(u, y))
            guard left.overlaps(right) else {
                agreed = -1
                return false
            }
            agreed += 1
            return true
        }
        return agreed >= Self.agreements - 1 ? sign : nil
    }

    /// Evaluates both at many points and hands over the pairs that are defined, real where neither side mentions i, and
    /// precise; stops when told to.
    private func atPoints(
        _ a: Expression, _ b: Expression, _ body: (Ball, Ball) throws(ComparisonFault) -> Bool
    ) throws(ComparisonFault) {
        let names = a.symbols.union(b.symbols).sorted()
        let hasI = { (part: Expression) in part == .constant(.i) }
        let isComplex = a.contains(where: hasI) || b.contains(where: hasI)
        for point in SamplePoints.all(names) {
            var precise: (Ball, Ball)?
            for bits in [128, 512] {
                guard let x = try ball(a, bits: bits, at: point), let y = try ball(b, bits: bits, at: point) else {
                    break
                }
                if !isComplex, x.isSurelyComplex || y.isSurelyComplex { break }
                precise = (x, y)
                if min(x.accuracy, y.accuracy) >= 100 || !x.overlaps(y) { break }
            }
            guard let (x, y) = precise else { continue }
            guard !x.overlaps(y) || max(x.accuracy, y.accuracy) >= 64 || x.isZero || y.isZero || x.isTiny && y.isTiny
            else {
                continue
            }
            guard try body(x, y) else { return }
        }
    }
}

extension Ball {
    static func product(_ a: Ball, _ b: Ball) -> Ball { Ball.of(a, b) { acb_mul($0, $1, $2, 512) } }
}
