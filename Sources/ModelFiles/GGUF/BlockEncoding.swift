/// Single precision to GGUF's block types: the nearest codes under scales chosen as ggml's own quantisers choose them.
///
/// The layouts are those of `BlockDecoding`. Source of the choice of scales: ggml's reference quantisers, for the simple
/// types to the bit; for Q4_K the same idea, weighted least squares over candidate scales, in steps of its own.
public enum BlockEncoding {
    /// The types that can be made.
    public static let types: [StoredType] = [.q8x0, .q4x0, .q5x0, .q4k]

    /// Encodes whole blocks that lie one after the other.
    ///
    /// - Parameter type: One of `types`.
    /// - Parameter numbers: A multiple of the type's block; all finite, or their blocks come out as they may.
    /// - Returns: The blocks' bytes.
    public static func encode(_ type: StoredType, _ numbers: UnsafeBufferPointer<Float>) -> [UInt8] {
        let size = type.elementsPerBlock
        precondition(
            types.contains(type) && numbers.count % size == 0,
            "BlockEncoding: \(numbers.count) numbers as \(type.rawValue)")
        return [UInt8](unsafeUninitializedCapacity: numbers.count / size * type.bytesPerBlock) { bytes, initialized in
            initialized = numbers.count / size * type.bytesPerBlock
            guard let source = numbers.baseAddress, let out = bytes.baseAddress else { return }
            for block in 0..<numbers.count / size {
                let (x, to) = (source + block * size, out + block * type.bytesPerBlock)
                switch type {
                case .q8x0: encodeQ8x0(x, to)
                case .q4x0: encodeQ4x0(x, to)
                case .q5x0: encodeQ5x0(x, to)
                default: encodeQ4K(x, to)
                }
            }
        }
    }

    static func store(_ value: Float, _ out: UnsafeMutablePointer<UInt8>) {
        let bits = Float16(value).bitPattern
        out[0] = UInt8(truncatingIfNeeded: bits)
        out[1] = UInt8(truncatingIfNeeded: bits >> 8)
    }

    /// A code from 0 to `largest`; 0 for NaN.
    @inline(__always)
    private static func code(_ value: Float, _ largest: Float) -> UInt8 {
        // The comparisons are false for NaN, and leave nothing that can't be converted.
        value > 0 ? UInt8(min(value, largest)) : 0
    }

    /// The number of largest magnitude, with its sign: the end of the code's range that reaches further is put on it.
    private static func extreme(_ x: UnsafePointer<Float>) -> Float {
        var largest: Float = 0
        for index in 0..<32 where abs(x[index]) > abs(largest) { largest = x[index] }
        return largest
    }

    /// d = max|x| / 127, codes rounded to the nearest.
    private static func encodeQ8x0(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt8>) {
        let d = abs(extreme(x)) / 127
        let inverse = d == 0 ? 0 : 1 / d
        store(d, out)
        for index in 0..<32 {
            let scaled = (x[index] * inverse).rounded(.toNearestOrAwayFromZero)
            let code = Int8(exactly: max(-127, min(127, scaled.isNaN ? 0 : scaled))) ?? 0
            out[2 + index] = UInt8(bitPattern: code)
        }
    }

    /// d = (the x of largest magnitude) / −8.
    private static func encodeQ4x0(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt8>) {
        let d = extreme(x) / -8
        let inverse = d == 0 ? 0 : 1 / d
        store(d, out)
        for index in 0..<16 {
            out[2 + index] =
                code(x[index] * inverse + 8.5, 15) | code(x[index + 16] * inverse + 8.5, 15) << 4
        }
    }

    /// d = (the x of largest magnitude) / −16.
    private static func encodeQ5x0(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt8>) {
        let d = extreme(x) / -16
        let inverse = d == 0 ? 0 : 1 / d
        store(d, out)
        var fifth: UInt32 = 0
        for index in 0..<16 {
            let (low, high) = (code(x[index] * inverse + 16.5, 31), code(x[index + 16] * inverse + 16.5, 31))
            out[6 + index] = low & 15 | (high & 15) << 4
            fifth |= UInt32(low >> 4) << UInt32(index) | UInt32(high >> 4) << UInt32(index + 16)
        }
        for byte in 0..<4 { out[2 + byte] = UInt8(truncatingIfNeeded: fifth >> UInt32(8 * byte)) }
    }
}
