import Foundation

/// Approximate values of real constants in double precision: for ordering endpoints that are known to differ.
enum Estimate {
    /// The value, NaN where there is none.
    static func value(_ expression: Expression) -> Double {
        switch expression {
        case .number(let value), .decimal(let value, _, _): return double(value)
        case .constant(.pi): return .pi
        case .constant(.e): return M_E
        case .constant(.infinity): return .infinity
        case .sum(let terms): return terms.reduce(0) { $0 + value($1) }
        case .product(let factors): return factors.reduce(1) { $0 * value($1) }
        case .power(let base, let exponent): return pow(value(base), value(exponent))
        case .percent(let part): return value(part) / 100
        case .degrees(let part), .quantity(let part, _): return value(part)
        case .call(.root, let arguments):
            let (base, degree) = (value(arguments[0]), value(arguments[1]))
            return base < 0 && degree.truncatingRemainder(dividingBy: 2) == 1
                ? -pow(-base, 1 / degree) : pow(base, 1 / degree)
        case .call(.log, let arguments): return log(value(arguments[0])) / log(value(arguments[1]))
        case .call(.abs, let arguments): return abs(value(arguments[0]))
        case .call(.sin, let arguments): return sin(value(arguments[0]))
        case .call(.cos, let arguments): return cos(value(arguments[0]))
        case .call(.tan, let arguments): return tan(value(arguments[0]))
        default: return .nan
        }
    }

    private static func double(_ value: Rational) -> Double {
        // Shifted so that neither part overflows.
        let shift = max(0, max(value.numerator.magnitude.bitWidth, value.denominator.magnitude.bitWidth) - 900)
        let bottom = Double(value.denominator >> shift)
        return bottom == 0 ? .nan : Double(value.numerator >> shift) / bottom
    }
}
