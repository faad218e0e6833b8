/// Values that look random and are the same in every run (SplitMix64).
public struct TestValues: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A sequence of its own for each seed.
    public init(_ seed: Int) { state = UInt64(bitPattern: Int64(seed)) &* 0x9E37_79B9_7F4A_7C15 }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform floats around `center`.
    public mutating func floats(_ count: Int, _ scale: Float = 1, around center: Float = 0) -> [Float] {
        (0..<count).map { _ in center + scale * Float.random(in: -1...1, using: &self) }
    }
}

/// A float rounded to bfloat16, to nearest with ties to even, by the definition: the nearer of the two neighbours.
public func nearestBFloat16(_ x: Float) -> Float {
    guard !x.isNaN else { return .nan }
    guard x.isFinite else { return x }
    let below = Float(bitPattern: x.bitPattern & 0xFFFF_0000)  // towards zero
    let bits = (x.bitPattern & 0xFFFF_0000) &+ 0x1_0000
    let above = Float(bitPattern: bits)
    // Past the largest number the next step would be 2^128.
    let next = above.isFinite ? Double(above) : (x < 0 ? -0x1p128 : 0x1p128)
    let (down, up) = (abs(Double(x) - Double(below)), abs(next - Double(x)))
    if down != up { return down < up ? below : above }
    return (below.bitPattern >> 16) & 1 == 0 ? below : above
}

/// Replaces each value by the nearest of bfloat16.
public func nearestBFloat16(_ values: [Float]) -> [Float] { values.map(nearestBFloat16) }
