/// The counter-based generator Philox4x32 with 10 rounds: a pure function from a counter and a key to 128 random bits.
///
/// Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
public enum Philox {
    /// One block of the generator.
    ///
    /// - Parameter counter: Four words that say which block.
    /// - Parameter key: Two words that say which stream.
    /// - Returns: Four independent uniform 32-bit words.
    public static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var state = counter
        var key = key
        for _ in 0..<10 {
            let low = UInt64(0xD251_1F53) * UInt64(state.x)
            let high = UInt64(0xCD9E_8D57) * UInt64(state.z)
            state = SIMD4(
                UInt32(truncatingIfNeeded: high >> 32) ^ state.y ^ key.x, UInt32(truncatingIfNeeded: high),
                UInt32(truncatingIfNeeded: low >> 32) ^ state.w ^ key.y, UInt32(truncatingIfNeeded: low))
            key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
        }
        return state
    }
}
