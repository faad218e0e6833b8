import CKernels

/// Multiplies each row by a number: what an expert's output is weighted with.
///
///     y[n,c] = x[n,c] · s[n]
///     dx[n,c] = dy[n,c] · s[n]        ds[n] = dy[n]·x[n]
///
/// - Parameter x: `[N, C]`.
/// - Parameter factors: s, `[N]` or `[N, 1]`.
/// - Returns: `[N, C]`.
public func scaleRows(_ x: Tensor, by factors: Tensor) -> Tensor {
    precondition(
        x.shape.count == 2 && factors.count == x.shape[0],
        "scaleRows: factors are \(factors.shape), expected [\(x.shape[0])] for x \(x.shape)")
    let y = scaledRows(x, factors)
    let (savedX, savedFactors) = (x.detached, factors.detached)
    return record(y, from: x, factors) { dy in
        let width = savedX.shape[1]
        let dfactors = Tensor(shape: savedFactors.shape)
        parallelFor(savedX.shape[0], pieces: max(1, 8192 / max(1, width))) { rows in
            for row in rows {
                dfactors.floats[row] = ck_dot(dy.floats + row * width, savedX.floats + row * width, width)
            }
        }
        return [scaledRows(dy, savedFactors), dfactors]
    }
}

private func scaledRows(_ x: Tensor, _ factors: Tensor) -> Tensor {
    let width = x.shape[1]
    let y = Tensor(shape: x.shape)
    parallelFor(x.shape[0], pieces: max(1, 8192 / max(1, width))) { rows in
        for row in rows { ck_scale(y.floats + row * width, x.floats + row * width, factors.floats[row], width) }
    }
    return y
}
