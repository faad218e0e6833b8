extension FrameStepper {
    /// A byte of a string: characters are UTF-8 or escapes, none of them half a pair.
    mutating func step(
        _ rule: Int, _ isName: Bool, _ place: StringRule.Place, _ pending: Pending, _ byte: UInt8, on below: Int32
    ) {
        guard let text = text(rule, isName) else { return }
        func character(_ scalar: UInt32) -> Frame? {
            text.next(place, scalar).map { .string(rule: rule, isName: isName, $0, .none) }
        }
        func waiting(_ pending: Pending, for scalars: ClosedRange<UInt32>) -> Frame? {
            text.goesOn(place, with: scalars) ? .string(rule: rule, isName: isName, place, pending) : nil
        }
        let frame: Frame?
        switch pending {
        case .none:
            switch byte {
            case UInt8(ascii: "\""):
                if text.mayEnd(place) { put(nil, on: below) }
                return
            case UInt8(ascii: "\\"): frame = waiting(.escape, for: 0...0xFFFF)
            case 0x20..<0x80: frame = character(UInt32(byte))
            case 0xC2...0xF4: frame = Self.lead(byte).flatMap { waiting($0.pending, for: $0.scalars) }
            default: return
            }
        case .escape:
            if byte == UInt8(ascii: "u") {
                frame = waiting(.hexadecimal(left: 4, value: 0), for: 0...0xFFFF)
            } else {
                frame = Self.escaped(byte).flatMap(character)
            }
        case .hexadecimal(let left, let value):
            guard let digit = Self.digit(byte) else { return }
            let value = value << 4 | digit
            let low = value << UInt32(4 * (left - 1))
            frame =
                left == 1
                ? character(value)
                : waiting(
                    .hexadecimal(left: left - 1, value: value), for: low...low | (1 << UInt32(4 * (left - 1)) - 1))
        case .bytes(let left, let value, let least):
            guard byte & 0xC0 == 0x80 else { return }
            let value = value << 6 | UInt32(byte & 0x3F)
            if left == 1 {
                frame = value >= least && value <= 0x10FFFF ? character(value) : nil
            } else {
                frame = Self.scalars(value, left: left - 1, least: least).flatMap {
                    waiting(.bytes(left: left - 1, value: value, least: least), for: $0)
                }
            }
        }
        if let frame { put(frame, on: below) }
    }

    private func text(_ rule: Int, _ isName: Bool) -> StringRule? {
        switch grammar.rules[rule] {
        case .string(let text) where !isName: text
        case .object(let object) where isName: object.additionalNames
        default: nil
        }
    }

    /// What the first byte of a longer character says.
    private static func lead(_ byte: UInt8) -> (pending: Pending, scalars: ClosedRange<UInt32>)? {
        let (left, mask, least): (Int, UInt8, UInt32) =
            switch byte {
            case ..<0xE0: (1, 0x1F, 0x80)
            case ..<0xF0: (2, 0x0F, 0x800)
            default: (3, 0x07, 0x10000)
            }
        let value = UInt32(byte & mask)
        return scalars(value, left: left, least: least).map { (.bytes(left: left, value: value, least: least), $0) }
    }

    /// The scalars that begin with the bits read so far.
    private static func scalars(_ value: UInt32, left: Int, least: UInt32) -> ClosedRange<UInt32>? {
        let low = value << UInt32(6 * left)
        let high = low | (1 << UInt32(6 * left) - 1)
        let (first, last) = (max(low, least), min(high, 0x10FFFF))
        return first <= last ? first...last : nil
    }

    private static func escaped(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): UInt32(byte)
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }
}
