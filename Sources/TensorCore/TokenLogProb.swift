import CKernels

/// The log-probability of one token under softmax(z / t): the same bits as `tokenLogProbs` gives for the row.
///
/// - Parameter logits: z, `[V]`.
/// - Parameter target: An id below V.
public func tokenLogProb(_ logits: UnsafeBufferPointer<Float>, target: Int, temperature: Float) -> Float {
    precondition(logits.indices.contains(target), "tokenLogProb: target \(target) of \(logits.count)")
    var (logProb, entropy, logSumExp): (Float, Float, Float) = (0, 0, 0)
    ck_token_log_prob(
        &logProb, &entropy, &logSumExp, logits.baseAddress, logits.count, target, temperature)
    return logProb
}

/// Draws a token from softmax(z / t): the first, in the order of ids, at which the sum of the weights passes `uniform` times
/// their total.
///
/// - Parameter logits: z, `[V]`.
/// - Parameter temperature: t > 0.
/// - Parameter uniform: A number in [0, 1).
/// - Parameter sums: Scratch that is used again.
/// - Returns: The token and its log-probability, with the bits of `tokenLogProb`; `nil` where a logit is NaN or +∞, or all
///   are −∞.
public func sampledToken(
    _ logits: UnsafeBufferPointer<Float>, temperature: Float, uniform: Double, sums: inout [Double]
) -> (token: Int, logProb: Float)? {
    let blocks = (logits.count + 511) / 512
    if sums.count < blocks { sums = Array(repeating: 0, count: blocks) }
    var logProb: Float = 0
    let token = ck_sample_token(&logProb, &sums, logits.baseAddress, logits.count, temperature, uniform)
    return token < 0 ? nil : (token, logProb)
}
