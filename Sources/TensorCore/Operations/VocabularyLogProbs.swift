import CKernels

/// Log-probability of a target token and entropy for each row, straight from the hidden state through a frozen vocabulary
/// projection: `tokenLogProbs(linear(x, weight))` with the same bits, but the logits live for a few rows at a time and are
/// made only once.
///
///     z = x Wᵀ     p = softmax(z / t)     y[n, 0] = log p[target]     y[n, 1] = H = −Σ p log p   (nats)
///     dx[n] = dy₀ · ℓ[n] + dy₁ · h[n]
///     ℓ = (1[target] − p) W / t          h = −(p (log p + H)) W / t
///
/// A row's gradient has one number for each column of y, and does all else without knowing it: so ℓ (and h, if wanted)
/// are computed while the logits are there, and the backward pass only scales them. That saves making the logits again.
///
/// - Parameter x: Hidden states, `[N, C]`.
/// - Parameter weight: W, `[V, C]`; frozen.
/// - Parameter targets: One id a row, below V.
/// - Parameter temperature: t > 0.
/// - Parameter entropyGradient: Whether dy₁ may be other than zero; costs another product with W.
/// - Returns: `[N, 2]`.
public func vocabularyLogProbs(
    _ x: Tensor, weight: PackedMatrix, targets: [Int32], temperature: Float, entropyGradient: Bool
) -> Tensor {
    let (rows, vocabulary) = (x.shape[0], weight.rows)
    precondition(
        targets.count == rows && temperature > 0 && x.shape[1] == weight.columns,
        "vocabularyLogProbs: x \(x.shape), weight [\(vocabulary), \(weight.columns)], \(targets.count) targets, "
            + "temperature \(temperature)")
    precondition(
        targets.allSatisfy { $0 >= 0 && $0 < vocabulary }, "vocabularyLogProbs: a target is not below \(vocabulary)")
    let isRecorded = x.node != nil
    let y = Tensor(shape: [rows, 2])
    let likelihood = Tensor(shape: isRecorded ? x.shape : [0])
    let entropy = Tensor(shape: isRecorded && entropyGradient ? x.shape : [0])
    // Few enough rows that their logits stay near the caches, enough that the weights are worth reading.
    let size = min(512, max(16, (8 << 20) / vocabulary))
    for start in stride(from: 0, to: rows, by: size) {
        let range = start..<min(start + size, rows)
        let logits = Tensor(shape: [range.count, vocabulary])
        Products.multiply(logits, x.rows(range), weight)
        let logSumExp = Tensor(shape: [range.count])
        let out = y.floats + 2 * start
        parallelFor(range.count) { row in
            ck_token_log_prob(
                out + 2 * row, out + 2 * row + 1, logSumExp.floats + row, logits.floats + row * vocabulary, vocabulary,
                Int(targets[start + row]), temperature)
        }
        guard isRecorded else { continue }
        func direction(_ target: Tensor, _ dlogProb: Float, _ dentropy: Float) {
            let dlogits = Tensor(shape: logits.shape)
            parallelFor(range.count) { row in
                ck_token_log_prob_backward(
                    dlogits.floats + row * vocabulary, logits.floats + row * vocabulary, vocabulary,
                    Int(targets[start + row]), temperature, logSumExp.floats[row], out[2 * row + 1], dlogProb, dentropy)
            }
            Products.multiplyTransposed(target.rows(range), dlogits, weight)
        }
        direction(likelihood, 1, 0)
        if entropyGradient { direction(entropy, 0, 1) }
    }
    return record(y, from: x) { dy in
        let width = weight.columns
        let dx = Tensor(shape: [rows, width])
        for row in 0..<rows {
            precondition(entropyGradient || dy.floats[2 * row + 1] == 0, "vocabularyLogProbs: no entropy gradient here")
            ck_scale(dx.floats + row * width, likelihood.floats + row * width, dy.floats[2 * row], width)
            guard entropyGradient else { continue }
            ck_scale(entropy.floats + row * width, entropy.floats + row * width, dy.floats[2 * row + 1], width)
            ck_add(dx.floats + row * width, dx.floats + row * width, entropy.floats + row * width, width)
        }
        return [dx]
    }
}
