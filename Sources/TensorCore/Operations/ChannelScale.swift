/// Multiplies each channel by a factor of its own: the magnitudes of a weight-decomposed adapter (DoRA).
///
///     y[n,c]  = x[n,c] · s[c]
///     dx[n,c] = dy[n,c] · s[c]        ds[c] = Σ_n dy[n,c] · x[n,c]     rows ascending
///
/// A DoRA layer is `scaleChannels(linear(x, W, low-rank BA), by: m / ‖W + s·BA‖)` with the norm of each output's weights
/// taken as a constant, so that dm = ds / ‖W + s·BA‖; a bias is added after it.
///
/// Source: Liu et al. 2024, arXiv:2402.09353, equation 5 and section 4.3 (constant norm).
/// - Parameter x: `[N, C]`.
/// - Parameter factors: s, `[C]`.
/// - Parameter gradient: Gradient of s, `[C]`, when it is trained.
/// - Returns: `[N, C]`.
public func scaleChannels(_ x: Tensor, by factors: Tensor, gradient: Tensor? = nil) -> Tensor {
    precondition(
        x.shape.count == 2 && factors.shape == [x.shape[1]],
        "scaleChannels: factors are \(factors.shape), expected [\(x.dimension(-1))] for x \(x.shape)")
    let y = scaledChannels(x, factors)
    let input = x.detached
    return record(y, from: x, always: gradient != nil) { dy in
        if let gradient { addChannelProducts(to: gradient, dy, input) }
        return [scaledChannels(dy, factors)]
    }
}

private func scaledChannels(_ x: Tensor, _ factors: Tensor) -> Tensor {
    let (rows, width) = (x.shape[0], x.shape[1])
    let y = Tensor(shape: x.shape)
    parallelFor(rows, pieces: max(1, 8192 / max(1, width))) { range in
        for row in range {
            let (target, source, factors) = (y.floats + row * width, x.floats + row * width, factors.floats)
            for channel in 0..<width { target[channel] = source[channel] * factors[channel] }
        }
    }
    return y
}

/// sum `[C]` += Σ_n a[n,c] · b[n,c].
private func addChannelProducts(to sum: Tensor, _ a: Tensor, _ b: Tensor) {
    let (rows, width) = (a.shape[0], a.shape[1])
    parallelFor(width, pieces: 256) { channels in
        let sum = sum.floats
        for row in 0..<rows {
            let (a, b) = (a.floats + row * width, b.floats + row * width)
            for channel in channels { sum[channel] += a[channel] * b[channel] }
        }
    }
}
