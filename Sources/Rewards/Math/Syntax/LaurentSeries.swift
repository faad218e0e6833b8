import BigInt

/// A function of t > 0 near 0, as exact as its first terms are:
///
///     t^order · (c₀ + c₁·t + … ) + O(t^end)        c₀ ≠ 0, or no terms at all: then only the O is known
///
/// Coefficients are rational. An operation that would need others, or a sign that is not known, gives `nil`.
struct LaurentSeries: Hashable {
    /// Terms that are kept: what cancels in limits that people write are the first few.
    private static let terms = 10
    /// Greatest power of t either way.
    private static let maximumOrder = 256
    /// Most bits of a coefficient.
    private static let maximumBits = 2048

    let order: Int
    let coefficients: [Rational]
    /// The power from which on nothing is known.
    var end: Int { order + coefficients.count }

    /// Terms from a power on; leading zeros are taken off. `nil` if anything grows too large.
    private init?(from order: Int, _ coefficients: [Rational]) {
        let zeros = coefficients.prefix { $0.isZero }.count
        self.order = order + zeros
        self.coefficients = Array(coefficients.dropFirst(zeros).prefix(Self.terms))
        guard abs(self.order) <= Self.maximumOrder, self.coefficients.allSatisfy({ $0.bitWidth <= Self.maximumBits })
        else {
            return nil
        }
    }

    /// `factor · t^power`; 0 is known up to the greatest power.
    init?(_ factor: Rational, power: Int = 0) {
        guard !factor.isZero else {
            self.init(from: Self.maximumOrder, [])
            return
        }
        self.init(from: power, [factor] + [Rational](repeating: .zero, count: Self.terms - 1))
    }

    /// The coefficient of a power of t that is known.
    private func coefficient(_ power: Int) -> Rational {
        coefficients.indices.contains(power - order) ? coefficients[power - order] : .zero
    }

    static func + (a: LaurentSeries, b: LaurentSeries) -> LaurentSeries? {
        let (low, end) = (min(a.order, b.order), min(a.end, b.end))
        guard low < end else { return LaurentSeries(from: end, []) }
        return LaurentSeries(
            from: low, (low..<min(end, low + 2 * terms)).map { a.coefficient($0) + b.coefficient($0) })
    }

    static func * (a: LaurentSeries, b: LaurentSeries) -> LaurentSeries? {
        let count = min(a.coefficients.count, b.coefficients.count)
        return LaurentSeries(
            from: a.order + b.order,
            (0..<count).map { n in (0...n).reduce(.zero) { $0 + a.coefficients[$1] * b.coefficients[n - $1] } })
    }

    /// A rational power, by the recurrence of J.C.P. Miller for (1 + u)^r.
    func power(_ exponent: Rational) -> LaurentSeries? {
        guard let lead = coefficients.first, let inverse = lead.inverse, exponent.bitWidth <= 128 else { return nil }
        guard let shift = (exponent * Rational(order)).int, abs(shift) <= Self.maximumOrder,
            let degree = Int(exactly: exponent.denominator), let times = Int(exactly: exponent.numerator),
            degree <= 64, lead == .one || abs(times) <= 64,
            let factor = lead.root(degree)?.power(lead == .one ? 1 : times)
        else { return nil }
        let u = coefficients.map { $0 * inverse }
        var result: [Rational] = [.one]
        for k in 1..<max(1, coefficients.count) {
            let sum = (1...k).reduce(Rational.zero) { sum, i in
                sum + (exponent * Rational(i) - Rational(k - i)) * u[i] * result[k - i]
            }
            guard let next = sum.divided(by: k) else { return nil }
            result.append(next)
        }
        return LaurentSeries(from: shift, result.map { factor * $0 })
    }

    /// The coefficients from t⁰ on where there are none before, as far as they are known.
    private var taylor: [Rational]? {
        order < 0 ? nil : (0..<min(end, Self.terms)).map(coefficient)
    }

    /// `e^s` for s that vanishes at 0.
    var exponential: LaurentSeries? {
        guard order >= 1, let s = taylor else { return nil }
        var result: [Rational] = [.one]
        for k in 1..<max(1, s.count) {
            guard let next = Self.convolution(k, s, result)?.divided(by: k) else { return nil }
            result.append(next)
        }
        return LaurentSeries(from: 0, result)
    }

    /// `ln s` for s that is 1 at 0.
    var logarithm: LaurentSeries? {
        guard order == 0, coefficients.first == .one else { return nil }
        let s = coefficients
        var result: [Rational] = [.zero]
        for k in 1..<max(1, s.count) {
            let sum = (1..<k).reduce(Rational.zero) { $0 + Rational($1) * result[$1] * s[k - $1] }
            guard let part = sum.divided(by: k) else { return nil }
            result.append(s[k] - part)
        }
        return LaurentSeries(from: 0, result)
    }

    /// Sine and cosine of s that vanishes at 0.
    var sineAndCosine: (sine: LaurentSeries, cosine: LaurentSeries)? {
        guard order >= 1, let s = taylor else { return nil }
        var (sine, cosine): ([Rational], [Rational]) = ([.zero], [.one])
        for k in 1..<max(1, s.count) {
            guard let a = Self.convolution(k, s, cosine)?.divided(by: k),
                let b = Self.convolution(k, s, sine)?.divided(by: k)
            else { return nil }
            sine.append(a)
            cosine.append(-b)
        }
        guard let sine = LaurentSeries(from: 0, sine), let cosine = LaurentSeries(from: 0, cosine) else { return nil }
        return (sine, cosine)
    }

    /// The inverse tangent (`sign` 1, `exponent` -1) or inverse sine (-1, -1/2) of s that vanishes at 0, by integrating
    /// `s' · (1 + sign·s²)^exponent`.
    func inverse(sign: Rational, exponent: Rational) -> LaurentSeries? {
        guard order >= 1, let square = self * self, let one = LaurentSeries(.one), let signed = LaurentSeries(sign),
            let inner = signed * square, let sum = one + inner, let root = sum.power(exponent),
            let slope = LaurentSeries(from: order - 1, coefficients.enumerated().map { Rational(order + $0) * $1 }),
            let product = slope * root
        else { return nil }
        var result: [Rational] = []
        for (index, value) in product.coefficients.enumerated() {
            guard let part = value.divided(by: product.order + index + 1) else { return nil }
            result.append(part)
        }
        return LaurentSeries(from: product.order + 1, result)
    }

    /// `Σ i·s_i·r_{k−i}` over i from 1 to k.
    private static func convolution(_ k: Int, _ s: [Rational], _ r: [Rational]) -> Rational? {
        let sum = (1...k).reduce(Rational.zero) { $0 + Rational($1) * s[$1] * r[k - $1] }
        return sum.bitWidth <= maximumBits ? sum : nil
    }

    /// The limit for t → 0: a number, or an infinity with its sign; `nil` if it is not known.
    var limit: Expression? {
        if order > 0 { return .zero }
        guard let lead = coefficients.first else { return nil }
        if order == 0 { return .number(lead) }
        return lead.isNegative ? Expression.constant(.infinity).negated : .constant(.infinity)
    }
}

extension Rational {
    /// Divided by a whole number; `nil` for 0.
    fileprivate func divided(by divisor: Int) -> Rational? { Rational(1, over: BigInt(divisor)).map { self * $0 } }
}
