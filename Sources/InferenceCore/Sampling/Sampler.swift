/// Chooses the next token from a row of logits.
///
/// The choice is a pure function of logits, history, parameters and one uniform number: the token ids are walked in order
/// and the first is taken at which the sum of the weights passes `uniform` times their total. A sampler only holds memory
/// that is used again; it belongs to one thread.
public struct Sampler {
    private var scores: [Float] = []
    private var weights: [Float] = []
    private var seen: [Bool] = []
    private var blockSums: [Double] = []
    private var histogram = [Double](repeating: 0, count: OrderedThreshold.histogramLength)

    /// Weights whose sum is taken at once; part of the definition of the draw.
    private static let blockLength = 512

    /// A sampler for rows of any length.
    public init() {}

    /// The next token.
    ///
    /// - Parameter logits: One finite number or −∞ for each token of the vocabulary, `[V]`.
    /// - Parameter history: Token ids so far, prompt included; read only for the repetition penalty.
    /// - Parameter parameters: Valid ones: see `SamplingParameters.validate()`.
    /// - Parameter uniform: A number in [0, 1); without effect when greedy.
    /// - Throws: `InferenceError`: `invalidLogits` for NaN, +∞ or nothing but −∞; `invalidToken` for a history id outside
    ///   the row.
    public mutating func choose(
        _ logits: UnsafeBufferPointer<Float>, history: some Collection<Int32>, parameters: SamplingParameters,
        uniform: Double
    ) throws(InferenceError) -> Int32 {
        if parameters.isGreedy {
            let penalized = try penalize(logits, history: history, parameters: parameters)
            return Int32(penalized ? scores.withUnsafeBufferPointer(Self.likeliest) : Self.likeliest(logits))
        }
        let total = try weigh(logits, history: history, parameters: parameters)
        return Int32(draw(target: uniform * total))
    }

    /// The probability that `choose` gives each token, `[V]`.
    ///
    /// - Throws: As `choose`.
    public mutating func probabilities(
        _ logits: UnsafeBufferPointer<Float>, history: some Collection<Int32>, parameters: SamplingParameters
    ) throws(InferenceError) -> [Double] {
        if parameters.isGreedy {
            let token = try choose(logits, history: history, parameters: parameters, uniform: 0)
            return logits.indices.map { $0 == Int(token) ? 1 : 0 }
        }
        let total = try weigh(logits, history: history, parameters: parameters)
        return weights.map { Double($0) / total }
    }

    /// Fills `weights` with what each token weighs after all filters; returns their sum.
    private mutating func weigh(
        _ logits: UnsafeBufferPointer<Float>, history: some Collection<Int32>, parameters: SamplingParameters
    ) throws(InferenceError) -> Double {
        let isPenalized = try penalize(logits, history: history, parameters: parameters)
        if weights.count != logits.count {
            weights = [Float](repeating: 0, count: logits.count)
            blockSums = [Double](repeating: 0, count: (logits.count + Self.blockLength - 1) / Self.blockLength)
        }
        if isPenalized {
            scores.withUnsafeBufferPointer { Self.filter($0, parameters, weights: &weights, histogram: &histogram) }
        } else {
            Self.filter(logits, parameters, weights: &weights, histogram: &histogram)
        }
        return sumBlocks()
    }

    /// Checks the row and applies the repetition penalty; returns whether `scores` now holds penalised logits.
    private mutating func penalize(
        _ logits: UnsafeBufferPointer<Float>, history: some Collection<Int32>, parameters: SamplingParameters
    ) throws(InferenceError) -> Bool {
        try Self.check(logits)
        guard parameters.repetitionPenalty != 1, !history.isEmpty else { return false }
        if scores.count != logits.count {
            scores = [Float](repeating: 0, count: logits.count)
            seen = [Bool](repeating: false, count: logits.count)
        }
        for id in history where !logits.indices.contains(Int(id)) {
            throw InferenceError(
                .invalidToken,
                "sampling: history holds token \(id), expected ids from 0 to \(logits.count - 1), the row's length")
        }
        scores.withUnsafeMutableBufferPointer { _ = $0.update(from: logits) }
        let penalty = Float(parameters.repetitionPenalty)
        for id in history where !seen[Int(id)] {
            seen[Int(id)] = true
            let score = scores[Int(id)]
            scores[Int(id)] = score < 0 ? score * penalty : score / penalty
        }
        for id in history { seen[Int(id)] = false }
        return true
    }

    /// Sums the weights block by block, each in order.
    private mutating func sumBlocks() -> Double {
        var total = 0.0
        weights.withUnsafeBufferPointer { weights in
            for block in blockSums.indices {
                let start = block * Self.blockLength
                var sum = 0.0
                for index in start..<min(start + Self.blockLength, weights.count) { sum += Double(weights[index]) }
                blockSums[block] = sum
                total += sum
            }
        }
        return total
    }

    /// The first token at which the running sum exceeds `target`; the last with any weight when rounding hides it.
    private func draw(target: Double) -> Int {
        var before = 0.0
        var chosen = (block: 0, before: 0.0)
        for (block, sum) in blockSums.enumerated() where sum > 0 {
            chosen = (block, before)
            before += sum
            if before > target { break }
        }
        let start = chosen.block * Self.blockLength
        var running = chosen.before
        var last = start
        for index in start..<min(start + Self.blockLength, weights.count) where weights[index] > 0 {
            running += Double(weights[index])
            last = index
            if running > target { break }
        }
        return last
    }
}

extension Sampler {
    /// Refuses rows that no token can be chosen from.
    static func check(_ logits: UnsafeBufferPointer<Float>) throws(InferenceError) {
        var isBroken = SIMDMask<SIMD8<Int32>>(repeating: false)
        forEachEight(logits) { values, _ in isBroken .|= .!(values .< .infinity) }
        let largest = maximum(logits)
        guard any(isBroken) || largest == -.infinity else { return }
        if let index = logits.firstIndex(where: { !($0 < .infinity) }) {
            throw InferenceError(
                .invalidLogits,
                "sampling: the logit of token \(index) is \(logits[index]), expected a finite number or -inf; "
                    + "the model's weights or its adapter are damaged")
        }
        throw InferenceError(
            .invalidLogits,
            "sampling: all \(logits.count) logits are -inf, expected at least one finite number; "
                + "the model's weights are damaged or every token was forbidden")
    }

    /// The likeliest token; the lowest id wins ties.
    private static func likeliest(_ scores: UnsafeBufferPointer<Float>) -> Int {
        let largest = maximum(scores)
        return scores.firstIndex { $0 == largest } ?? 0
    }
}
