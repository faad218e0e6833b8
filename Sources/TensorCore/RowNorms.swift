import CKernels

/// The norm of each row of a weight with a low-rank correction, without making more than a tile of the sum: what DoRA
/// divides magnitudes by.
///
///     n[i] = ‖W[i] + s · Σ_r B[i,r] A[r]‖
///
/// Squares are summed in Double, columns ascending; a row's result depends on that row alone.
///
/// - Parameter weight: W, `[out, in]`.
/// - Parameter a: A, `[R, in]`.
/// - Parameter b: B, `[out, R]`.
/// - Returns: `[out]`.
public func rowNorms(of weight: PackedMatrix, adding a: Tensor, _ b: Tensor, scaling: Float) -> Tensor {
    let (rows, width, rank) = (weight.rows, weight.columns, a.shape[0])
    precondition(
        a.shape == [rank, width] && b.shape == [rows, rank],
        "rowNorms: A is \(a.shape), B is \(b.shape) for a weight [\(rows), \(width)]")
    let norms = Tensor(shape: [rows])
    let factors = Tensor(shape: b.shape)
    ck_scale(factors.floats, b.floats, scaling, b.count)
    let columns = Tensor(shape: [width, rank])
    ck_transpose_f32(columns.floats, a.floats, rank, width)
    let panels = PackedMatrix(columns)
    parallelFor(rows, pieces: PackedMatrix.panelRows) { range in
        let tile = Tensor(shape: [range.count, width])
        for row in range { weight.readRow(row, into: tile.floats + (row - range.lowerBound) * width) }
        ck_matmul_f32(
            tile.floats, width, factors.floats + range.lowerBound * rank, rank, range.count, panels.floats(atRow: 0),
            rank, width, true)
        for row in range {
            let squares = ck_sum_of_squares(tile.floats + (row - range.lowerBound) * width, width)
            norms.floats[row] = Float(squares.squareRoot())
        }
    }
    return norms
}
