import BigInt
import Rewards

/// The points at which expressions with variables are compared: whole numbers for factorials and sums, fractions of both
/// signs for everything else, and large numbers so that ⌊n/1000⌋ is not mistaken for 0.
enum SamplePoints {
    /// Points for some variables; different variables have different values.
    static func all(_ names: [String]) -> [[String: Rational]] {
        kinds.enumerated().map { index, kind in
            var point: [String: Rational] = [:]
            for (position, name) in names.enumerated() { point[name] = kind(hash(index * 97 + position * 31)) }
            return point
        }
    }

    private static func hash(_ value: Int) -> Int {
        var z = UInt64(truncatingIfNeeded: value) &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int(truncatingIfNeeded: (z ^ (z >> 31)) >> 3)
    }

    private static let kinds: [@Sendable (Int) -> Rational] = {
        let small = { @Sendable (seed: Int) in Rational(2 + seed % 11) }
        let whole = { @Sendable (seed: Int) in Rational(3 + seed % 40) }
        let fraction = { @Sendable (seed: Int) in
            Rational(BigInt(1 + seed % 997), over: BigInt(101 + seed % 89)) ?? .one
        }
        let unit = { @Sendable (seed: Int) in Rational(BigInt(1 + seed % 89), over: 97) ?? .one }
        let negative = { @Sendable (seed: Int) in -fraction(seed) }
        let negativeWhole = { @Sendable (seed: Int) in Rational(-1 - seed % 20) }
        let large = { @Sendable (seed: Int) in Rational(1000 + seed % 100_000) }
        return [
            fraction, small, unit, negative, fraction, whole, negative, unit, fraction, small, negative, large, whole,
            fraction, negativeWhole, small, unit, negative, whole, small, fraction, large, whole, small, unit, whole,
            small, small,
        ]
    }()
}
