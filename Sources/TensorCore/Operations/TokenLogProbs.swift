import CKernels

/// Log-probability of a target token and entropy of the distribution, for each row of logits.
///
///     p = softmax(z / t)     y[n, 0] = log p[target]     y[n, 1] = H = −Σ p log p   (nats)
///     dz = (dy₀ (1[target] − p) − dy₁ p (log p + H)) / t
///
/// - Parameter logits: z, `[N, V]`.
/// - Parameter targets: One id a row, below V.
/// - Parameter temperature: t > 0.
/// - Returns: `[N, 2]`.
public func tokenLogProbs(_ logits: Tensor, targets: [Int32], temperature: Float) -> Tensor {
    let (rows, vocabulary) = (logits.shape[0], logits.shape[1])
    precondition(
        targets.count == rows && temperature > 0,
        "tokenLogProbs: \(targets.count) targets for logits \(logits.shape), temperature \(temperature)")
    precondition(
        targets.allSatisfy { $0 >= 0 && $0 < vocabulary }, "tokenLogProbs: a target is not below \(vocabulary)")
    let y = Tensor(shape: [rows, 2])
    let logSumExp = Tensor(shape: [rows])
    parallelFor(rows) { row in
        ck_token_log_prob(
            y.floats + 2 * row, y.floats + 2 * row + 1, logSumExp.floats + row, logits.floats + row * vocabulary,
            vocabulary, Int(targets[row]), temperature)
    }
    let saved = logits.detached
    let values = y
    return record(y, from: logits) { dy in
        let dlogits = Tensor(shape: saved.shape)
        parallelFor(rows) { row in
            ck_token_log_prob_backward(
                dlogits.floats + row * vocabulary, saved.floats + row * vocabulary, vocabulary, Int(targets[row]),
                temperature, logSumExp.floats[row], values.floats[2 * row + 1], dy.floats[2 * row],
                dy.floats[2 * row + 1])
        }
        return [dlogits]
    }
}
