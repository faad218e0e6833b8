/// The types with 32 numbers a block: `x = d·q` ("_0") or `x = d·q + m` ("_1").
extension BlockDecoding {
    /// Q8_0, 34 bytes: `d` half [0..<2], `q` 32 × Int8 [2..<34]. `x[i] = d·q[i]`.
    @inline(__always)
    static func decodeQ8x0(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.half(0)
        let codes = block + 2
        for index in 0..<32 { output[index] = scale * Float(Int8(bitPattern: codes.byte(index))) }
    }

    /// Q4_0, 18 bytes: `d` half [0..<2], 16 bytes of codes [2..<18]; byte `i` holds `q[i]` in its low and `q[i + 16]`
    /// in its high half. `x = d·(q − 8)`.
    @inline(__always)
    static func decodeQ4x0(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.half(0)
        let codes = block + 2
        for index in 0..<16 {
            let pair = Int32(codes.byte(index))
            output[index] = scale * Float((pair & 15) &- 8)
            output[index + 16] = scale * Float((pair >> 4) &- 8)
        }
    }

    /// Q4_1, 20 bytes: `d` half [0..<2], `m` half [2..<4], 16 bytes of codes [4..<20] as in Q4_0. `x = d·q + m`.
    @inline(__always)
    static func decodeQ4x1(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.half(0)
        let minimum = block.half(2)
        let codes = block + 4
        for index in 0..<16 {
            let pair = Int32(codes.byte(index))
            output[index] = scale * Float(pair & 15) + minimum
            output[index + 16] = scale * Float(pair >> 4) + minimum
        }
    }

    /// Q5_0, 22 bytes: `d` half [0..<2], the fifth bits [2..<6] (bit `i` of a 32-bit word belongs to `q[i]`), 16 bytes
    /// of low halves [6..<22] as in Q4_0. `x = d·(q − 16)`.
    @inline(__always)
    static func decodeQ5x0(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.half(0)
        let high = UInt32(littleEndian: block.loadUnaligned(fromByteOffset: 2, as: UInt32.self))
        let codes = block + 6
        for index in 0..<16 {
            let pair = UInt32(codes.byte(index))
            let first = pair & 15 | (high & (1 &<< UInt32(truncatingIfNeeded: index)) == 0 ? 0 : 16)
            let second = pair >> 4 | (high & (0x1_0000 &<< UInt32(truncatingIfNeeded: index)) == 0 ? 0 : 16)
            output[index] = scale * Float(Int32(bitPattern: first) &- 16)
            output[index + 16] = scale * Float(Int32(bitPattern: second) &- 16)
        }
    }

    /// Q5_1, 24 bytes: `d` half [0..<2], `m` half [2..<4], the fifth bits [4..<8], 16 bytes of low halves [8..<24], both
    /// as in Q5_0. `x = d·q + m`.
    @inline(__always)
    static func decodeQ5x1(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.half(0)
        let minimum = block.half(2)
        let high = UInt32(littleEndian: block.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        let codes = block + 8
        for index in 0..<16 {
            let pair = UInt32(codes.byte(index))
            let first = pair & 15 | (high & (1 &<< UInt32(truncatingIfNeeded: index)) == 0 ? 0 : 16)
            let second = pair >> 4 | (high & (0x1_0000 &<< UInt32(truncatingIfNeeded: index)) == 0 ? 0 : 16)
            output[index] = scale * Float(Int32(bitPattern: first)) + minimum
            output[index + 16] = scale * Float(Int32(bitPattern: second)) + minimum
        }
    }
}
