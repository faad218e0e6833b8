/// Computes `body` piece by piece over the rows of `x`, and again in the backward pass, so that between the passes only
/// `x` is kept and never more than one piece's intermediate results exist.
///
/// - Parameter x: Input, `[N, …]`.
/// - Parameter pieces: Row ranges that cover `0..<N` in order. One range for a transformer block; several for the
///   vocabulary projection, whose logits are too large to hold at once.
/// - Parameter pass: Where parameter gradients go; `nil` outside training. The body is given `nil` in the forward pass.
/// - Parameter body: A pure function of the rows given; its bits must not depend on `pass`.
/// - Returns: The bodies' outputs, one below the other.
public func recomputed(
    _ x: Tensor, pieces: [Range<Int>], pass: GradientPass?,
    body: @escaping (Tensor, Range<Int>, GradientPass?) -> Tensor
) -> Tensor {
    let outputs = pieces.map { body(x.rows($0), $0, nil) }
    let y = joinRows(outputs)
    let saved = x.detached
    let needsInput = x.node != nil
    return record(y, from: x, always: pass != nil) { dy in
        let dx = needsInput ? Tensor.zeros(saved.shape) : nil
        for range in pieces {
            let leaf = needsInput ? saved.rows(range).leaf : saved.rows(range)
            body(leaf, range, pass).backward(seed: dy.rows(range))
            if let dx, let gradient = leaf.node?.gradient {
                dx.rows(range).floats.update(from: gradient.floats, count: gradient.count)
                leaf.node?.gradient = nil
            }
        }
        return [dx]
    }
}

/// Tensors of equal width, one below the other.
private func joinRows(_ parts: [Tensor]) -> Tensor {
    if parts.count == 1 { return parts[0].detached }
    let y = Tensor(shape: [parts.map { $0.shape[0] }.reduce(0, +)] + parts[0].shape.dropFirst())
    var row = 0
    for part in parts {
        y.rows(row..<row + part.shape[0]).floats.update(from: part.floats, count: part.count)
        row += part.shape[0]
    }
    return y
}
