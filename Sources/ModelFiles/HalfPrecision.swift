/// The single-precision value of a half-precision bit pattern, exactly; a signalling NaN becomes quiet.
///
/// Written out because `Float(Float16)` calls a library function on x86-64 without F16C: this one vectorises.
@inline(__always)
func float(halfBits half: UInt16) -> Float {
    let doubled = UInt32(half) << 17
    // Normal numbers, infinities and NaN: shift into place with the exponent 224 too high, then scale it back.
    let normal = Float(bitPattern: (doubled >> 4) &+ 0x7000_0000) * Float(bitPattern: 0x0780_0000)
    // Subnormal numbers: the significand of a number in [0.5, 1), less the 0.5.
    let subnormal = Float(bitPattern: (doubled >> 17) | 0x3F00_0000) - 0.5
    let magnitude = doubled < 0x0800_0000 ? subnormal.bitPattern : normal.bitPattern
    return Float(bitPattern: magnitude | (UInt32(half) & 0x8000) << 16)
}

extension UnsafeRawPointer {
    /// The half-precision number that starts at a byte offset, at any alignment.
    @inline(__always)
    func half(_ offset: Int) -> Float {
        float(halfBits: UInt16(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
    }

    /// The byte at an offset.
    @inline(__always)
    func byte(_ offset: Int) -> UInt8 { load(fromByteOffset: offset, as: UInt8.self) }
}
