/// What a number may be: whole or not, and between which bounds. Numbers are written with at most 18 digits when whole,
/// else with 15 before the point and 15 behind; those with bounds without exponent.
struct NumberRule: Sendable {
    /// The unit that bounds are kept in: 10⁻¹⁵.
    static let unit: Int128 = 1_000_000_000_000_000
    /// More than any number that is written, in units.
    static let limit: Int128 = unit * unit * 1000

    /// How far a number is written.
    enum Part: Hashable {
        case sign, zero, whole, point, fraction, exponent, exponentSign, exponentDigits
    }

    /// Where a number stands.
    struct Place: Hashable {
        var part = Part.sign
        var isNegative = false
        /// Digits of the part that is being written, and before the point.
        var digits = 0
        var wholeDigits = 0
        /// The digits before the point and behind it as numbers; 0 where there are no bounds.
        var whole: Int64 = 0
        var fraction: Int64 = 0
    }

    let isWhole: Bool
    /// The bounds in units, both allowed; `nil` if there are none.
    let bounds: (low: Int128, high: Int128)?

    /// A number without bounds.
    init(isWhole: Bool) {
        self.isWhole = isWhole
        bounds = nil
    }

    /// A number between bounds.
    init(isWhole: Bool, low: Int128?, high: Int128?) {
        self.isWhole = isWhole
        let (low, high) = (low ?? -Self.limit, high ?? Self.limit)
        bounds =
            isWhole
            ? (Self.roundedUp(low, to: Self.unit), -Self.roundedUp(-high, to: Self.unit)) : (low, high)
    }

    /// Whether any number is allowed.
    var isPossible: Bool { (UInt8(ascii: "-")...UInt8(ascii: "9")).contains { first($0) != nil } }

    /// The place behind the first character.
    func first(_ byte: UInt8) -> Place? {
        if byte == UInt8(ascii: "-") { return allowed(Place(isNegative: true)) }
        return next(Place(), byte)
    }

    /// Whether the number may end.
    func mayEnd(_ place: Place) -> Bool {
        switch place.part {
        case .sign, .point, .exponent, .exponentSign: return false
        case .exponentDigits: return true
        case .zero, .whole, .fraction:
            let magnitude = magnitude(place)
            return isInside(magnitude, magnitude, step: 1, place)
        }
    }

    /// The place behind a character; `nil` if no allowed number goes on with it.
    func next(_ place: Place, _ byte: UInt8) -> Place? {
        var next = place
        switch (place.part, byte) {
        case (.sign, UInt8(ascii: "0")): next.part = .zero
        case (.sign, UInt8(ascii: "1")...UInt8(ascii: "9")):
            next.part = .whole
            add(byte, to: \.whole, &next)
            next.wholeDigits = 1
        case (.whole, UInt8(ascii: "0")...UInt8(ascii: "9")):
            guard place.digits < mostDigits else { return nil }
            add(byte, to: \.whole, &next)
            next.wholeDigits += 1
        case (.zero, UInt8(ascii: ".")), (.whole, UInt8(ascii: ".")):
            guard !isWhole else { return nil }
            (next.part, next.digits) = (.point, 0)
        case (.point, UInt8(ascii: "0")...UInt8(ascii: "9")), (.fraction, UInt8(ascii: "0")...UInt8(ascii: "9")):
            guard place.digits < mostFractionDigits(place) else { return nil }
            next.part = .fraction
            add(byte, to: \.fraction, &next)
        case (.zero, UInt8(ascii: "e")), (.whole, UInt8(ascii: "e")), (.fraction, UInt8(ascii: "e")),
            (.zero, UInt8(ascii: "E")), (.whole, UInt8(ascii: "E")), (.fraction, UInt8(ascii: "E")):
            guard !isWhole, bounds == nil else { return nil }
            (next.part, next.digits, next.wholeDigits) = (.exponent, 0, 0)
        case (.exponent, UInt8(ascii: "+")), (.exponent, UInt8(ascii: "-")): next.part = .exponentSign
        case (.exponent, UInt8(ascii: "0")...UInt8(ascii: "9")),
            (.exponentSign, UInt8(ascii: "0")...UInt8(ascii: "9")),
            (.exponentDigits, UInt8(ascii: "0")...UInt8(ascii: "9")):
            guard place.digits < 2 else { return nil }
            next.part = .exponentDigits
            next.digits += 1
        default: return nil
        }
        return allowed(next)
    }

    private var mostDigits: Int { isWhole ? 18 : 15 }

    /// Fifteen digits in all are told apart by every reader that computes with doubles.
    private func mostFractionDigits(_ place: Place) -> Int { 15 - place.wholeDigits }

    private func add(_ byte: UInt8, to part: WritableKeyPath<Place, Int64>, _ place: inout Place) {
        place.digits += 1
        if bounds != nil { place[keyPath: part] = place[keyPath: part] * 10 + Int64(byte - UInt8(ascii: "0")) }
    }

    /// The place, if a number between the bounds begins so.
    private func allowed(_ place: Place) -> Place? {
        guard bounds != nil else { return place }
        let base = magnitude(place)
        let isAllowed: Bool
        switch place.part {
        case .sign: isAllowed = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains { next(place, $0) != nil }
        case .zero: isAllowed = isWhole ? isInside(0, 0, step: 1, place) : isInside(0, Self.unit - 1, step: 1, place)
        case .whole:
            isAllowed = (0...mostDigits - place.digits).contains { more in
                let power = Self.power(more)
                let step = isWhole ? Self.unit : Self.power(place.digits + more)
                return isInside(base * power, (base + Self.unit) * power - 1, step: step, place)
            }
        case .point, .fraction:
            let digits = place.part == .point ? 0 : place.digits
            let step = Self.power(place.wholeDigits)
            isAllowed =
                mostFractionDigits(place) > 0
                && isInside(base, base + Self.power(15 - digits) - 1, step: step, place)
        case .exponent, .exponentSign, .exponentDigits: isAllowed = true
        }
        return isAllowed ? place : nil
    }

    /// What is written so far, without its sign, in units.
    private func magnitude(_ place: Place) -> Int128 {
        let digits = place.part == .fraction ? place.digits : 0
        return Int128(place.whole) * Self.unit + Int128(place.fraction) * Self.power(15 - digits)
    }

    /// Whether a multiple of the step lies between two magnitudes and, with the sign, between the bounds.
    private func isInside(_ low: Int128, _ high: Int128, step: Int128, _ place: Place) -> Bool {
        guard let bounds else { return true }
        let (least, most) = place.isNegative ? (-bounds.high, -bounds.low) : (bounds.low, bounds.high)
        return Self.roundedUp(max(low, least), to: step) <= min(high, most)
    }

    private static func power(_ exponent: Int) -> Int128 { (0..<exponent).reduce(1) { power, _ in power * 10 } }

    /// The least multiple that is not below a number.
    private static func roundedUp(_ number: Int128, to step: Int128) -> Int128 {
        let rest = number % step
        return rest > 0 ? number + step - rest : number - rest
    }
}
