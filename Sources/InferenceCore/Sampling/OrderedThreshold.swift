/// Finds how far down a row of scores one must go, without sorting it: three counting passes over 11, 11 and 10 bits of a
/// key that orders as the scores do.
///
/// The work grows with the length of the row only, whatever the scores and however many are kept.
struct OrderedThreshold {
    /// The last score that is reached, as a key.
    let key: UInt32
    /// What the scores above it amount to.
    let above: Double

    /// A number that orders unsigned as the score does; both zeros are the same.
    @inline(__always)
    static func key(_ score: Float) -> UInt32 {
        let bits = (score + 0).bitPattern
        return bits & 0x8000_0000 == 0 ? bits | 0x8000_0000 : ~bits
    }

    /// Walks down from the highest score and stops at the first where the amounts reach `target`.
    ///
    /// - Parameter scores: No NaN.
    /// - Parameter histogram: Scratch of `histogramLength`.
    /// - Parameter amount: What each element adds; not negative.
    /// - Returns: The lowest score with an amount when all together do not reach the target.
    static func find(
        _ scores: UnsafeBufferPointer<Float>, target: Double, histogram: inout [Double], amount: (Int) -> Double
    ) -> OrderedThreshold {
        var prefix: UInt32 = 0
        var prefixMask: UInt32 = 0
        var above = 0.0
        for (shift, bits) in [(21, 11), (10, 11), (0, 10)] as [(UInt32, UInt32)] {
            let binMask = (UInt32(1) << bits) - 1
            for bin in 0...Int(binMask) { histogram[bin] = 0 }
            for index in scores.indices {
                let key = key(scores[index])
                guard key & prefixMask == prefix else { continue }
                histogram[Int((key >> shift) & binMask)] += amount(index)
            }
            var chosen = Int(binMask)
            var lowest = (bin: chosen, above: above)
            while chosen > 0, above + histogram[chosen] < target {
                if histogram[chosen] > 0 { lowest = (chosen, above) }
                above += histogram[chosen]
                chosen -= 1
            }
            if above + histogram[chosen] < target, histogram[chosen] == 0 { (chosen, above) = lowest }
            prefix |= UInt32(chosen) << shift
            prefixMask |= binMask << shift
        }
        return OrderedThreshold(key: prefix, above: above)
    }

    /// Length that `histogram` needs.
    static let histogramLength = 1 << 11
}
