/// The chance that at least one of k samples is right, estimated from n samples of which c are.
public enum PassAtK {
    /// The unbiased estimate; `nil` with fewer than k samples.
    ///
    ///     pass@k = 1 − C(n−c, k) / C(n, k) = 1 − Π_{i = n−c+1 … n} (1 − k/i)
    ///
    /// The product needs no factorials, so nothing overflows; it has min(c, k) factors, whichever way it is written.
    ///
    /// Source: Chen et al. 2021, arXiv:2107.03374, section 2.1.
    public static func estimate(right: Int, of samples: Int, k: Int) -> Double? {
        guard k >= 1, samples >= k, (0...samples).contains(right) else { return nil }
        guard samples - right >= k else { return 1 }
        // C(n−c, k) / C(n, k) is symmetric in c and k.
        let (few, many) = (min(right, k), max(right, k))
        var miss = 1.0
        for index in 0..<few { miss *= 1 - Double(many) / Double(samples - index) }
        return 1 - miss
    }

    /// The values of k that are reported for n samples: the powers of two above 1 up to n, and n itself.
    public static func reported(samples: Int) -> [Int] {
        guard samples > 1 else { return [] }
        var result: [Int] = []
        var k = 2
        while k < samples {
            result.append(k)
            k *= 2
        }
        return result + [samples]
    }
}
