import BigInt

/// A number as it was written: an exact rational value, and what stood beside it.
struct ExactNumber: Hashable, Sendable {
    /// The limits beyond which a text is not read as a number: what is compared must stay cheap.
    enum Limit {
        /// Digits of one literal.
        static let digits = 4096
        /// Size of a decimal exponent.
        static let exponent = 4096
        /// Bytes of a number's whole text.
        static let bytes = 16_384
        /// Fractions inside one another.
        static let depth = 8
    }

    /// The numerator, with the sign. Not reduced: equality is by cross multiplication.
    var numerator: BigInt
    /// The denominator, above 0.
    var denominator: BigInt
    /// Digits after the point, for a plain decimal; `nil` for all else.
    var decimalPlaces: Int?
    /// Significant digits, for a plain decimal.
    var significantDigits = 0
    /// The unit or currency that stood beside it.
    var unit: String?
    /// The variable it was said to be the value of, as in `x = 5`.
    var variable: String?

    /// Fewest significant digits with which a decimal may stand for a value that has no finite decimal.
    static let roundingDigits = 6

    /// Whether two written numbers are the same answer.
    ///
    /// - The values are equal, exactly; or one has no finite decimal (1/3) and the other is a decimal of at least six
    ///   significant digits that is this value rounded to its last digit.
    /// - Units and variables only tell apart when both sides name one.
    static func same(_ a: ExactNumber, _ b: ExactNumber) -> Bool {
        if let unit = a.unit, let other = b.unit, unit != other { return false }
        if let variable = a.variable, let other = b.variable, variable != other { return false }
        return a.hasSameValue(as: b) || a.isRounding(of: b) || b.isRounding(of: a)
    }

    func hasSameValue(as other: ExactNumber) -> Bool {
        numerator * other.denominator == other.numerator * denominator
    }

    /// Whether this decimal is `exact`, which has no finite decimal, to the nearest unit of the last place.
    private func isRounding(of exact: ExactNumber) -> Bool {
        guard let places = decimalPlaces, significantDigits >= Self.roundingDigits else { return false }
        guard exact.decimalPlaces == nil, exact.hasInfiniteDecimal else { return false }
        // |a/b − p/q| · 2 · 10^places ≤ 1
        let distance = (numerator * exact.denominator - exact.numerator * denominator).magnitude
        let scale = BigUInt(10).power(places) * 2
        return distance * scale <= (denominator * exact.denominator).magnitude
    }

    /// Whether the reduced denominator has a prime factor other than 2 and 5.
    private var hasInfiniteDecimal: Bool {
        var rest = denominator.magnitude / numerator.magnitude.greatestCommonDivisor(with: denominator.magnitude)
        guard !rest.isZero else { return false }
        rest >>= rest.trailingZeroBitCount
        while true {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 5)
            guard remainder.isZero else { return rest != 1 }
            rest = quotient
        }
    }
}
