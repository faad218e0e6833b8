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
    // All ones for a subnormal number: a mask instead of a branch lets the compiler convert several at once.
    let isSubnormal = UInt32(bitPattern: (Int32(bitPattern: doubled >> 1) &- 0x0400_0000) >> 31)
    let magnitude = (subnormal.bitPattern & isSubnormal) | (normal.bitPattern & ~isSubnormal)
    return Float(bitPattern: magnitude | (UInt32(half) & 0x8000) << 16)
}

/// Converts half-precision numbers that lie one after the other, at any alignment.
func readHalves(_ source: UnsafeRawPointer, count: Int, into output: UnsafeMutablePointer<Float>) {
    for index in 0..<count { output[index] = source.half(index &* 2) }
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

    /// The sixteen bytes from an offset on, at any alignment.
    @inline(__always)
    func sixteen(_ offset: Int) -> SIMD16<UInt8> { loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self) }
}
