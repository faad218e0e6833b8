import CKernels

/// A low-rank correction that some rows of a linear layer get, in single precision: y += s · B(A x), and with magnitudes
/// y ← m / ‖W + s BA‖ · y after that (DoRA).
public struct LowRankTerm: Sendable {
    /// What DoRA multiplies each output of the sum by.
    public struct Magnitude: Sendable {
        /// m / ‖W + s BA‖, `[out]`.
        public let factors: Tensor
        /// 1 / ‖W + s BA‖, `[out]`.
        public let inverseNorms: Tensor
        /// Gradient of m, `[out]`, when it is trained.
        public let gradient: Tensor?

        /// Factors with the norms that they were made of.
        public init(factors: Tensor, inverseNorms: Tensor, gradient: Tensor? = nil) {
            precondition(
                factors.shape == inverseNorms.shape, "Magnitude: \(factors.shape) and \(inverseNorms.shape)")
            (self.factors, self.inverseNorms, self.gradient) = (factors, inverseNorms, gradient)
        }
    }

    /// The rows of the batch that it applies to.
    public let rows: Range<Int>
    /// A, `[R, in]`.
    public let down: PackedMatrix
    /// B, `[out, R]`.
    public let up: PackedMatrix
    /// s.
    public let scaling: Float
    /// Gradients of A and B, when they are trained; of the first rows of A and columns of B where they have fewer.
    public let gradients: (down: Tensor, up: Tensor)?
    /// What the sum is multiplied by.
    public var magnitude: Magnitude?
    /// What A's input is multiplied by, `[rows, in]`: dropout.
    public var mask: Tensor?

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

    var isTrained: Bool { gradients != nil || magnitude?.gradient != nil }
}

extension LowRankTerm.Magnitude {
    /// Adds to the gradient of m, and turns the gradient of g ⊙ z into that of z, in place.
    func backward(_ dy: Tensor, _ z: Tensor?) {
        let width = factors.count
        if let gradient, let z {
            parallelFor(width, pieces: 256) { channels in
                let (sum, inverse) = (gradient.floats, inverseNorms.floats)
                for row in 0..<dy.shape[0] {
                    let (dy, z) = (dy.floats + row * width, z.floats + row * width)
                    for channel in channels { sum[channel] += dy[channel] * z[channel] * inverse[channel] }
                }
            }
        }
        multiplyChannels(dy, factors)
    }
}

extension LowRankTerm {
    /// Adds u = A x̃ to the products to compute.
    ///
    /// - Returns: x̃ and u, `[rows, R]`.
    func addInputProduct(to batch: inout ProductBatch, _ x: Tensor) -> (input: Tensor, product: Tensor) {
        let (input, u) = (masked(x.rows(rows)), Tensor(shape: [rows.count, down.rows]))
        batch.add(u, input, down, rows: 0..<rows.count)
        return (input, u)
    }

    /// u ← s · u, and adds y += B u on its rows to the products to compute.
    func addOutputProduct(to batch: inout ProductBatch, _ y: Tensor, _ u: Tensor) {
        ck_scale(u.floats, u.floats, scaling, u.count)
        batch.add(y.rows(rows), u, up, rows: 0..<rows.count, accumulate: true)
    }

    /// Multiplies its rows of y by the magnitudes' factors.
    ///
    /// - Returns: The rows as they were, where the backward pass needs them.
    func scaleChannels(_ y: Tensor) -> Tensor? {
        guard let magnitude else { return nil }
        let z = magnitude.gradient == nil ? nil : y.rows(rows).copy()
        multiplyChannels(y.rows(rows), magnitude.factors)
        return z
    }

    /// The input of A.
    private func masked(_ x: Tensor) -> Tensor { mask.map { product(x, $0) } ?? x }

    /// Adds to its rows of `dx` and to its gradients.
    func backward(
        _ dx: Tensor?, _ dz: Tensor, u: Tensor, _ x: Tensor?, _ units: [Range<Int>]
    ) {
        let du = Tensor(shape: u.shape)
        Products.multiplyTransposed(du, dz, up)
        ck_scale(du.floats, du.floats, scaling, du.count)
        if let gradients, let x {
            let units = restricted(units, to: rows)
            let rank = gradients.down.shape[0]
            Products.accumulateGradient(gradients.up, dz, firstColumns(u, rank), units: units)
            Products.accumulateGradient(gradients.down, firstColumns(du, rank), masked(x.rows(rows)), units: units)
        }
        guard let dx else { return }
        guard let mask else {
            return Products.multiplyTransposed(dx.rows(rows), du, down, accumulate: true)
        }
        let dinput = Tensor(shape: mask.shape)
        Products.multiplyTransposed(dinput, du, down)
        let (target, addend) = (dx.rows(rows), product(dinput, mask))
        ck_add(target.floats, target.floats, addend.floats, addend.count)
    }
}

extension [LowRankTerm] {
    /// Whether no two of them add to the same gradient: then their order does not matter.
    var haveGradientsApart: Bool {
        let places = compactMap { $0.gradients?.down.floats }
        return Set(places).count == places.count
    }
}

/// The first columns of a matrix, side by side.
private func firstColumns(_ x: Tensor, _ count: Int) -> Tensor {
    let (rows, width) = (x.shape[0], x.shape[1])
    guard count < width else { return x }
    let y = Tensor(shape: [rows, count])
    for row in 0..<rows { (y.floats + row * count).update(from: x.floats + row * width, count: count) }
    return y
}

/// a ⊙ b.
private func product(_ a: Tensor, _ b: Tensor) -> Tensor {
    let y = Tensor(shape: a.shape)
    parallelFor(y.count, pieces: 1 << 14) { range in
        let (y, a, b) = (y.floats, a.floats, b.floats)
        for place in range { y[place] = a[place] * b[place] }
    }
    return y
}

/// Multiplies each column of x `[N, C]` by a factor `[C]`, in place.
private func multiplyChannels(_ x: Tensor, _ factors: Tensor) {
    let width = factors.count
    parallelFor(x.shape[0], pieces: max(1, 8192 / max(1, width))) { rows in
        for row in rows {
            let (x, factors) = (x.floats + row * width, factors.floats)
            for channel in 0..<width { x[channel] *= factors[channel] }
        }
    }
}
