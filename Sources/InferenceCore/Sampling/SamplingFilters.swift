extension Sampler {
    /// What each token weighs: `e^((score − largest) / temperature)`, and 0 where top-k, top-p or min-p leaves it out.
    static func filter(
        _ scores: UnsafeBufferPointer<Float>, _ parameters: SamplingParameters, weights: inout [Float],
        histogram: inout [Double]
    ) {
        weights.withUnsafeMutableBufferPointer { weights in
            exponentiate(scores, temperature: Float(parameters.temperature), into: weights)
            if parameters.topK > 0, parameters.topK < scores.count {
                keepTopK(scores, parameters.topK, weights: weights, histogram: &histogram)
            }
            if parameters.topP < 1 { keepTopP(scores, parameters.topP, weights: weights, histogram: &histogram) }
            guard parameters.minP > 0 else { return }
            let least = Float(parameters.minP)
            for index in weights.indices where weights[index] < least { weights[index] = 0 }
        }
    }

    /// `e^((score − largest) / temperature)`; the likeliest token weighs 1.
    private static func exponentiate(
        _ scores: UnsafeBufferPointer<Float>, temperature: Float, into weights: UnsafeMutableBufferPointer<Float>
    ) {
        let largest = maximum(scores) / temperature
        let output = UnsafeMutableRawBufferPointer(weights)
        forEachEight(scores) { values, index in
            let result = exponential(values / temperature - largest)
            if index + 8 <= weights.count {
                output.storeBytes(of: result, toByteOffset: index * 4, as: SIMD8<Float>.self)
            } else {
                for lane in 0..<weights.count - index { weights[index + lane] = result[lane] }
            }
        }
    }

    /// Drops every token whose score is below the k-th largest.
    ///
    /// Source: Fan et al. 2018, arXiv:1805.04833.
    private static func keepTopK(
        _ scores: UnsafeBufferPointer<Float>, _ count: Int, weights: UnsafeMutableBufferPointer<Float>,
        histogram: inout [Double]
    ) {
        let threshold = OrderedThreshold.find(scores, target: Double(count), histogram: &histogram) { _ in 1 }
        for index in scores.indices where OrderedThreshold.key(scores[index]) < threshold.key { weights[index] = 0 }
    }

    /// Keeps a token when the likelier ones together fall short of the share; of tokens that tie, lower ids come first.
    ///
    /// Source: Holtzman et al. 2020, arXiv:1904.09751, section 3.1.
    private static func keepTopP(
        _ scores: UnsafeBufferPointer<Float>, _ share: Double, weights: UnsafeMutableBufferPointer<Float>,
        histogram: inout [Double]
    ) {
        let target = share * weights.reduce(0) { $0 + Double($1) }
        let threshold = OrderedThreshold.find(scores, target: target, histogram: &histogram) { Double(weights[$0]) }
        var above = threshold.above
        for index in scores.indices {
            let key = OrderedThreshold.key(scores[index])
            if key == threshold.key, above < target {
                above += Double(weights[index])
            } else if key <= threshold.key {
                weights[index] = 0
            }
        }
    }

    /// The largest score; −∞ of nothing.
    static func maximum(_ scores: UnsafeBufferPointer<Float>) -> Float {
        var largest = SIMD8<Float>(repeating: -.infinity)
        forEachEight(scores) { values, _ in largest.replace(with: values, where: values .> largest) }
        return largest.max()
    }

    /// Calls with eight scores at a time and the place of the first; the last call is filled up with −∞.
    @inline(__always)
    static func forEachEight(_ scores: UnsafeBufferPointer<Float>, _ body: (SIMD8<Float>, Int) -> Void) {
        let bytes = UnsafeRawBufferPointer(scores)
        var index = 0
        while index + 8 <= scores.count {
            body(bytes.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self), index)
            index += 8
        }
        guard index < scores.count else { return }
        var rest = SIMD8<Float>(repeating: -.infinity)
        for lane in 0..<scores.count - index { rest[lane] = scores[index + lane] }
        body(rest, index)
    }
}
