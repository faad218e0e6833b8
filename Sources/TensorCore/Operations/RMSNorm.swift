import CKernels

/// Normalises each row by its root mean square and scales it by channel.
///
///     y[n,c]  = x[n,c] · rstd[n] · w[c]          rstd[n] = 1 / √(mean_c x[n,c]² + ε)
///     dx[n,c] = rstd[n] · (g[n,c] − x̂[n,c] · mean_c(g·x̂))     g = dy·w,  x̂ = x·rstd
///     dw[c]   = Σ_n dy[n,c] · x̂[n,c]
///
/// Source: Zhang & Sennrich 2019, arXiv:1910.07467.
/// - Parameter x: Activations, `[N, C]`; or `[N, heads · C]`, where each head is a row of its own.
/// - Parameter weight: Scale of each channel, `[C]`.
/// - Parameter gradient: Gradient of the weight, `[C]`, when it is trained.
/// - Returns: The shape of x.
public func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Float, gradient: Tensor? = nil) -> Tensor {
    let width = weight.count
    precondition(x.count % width == 0, "rmsNorm: weight is \(weight.shape), x is \(x.shape)")
    let rows = x.count / width
    let rstd = Tensor(shape: [rows])
    let piece = max(1, 8192 / width)
    let input = x.detached
    func forward() -> Tensor {
        let y = Tensor(shape: input.shape)
        parallelFor(rows, pieces: piece) { range in
            let start = range.lowerBound * width
            ck_rms_norm(
                y.floats + start, rstd.floats + range.lowerBound, input.floats + start, weight.floats, epsilon,
                range.count, width)
        }
        return y
    }
    return record(forward(), from: x, always: gradient != nil, remake: forward) { dy in
        let dx = Tensor(shape: input.shape)
        if let gradient {
            ck_rms_norm_backward(
                dx.floats, gradient.floats, dy.floats, input.floats, weight.floats, rstd.floats, rows, width)
        } else {
            parallelFor(rows, pieces: piece) { range in
                let start = range.lowerBound * width
                ck_rms_norm_backward(
                    dx.floats + start, nil, dy.floats + start, input.floats + start, weight.floats,
                    rstd.floats + range.lowerBound, range.count, width)
            }
        }
        return [dx]
    }
}
