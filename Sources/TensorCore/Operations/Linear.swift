import CKernels

/// A low-rank correction that some rows of a linear layer get: y += s · B(A x), in single precision.
public struct LowRankTerm: Sendable {
    /// The rows of the batch that it applies to.
    public let rows: Range<Int>
    /// A, `[R, in]`.
    public let down: PackedMatrix
    /// B, `[out, R]`.
    public let up: PackedMatrix
    /// s.
    public let scaling: Float
    /// Gradients of A and B, when they are trained.
    public let gradients: (down: Tensor, up: Tensor)?

    /// A term for a range of rows.
    public init(
        rows: Range<Int>, down: PackedMatrix, up: PackedMatrix, scaling: Float,
        gradients: (down: Tensor, up: Tensor)? = nil
    ) {
        self.rows = rows
        self.down = down
        self.up = up
        self.scaling = scaling
        self.gradients = gradients
    }
}

/// Gradients of a linear layer's own weight `[out, in]` and bias `[out]`, when they are trained.
public typealias LinearGradients = (weight: Tensor?, bias: Tensor?)

/// A linear layer with low-rank corrections.
///
///     y = x Wᵀ + b + s (x Aᵀ) Bᵀ
///     dx = dy W + du A        du = s (dy B)
///     dW = dyᵀ x      db = Σ dy      dB = dyᵀ (s x Aᵀ)      dA = duᵀ x
///
/// Source: Hu et al. 2021, arXiv:2106.09685 (low-rank adaptation).
/// - Parameter x: Activations, `[N, in]`.
/// - Parameter weight: W, `[out, in]`. Of bfloat16 type: x and, backwards, dy are rounded to bfloat16 for the product
///   with W; sums are in single precision.
/// - Parameter bias: b, `[out]`.
/// - Parameter lowRank: Terms for disjoint row ranges.
/// - Parameter units: Row ranges whose parameter gradients are added one after the other.
/// - Returns: `[N, out]`.
public func linear(
    _ x: Tensor, weight: PackedMatrix, bias: Tensor? = nil, lowRank: [LowRankTerm] = [],
    gradients: LinearGradients = (nil, nil), units: [Range<Int>] = []
) -> Tensor {
    precondition(
        x.shape.count == 2 && x.shape[1] == weight.columns, "linear: x is \(x.shape), expected [N, \(weight.columns)]")
    precondition(
        bias == nil || bias?.shape == [weight.rows], "linear: bias is \(bias?.shape ?? []), expected [\(weight.rows)]")
    let y = Tensor(shape: [x.shape[0], weight.rows])  // [N, out]
    Products.multiply(y, x, weight)
    if let bias { addBias(y, bias) }
    let projected = lowRank.map { term in
        let u = Tensor(shape: [term.rows.count, term.down.rows])  // [rows, R]
        Products.multiply(u, x.rows(term.rows), term.down)
        ck_scale(u.floats, u.floats, term.scaling, u.count)
        Products.multiply(y.rows(term.rows), u, term.up, accumulate: true)
        return u
    }
    let trained = gradients.weight != nil || gradients.bias != nil || lowRank.contains { $0.gradients != nil }
    let needsInput = x.node != nil
    let shape = x.shape
    let saved = trained ? x.saved : nil
    return record(y, from: x, always: trained) { dy in
        let dx = needsInput ? Tensor(shape: shape) : nil
        if let dx { Products.multiplyTransposed(dx, dy, weight) }
        let input = saved?()
        if let input, let dw = gradients.weight { Products.accumulateGradient(dw, dy, input, units: units) }
        if let db = gradients.bias { sumRows(into: db, dy) }
        for (term, u) in zip(lowRank, projected) {
            lowRankBackward(
                term, u: u, x: input?.rows(term.rows), dy: dy.rows(term.rows), dx: dx, units: units)
        }
        return [dx]
    }
}

/// The backward pass of one low-rank term; adds to the rows of `dx`.
private func lowRankBackward(
    _ term: LowRankTerm, u: Tensor, x: Tensor?, dy: Tensor, dx: Tensor?, units: [Range<Int>]
) {
    let du = Tensor(shape: u.shape)
    Products.multiplyTransposed(du, dy, term.up)
    ck_scale(du.floats, du.floats, term.scaling, du.count)
    if let x, let gradients = term.gradients {
        let units = units.map { $0.clamped(to: term.rows) }.filter { !$0.isEmpty }
            .map { $0.lowerBound - term.rows.lowerBound..<$0.upperBound - term.rows.lowerBound }
        Products.accumulateGradient(gradients.up, dy, u, units: units)
        Products.accumulateGradient(gradients.down, du, x, units: units)
    }
    if let dx { Products.multiplyTransposed(dx.rows(term.rows), du, term.down, accumulate: true) }
}

private func addBias(_ y: Tensor, _ bias: Tensor) {
    let width = bias.count
    parallelFor(y.shape[0], pieces: 32) { rows in
        ck_add_bias(y.floats + rows.lowerBound * width, bias.floats, rows.count, width)
    }
}

/// sum `[C]` += Σ over the rows of x `[N, C]`, ascending.
func sumRows(into sum: Tensor, _ x: Tensor) {
    let (rows, width) = (x.shape[0], x.shape[1])
    parallelFor(width, pieces: 256) { columns in
        ck_sum_rows(sum.floats + columns.lowerBound, x.floats + columns.lowerBound, width, rows, columns.count)
    }
}
