/// Scalars in and out of UTF-8 bytes.
enum UTF8Text {
    /// The scalar that begins at a position of well-formed UTF-8, and its length in bytes.
    ///
    /// Bytes that are not well-formed are read as something, but never beyond the end; `position` must be inside.
    @inline(__always)
    static func scalar(in bytes: ArraySlice<UInt8>, at position: Int) -> (value: UInt32, length: Int) {
        let lead = bytes[position]
        if lead < 0x80 { return (UInt32(lead), 1) }
        func continuation(_ offset: Int) -> UInt32 {
            let index = position + offset
            return index < bytes.endIndex ? UInt32(bytes[index] & 0x3F) : 0
        }
        let available = bytes.endIndex - position
        if lead < 0xE0 { return (UInt32(lead & 0x1F) << 6 | continuation(1), min(2, available)) }
        if lead < 0xF0 {
            return (UInt32(lead & 0x0F) << 12 | continuation(1) << 6 | continuation(2), min(3, available))
        }
        let high = UInt32(lead & 0x07) << 18 | continuation(1) << 12
        return (high | continuation(2) << 6 | continuation(3), min(4, available))
    }

    /// Writes a scalar as UTF-8.
    static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
        switch scalar {
        case 0..<0x80: bytes.append(UInt8(scalar))
        case 0x80..<0x800:
            bytes.append(UInt8(0xC0 | scalar >> 6))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        case 0x800..<0x10000:
            bytes.append(UInt8(0xE0 | scalar >> 12))
            bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        default:
            bytes.append(UInt8(0xF0 | scalar >> 18 & 0x07))
            bytes.append(UInt8(0x80 | scalar >> 12 & 0x3F))
            bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        }
    }

    /// Whether the bytes end in a whole character that is not U+FFFD.
    ///
    /// A well-formed sequence at the end is always read as itself, whatever stands before it: a lead byte begins anew.
    static func endsInCharacter(_ bytes: [UInt8]) -> Bool {
        guard let last = bytes.last else { return false }
        if last < 0x80 { return true }
        for length in 2...4 where length <= bytes.count {
            let tail = bytes.suffix(length)
            guard let lead = tail.first, lead >= 0xC0 else { continue }
            guard let text = String(validating: tail, as: UTF8.self) else { return false }
            return text.unicodeScalars.count == 1 && text.unicodeScalars.first != "\u{FFFD}"
        }
        return false
    }
}
