/// The types with 32 numbers a block: `x = d·q` ("_0") or `x = d·q + m` ("_1").
///
/// Codes are loaded sixteen at a time before anything is stored: then the compiler need not fear that the output
/// overlaps them, and uses vector instructions.
extension BlockDecoding {
    /// Q8_0, 34 bytes: `d` half [0..<2], `q` 32 × Int8 [2..<34]. `x[i] = d·q[i]`.
    @inline(__always)
    static func decodeQ8x0(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.half(0)
        let first = block.sixteen(2)
        let second = block.sixteen(18)
        for index in 0..<16 { output[index] = scale * Float(Int8(bitPattern: first[index])) }
        for index in 0..<16 { output[index &+ 16] = scale * Float(Int8(bitPattern: second[index])) }
    }

    /// Q4_0, 18 bytes: `d` half [0..<2], 16 bytes of codes [2..<18]; byte `i` holds `q[i]` in its low and `q[i + 16]`
    /// in its high half. `x = d·(q − 8)`.
    @inline(__always)
    static func decodeQ4x0(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let codes = block.sixteen(2)
        store(codes & 15, less: 8, times: block.half(0), to: output)
        store(codes &>> 4, less: 8, times: block.half(0), to: output + 16)
    }

    /// Q4_1, 20 bytes: `d` half [0..<2], `m` half [2..<4], 16 bytes of codes [4..<20] as in Q4_0. `x = d·q + m`.
    @inline(__always)
    static func decodeQ4x1(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let codes = block.sixteen(4)
        store(codes & 15, times: block.half(0), plus: block.half(2), to: output)
        store(codes &>> 4, times: block.half(0), plus: block.half(2), to: output + 16)
    }

    /// Q5_0, 22 bytes: `d` half [0..<2], the fifth bits [2..<6] (bit `i` of a 32-bit word belongs to `q[i]`), 16 bytes
    /// of low halves [6..<22] as in Q4_0. `x = d·(q − 16)`.
    @inline(__always)
    static func decodeQ5x0(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let codes = block.sixteen(6)
        store(codes & 15 | fifthBits(block + 2), less: 16, times: block.half(0), to: output)
        store(codes &>> 4 | fifthBits(block + 4), less: 16, times: block.half(0), to: output + 16)
    }

    /// Q5_1, 24 bytes: `d` half [0..<2], `m` half [2..<4], the fifth bits [4..<8], 16 bytes of low halves [8..<24], both
    /// as in Q5_0. `x = d·q + m`.
    @inline(__always)
    static func decodeQ5x1(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let codes = block.sixteen(8)
        store(codes & 15 | fifthBits(block + 4), times: block.half(0), plus: block.half(2), to: output)
        store(codes &>> 4 | fifthBits(block + 6), times: block.half(0), plus: block.half(2), to: output + 16)
    }

    /// The bits of two bytes, lowest first, each as 0 or 16.
    @inline(__always)
    static func fifthBits(_ bytes: UnsafeRawPointer) -> SIMD16<UInt8> {
        let spread = SIMD16(
            lowHalf: SIMD8(repeating: bytes.byte(0)), highHalf: SIMD8(repeating: bytes.byte(1)))
        let places = SIMD16<UInt8>(1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128)
        let raise = SIMD16<UInt8>(128, 64, 32, 16, 8, 4, 2, 1, 128, 64, 32, 16, 8, 4, 2, 1)
        return ((spread & places) &* raise) &>> 3
    }

    /// Stores `scale · (code − bias)` for sixteen codes.
    @inline(__always)
    static func store(
        _ codes: SIMD16<UInt8>, less bias: Int32 = 0, times scale: Float, to output: UnsafeMutablePointer<Float>
    ) {
        for index in 0..<16 { output[index] = scale * Float(Int32(codes[index]) &- bias) }
    }

    /// Stores `scale · code + addend` for sixteen codes, rounded after the product and after the sum.
    @inline(__always)
    static func store(
        _ codes: SIMD16<UInt8>, times scale: Float, plus addend: Float, to output: UnsafeMutablePointer<Float>
    ) {
        for index in 0..<16 { output[index] = scale * Float(Int32(codes[index])) + addend }
    }

    /// Stores `scale · code − subtrahend` for sixteen codes, rounded after the product and after the difference.
    @inline(__always)
    static func store(
        _ codes: SIMD16<UInt8>, times scale: Float, minus subtrahend: Float, to output: UnsafeMutablePointer<Float>
    ) {
        for index in 0..<16 { output[index] = scale * Float(Int32(codes[index])) - subtrahend }
    }
}
