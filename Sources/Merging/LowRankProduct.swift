import COpenBLAS

/// B·A with few rows in A and columns in B: norms, singular values and the best approximation of lower rank, from the small
/// Gram matrices of the factors and never from the product itself. All in double precision.
///
///     G = BᵀB = V D Vᵀ,   S = D^½ Vᵀ   ⇒   BA = (B V D^−½) (S A) with orthonormal first columns
///     H = S (A Aᵀ) Sᵀ = Y Σ² Yᵀ        ⇒   right singular vectors v_k = σ_k^−1 y_kᵀ S A
///     best of rank r:  A' = rows v_1 … v_r,   B' = B (A A'ᵀ)
struct LowRankProduct {
    let b: Matrix
    let a: Matrix

    /// Singular values below this share of the largest are rounding errors, and taken as 0.
    static let negligible = 1e-8

    init(b: Matrix, a: Matrix) {
        precondition(b.columns == a.rows, "LowRankProduct: B is [\(b.rows), \(b.columns)], A [\(a.rows), \(a.columns)]")
        (self.b, self.a) = (b, a)
    }

    /// ‖BA‖² (Frobenius): the sum of (BᵀB)∘(AAᵀ).
    var squaredNorm: Double {
        let (left, right) = (gram(b, transposed: true), gram(a, transposed: false))
        return max(0, zip(left, right).reduce(0) { $0 + $1.0 * $1.1 })
    }

    /// A Aᵀ.
    var inner: [Double] { gram(a, transposed: false) }

    /// The best approximation of a rank: B' with columns σ_k u_k, A' with rows v_k, as PEFT splits it. Each v_k has its
    /// largest component positive, so that equal products give equal factors.
    func truncated(rank: Int) -> (b: Matrix, a: Matrix) {
        let count = a.rows
        let left = SymmetricEigen(gram(b, transposed: true), size: count)
        let right = gram(a, transposed: false)
        // S[k, i] = √d_k · V[i, k].
        var s = [Double](repeating: 0, count: count * count)
        for k in 0..<count {
            let root = max(0, left.values[k]).squareRoot()
            for i in 0..<count { s[k * count + i] = root * left.vectors[k * count + i] }
        }
        let middle = multiply(multiply(s, right, count), transposed(s, count), count)
        let core = SymmetricEigen(middle, size: count)
        let largest = max(0, core.values.first ?? 0).squareRoot()
        var directions = Matrix(rows: rank, columns: a.columns)
        for k in 0..<min(rank, count) {
            let sigma = max(0, core.values[k]).squareRoot()
            guard sigma > largest * Self.negligible, sigma > 0 else { break }
            let y = (0..<count).map { core.vectors[k * count + $0] / sigma }
            let weights = (0..<count).map { i in (0..<count).reduce(0.0) { $0 + y[$1] * s[$1 * count + i] } }
            setDirection(k, weights, of: &directions)
        }
        return (project(directions), directions)
    }

    /// v_k = Σ_i weights_i A_i, with its largest component positive.
    private func setDirection(_ k: Int, _ weights: [Double], of directions: inout Matrix) {
        let width = a.columns
        var vector = [Double](repeating: 0, count: width)
        for (i, weight) in weights.enumerated() where weight != 0 {
            for column in 0..<width { vector[column] += weight * Double(a.values[i * width + column]) }
        }
        let peak = vector.max { abs($0) < abs($1) } ?? 0
        for column in 0..<width {
            directions.values[k * width + column] = Float(peak < 0 ? -vector[column] : vector[column])
        }
    }

    /// B' = B (A A'ᵀ).
    private func project(_ directions: Matrix) -> Matrix {
        let (rank, inner) = (directions.rows, a.rows)
        var overlap = [Double](repeating: 0, count: inner * rank)
        for i in 0..<inner {
            for k in 0..<rank {
                var sum = 0.0
                for column in 0..<a.columns {
                    sum += Double(a.values[i * a.columns + column]) * Double(directions.values[k * a.columns + column])
                }
                overlap[i * rank + k] = sum
            }
        }
        var result = Matrix(rows: b.rows, columns: rank)
        for row in 0..<b.rows {
            for k in 0..<rank {
                var sum = 0.0
                for i in 0..<inner { sum += Double(b.values[row * inner + i]) * overlap[i * rank + k] }
                result.values[row * rank + k] = Float(sum)
            }
        }
        return result
    }

    /// MᵀM or MMᵀ, row-major.
    private func gram(_ matrix: Matrix, transposed: Bool) -> [Double] {
        _ = singleThreadedBLAS
        let size = transposed ? matrix.columns : matrix.rows
        let values = matrix.values.map(Double.init)
        var result = [Double](repeating: 0, count: size * size)
        let inner = transposed ? matrix.rows : matrix.columns
        guard size > 0, inner > 0 else { return result }
        cblas_dgemm(
            CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, transposed ? CblasNoTrans : CblasTrans, Int32(size),
            Int32(size), Int32(inner), 1, values, Int32(matrix.columns), values, Int32(matrix.columns), 0, &result,
            Int32(size))
        return result
    }

    private func multiply(_ x: [Double], _ y: [Double], _ n: Int) -> [Double] {
        var result = [Double](repeating: 0, count: n * n)
        guard n > 0 else { return result }
        cblas_dgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(n), Int32(n), Int32(n), 1, x, Int32(n), y, Int32(n), 0,
            &result, Int32(n))
        return result
    }

    private func transposed(_ x: [Double], _ n: Int) -> [Double] {
        (0..<n * n).map { x[$0 % n * n + $0 / n] }
    }
}

/// Eigenvalues of a symmetric matrix, falling, and its eigenvectors, one a row.
struct SymmetricEigen {
    let values: [Double]
    let vectors: [Double]

    init(_ matrix: [Double], size: Int) {
        var (a, rising) = (matrix, [Double](repeating: 0, count: size))
        var n = Int32(size)
        var info: Int32 = 0
        var workCount = Int32(1 + 6 * size + 2 * size * size)
        var integerCount = Int32(3 + 5 * size)
        var work = [Double](repeating: 0, count: Int(workCount))
        var integerWork = [Int32](repeating: 0, count: Int(integerCount))
        var job = CChar(bitPattern: UInt8(ascii: "V"))
        var triangle = CChar(bitPattern: UInt8(ascii: "U"))
        // A symmetric matrix is its own transpose: row-major and Fortran's order agree. Vectors come out as rows.
        if size > 0 {
            dsyevd_(
                &job, &triangle, &n, &a, &n, &rising, &work, &workCount, &integerWork, &integerCount, &info, 1, 1)
        }
        precondition(info == 0, "dsyevd: \(info) for a matrix of \(size); it holds NaN or infinite numbers")
        values = rising.reversed()
        vectors = (0..<size).flatMap { k in a[(size - 1 - k) * size..<(size - k) * size] }
    }
}

extension LowRankProduct {
    /// The best approximation of a rank of a dense matrix, by way of the Gram matrix of its shorter side.
    static func truncated(dense m: Matrix, rank: Int) -> (b: Matrix, a: Matrix) {
        if m.rows <= m.columns {
            // M = I · M: the product form with B the identity.
            let gram = LowRankProduct(b: Matrix(rows: 0, columns: m.rows), a: m).gram(m, transposed: false)
            let eigen = SymmetricEigen(gram, size: m.rows)
            let left = Matrix(
                rows: min(rank, m.rows), columns: m.rows,
                values: eigen.vectors.prefix(min(rank, m.rows) * m.rows).map(Float.init))
            // M ≈ Uᵀ(U M): turn the orthonormal side to A, as PEFT has it.
            return LowRankProduct(b: left.transposed, a: left.product(m)).truncated(rank: rank)
        }
        let other = truncated(dense: m.transposed, rank: rank)
        return LowRankProduct(b: other.a.transposed, a: other.b.transposed).truncated(rank: rank)
    }
}

extension Matrix {
    /// The matrix with rows and columns exchanged.
    var transposed: Matrix {
        var result = Matrix(rows: columns, columns: rows)
        for row in 0..<rows {
            for column in 0..<columns { result.values[column * rows + row] = values[row * columns + column] }
        }
        return result
    }

    /// self · other.
    func product(_ other: Matrix) -> Matrix {
        precondition(columns == other.rows, "product: [\(rows), \(columns)] · [\(other.rows), \(other.columns)]")
        var result = Matrix(rows: rows, columns: other.columns)
        values.withUnsafeBufferPointer { left in
            result.values.withUnsafeMutableBufferPointer { output in
                guard let left = left.baseAddress, let output = output.baseAddress else { return }
                addProduct(to: output, rows: rows, left, other)
            }
        }
        return result
    }
}
