import BigInt
import CCalcium
import Rewards

/// A complex ball of Arb: a midpoint and a radius that surely holds the value.
///
/// Its memory is only reached through the closures here, which keep every ball alive for as long as C looks at it.
final class Ball {
    typealias Pointer = UnsafeMutablePointer<acb_struct>
    typealias RealPointer = UnsafeMutablePointer<arb_struct>

    private let storage: Pointer

    init() {
        storage = .allocate(capacity: 1)
        acb_init(storage)
    }

    deinit {
        acb_clear(storage)
        storage.deallocate()
    }

    /// Hands out the ball.
    func with<T>(_ body: (Pointer) -> T) -> T { withExtendedLifetime(self) { body(storage) } }

    /// Hands out the real part.
    func withReal<T>(_ body: (RealPointer) -> T) -> T {
        with { body(UnsafeMutableRawPointer($0).assumingMemoryBound(to: arb_struct.self)) }
    }

    /// Hands out the imaginary part, which is stored behind the real one.
    func withImaginary<T>(_ body: (RealPointer) -> T) -> T {
        with { body(UnsafeMutableRawPointer($0).assumingMemoryBound(to: arb_struct.self) + 1) }
    }

    /// What a C function makes of one ball.
    static func of(_ a: Ball, _ function: (Pointer, Pointer) -> Void) -> Ball {
        let result = Ball()
        result.with { out in a.with { function(out, $0) } }
        return result
    }

    /// What a C function makes of two balls.
    static func of(_ a: Ball, _ b: Ball, _ function: (Pointer, Pointer, Pointer) -> Void) -> Ball {
        let result = Ball()
        result.with { out in a.with { x in b.with { function(out, x, $0) } } }
        return result
    }

    /// What a C function of real numbers makes of the real part.
    static func real(_ a: Ball, _ function: (RealPointer, RealPointer) -> Void) -> Ball {
        let result = Ball()
        result.withReal { out in a.withReal { function(out, $0) } }
        return result
    }

    /// A rational number to a precision in bits.
    convenience init(_ value: Rational, bits: Int) {
        self.init()
        ExactNumber.with(value) { fraction in with { acb_set_fmpq($0, fraction, bits) } }
    }

    var isFinite: Bool { with { acb_is_finite($0) != 0 } }

    /// Whether the imaginary part is surely not 0.
    var isSurelyComplex: Bool { withImaginary { arb_contains_zero($0) == 0 } }

    /// Whether it is a real number for certain.
    var isReal: Bool { withImaginary { arb_is_zero($0) != 0 } }

    var isZero: Bool { with { acb_is_zero($0) != 0 } }

    /// Whether it may be 0.
    var containsZero: Bool { with { acb_contains_zero($0) != 0 } }

    func overlaps(_ other: Ball) -> Bool { with { x in other.with { acb_overlaps(x, $0) != 0 } } }

    /// The sign of a real value if it is certain and not 0.
    var sign: Int? {
        guard isReal else { return nil }
        return withReal { arb_is_positive($0) != 0 ? 1 : arb_is_negative($0) != 0 ? -1 : nil }
    }

    /// Correct bits, relative to the larger part; very negative for a ball that says nothing.
    var accuracy: Int { with { Int(acb_rel_accuracy_bits($0)) } }

    /// The only whole number in a real ball, if there is just one.
    var uniqueInteger: BigInt? {
        guard isReal else { return nil }
        return ExactNumber.integer { number in withReal { arb_get_unique_fmpz(number, $0) != 0 } }
    }
}

/// Exact numbers on their way to C and back.
enum ExactNumber {
    /// Hands out a rational number as FLINT's.
    static func with<T>(_ value: Rational, _ body: (UnsafeMutablePointer<fmpq>) -> T) -> T {
        let fraction = UnsafeMutablePointer<fmpq>.allocate(capacity: 1)
        fmpq_init(fraction)
        defer {
            fmpq_clear(fraction)
            fraction.deallocate()
        }
        with(value.numerator) { top in with(value.denominator) { fmpq_set_fmpz_frac(fraction, top, $0) } }
        return body(fraction)
    }

    /// Hands out a whole number as FLINT's.
    static func with<T>(_ value: BigInt, _ body: (UnsafeMutablePointer<fmpz>) -> T) -> T {
        let number = UnsafeMutablePointer<fmpz>.allocate(capacity: 1)
        fmpz_init(number)
        defer {
            fmpz_clear(number)
            number.deallocate()
        }
        if let small = Int(exactly: value) {
            fmpz_set_si(number, small)
        } else {
            _ = fmpz_set_str(number, String(value, radix: 16), 16)
        }
        return body(number)
    }

    /// The whole number that C writes, if it says so.
    static func integer(_ body: (UnsafeMutablePointer<fmpz>) -> Bool) -> BigInt? {
        let number = UnsafeMutablePointer<fmpz>.allocate(capacity: 1)
        fmpz_init(number)
        defer {
            fmpz_clear(number)
            number.deallocate()
        }
        guard body(number), fmpz_sizeinbase(number, 2) <= 1 << 16, let text = fmpz_get_str(nil, 16, number) else {
            return nil
        }
        defer { flint_free(text) }
        return BigInt(String(cString: text), radix: 16)
    }
}

extension Ball {
    /// Whether it is 0 to a hundred bits: what a difference leaves that vanishes.
    var isTiny: Bool {
        let bound = Ball(Rational(1, over: BigInt(1) << 100) ?? .zero, bits: 64)
        let magnitude = Ball()
        magnitude.withReal { out in with { acb_abs(out, $0, 64) } }
        return magnitude.withReal { x in bound.withReal { arb_le(x, $0) != 0 } }
    }
}
