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
