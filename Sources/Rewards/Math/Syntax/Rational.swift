import BigInt

/// An exact fraction, always reduced, with a positive denominator.
package struct Rational: Hashable, Sendable, Comparable {
    /// The numerator, with the sign.
    package let numerator: BigInt
    /// The denominator, above 0.
    package let denominator: BigInt

    package static let zero = Rational(0)
    package static let one = Rational(1)

    /// A whole number.
    package init(_ value: Int) {
        numerator = BigInt(value)
        denominator = 1
    }

    /// A whole number.
    package init(_ value: BigInt) {
        numerator = value
        denominator = 1
    }

    /// A fraction; `nil` if the denominator is 0.
    package init?(_ numerator: BigInt, over denominator: BigInt) {
        guard !denominator.isZero else { return nil }
        let divisor = Self.commonDivisor(numerator.magnitude, denominator.magnitude)
        let flips = denominator.sign == .minus
        let top = divisor == 1 ? numerator.magnitude : numerator.magnitude / divisor
        let bottom = divisor == 1 ? denominator.magnitude : denominator.magnitude / divisor
        let isNegative = (numerator.sign == .minus) != flips && !top.isZero
        self.numerator = BigInt(sign: isNegative ? .minus : .plus, magnitude: top)
        self.denominator = BigInt(bottom)
    }

    /// `digits · 10^exponent`; the caller bounds both.
    package init(digits: BigInt, exponent: Int) {
        if exponent >= 0 {
            self.init(digits * BigInt(10).power(exponent))
        } else {
            self = Rational(digits, over: BigInt(10).power(-exponent)) ?? .zero
        }
    }

    /// A fraction that is reduced already, with a positive denominator.
    private init(reduced numerator: BigInt, over denominator: BigInt) {
        self.numerator = numerator
        self.denominator = denominator
    }

    /// Euclid's algorithm while the sizes differ, so that the binary one, which takes a step a bit, has little to do.
    private static func commonDivisor(_ a: BigUInt, _ b: BigUInt) -> BigUInt {
        var (large, small) = a > b ? (a, b) : (b, a)
        while !small.isZero {
            if small == 1 { return 1 }
            if large.bitWidth <= small.bitWidth + 8, small.bitWidth <= 128 {
                return large.greatestCommonDivisor(with: small)
            }
            (large, small) = (small, large % small)
        }
        return large
    }

    package var isZero: Bool { numerator.isZero }
    package var isInteger: Bool { denominator == 1 }
    package var isNegative: Bool { numerator.sign == .minus }
    /// Bits of numerator and denominator together: what arithmetic costs.
    package var bitWidth: Int { numerator.magnitude.bitWidth + denominator.magnitude.bitWidth }
    /// The value as a machine integer, if it is one.
    package var int: Int? { isInteger ? Int(exactly: numerator) : nil }

    /// Whether the decimal expansion never ends: the denominator has a prime factor other than 2 and 5.
    package var hasInfiniteDecimal: Bool {
        var rest = denominator.magnitude
        rest >>= rest.trailingZeroBitCount
        while true {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 5)
            guard remainder.isZero else { return rest != 1 }
            rest = quotient
        }
    }

    /// The largest whole number that is not greater.
    package var floor: BigInt {
        let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
        return remainder.sign == .minus && !remainder.isZero ? quotient - 1 : quotient
    }

    package var magnitude: Rational { isNegative ? -self : self }

    /// 1 divided by it; `nil` for 0.
    package var inverse: Rational? {
        guard !isZero else { return nil }
        return isNegative
            ? Rational(reduced: -denominator, over: -numerator) : Rational(reduced: denominator, over: numerator)
    }

    package static prefix func - (value: Rational) -> Rational {
        Rational(reduced: -value.numerator, over: value.denominator)
    }

    package static func + (a: Rational, b: Rational) -> Rational {
        if a.denominator == b.denominator, a.isInteger { return Rational(a.numerator + b.numerator) }
        return Rational(a.numerator * b.denominator + b.numerator * a.denominator, over: a.denominator * b.denominator)
            ?? .zero
    }

    package static func - (a: Rational, b: Rational) -> Rational { a + -b }

    package static func * (a: Rational, b: Rational) -> Rational {
        if a.isInteger, b.isInteger { return Rational(a.numerator * b.numerator) }
        return Rational(a.numerator * b.numerator, over: a.denominator * b.denominator) ?? .zero
    }

    package static func < (a: Rational, b: Rational) -> Bool {
        a.numerator * b.denominator < b.numerator * a.denominator
    }

    /// A power with a whole exponent; `nil` for 0 to a negative one. The caller bounds the size.
    package func power(_ exponent: Int) -> Rational? {
        guard exponent >= 0 else { return inverse?.power(-exponent) }
        return Rational(reduced: numerator.power(exponent), over: denominator.power(exponent))
    }

    /// The exact `degree`-th root, if it is rational.
    package func root(_ degree: Int) -> Rational? {
        guard degree >= 1 else { return nil }
        if isNegative { return degree % 2 == 1 ? (-self).root(degree).map { -$0 } : nil }
        guard let top = Self.exactRoot(numerator.magnitude, degree),
            let bottom = Self.exactRoot(denominator.magnitude, degree)
        else { return nil }
        return Rational(BigInt(top), over: BigInt(bottom))
    }

    private static func exactRoot(_ value: BigUInt, _ degree: Int) -> BigUInt? {
        if value <= 1 || degree == 1 { return value }
        guard degree < value.bitWidth else { return nil }
        if degree == 2 {
            let root = value.squareRoot()
            return root * root == value ? root : nil
        }
        // Newton's method from above.
        var root = BigUInt(1) << (value.bitWidth / degree + 1)
        while true {
            let next = (root * BigUInt(degree - 1) + value / root.power(degree - 1)) / BigUInt(degree)
            if next >= root { break }
            root = next
        }
        return root.power(degree) == value ? root : nil
    }
}
