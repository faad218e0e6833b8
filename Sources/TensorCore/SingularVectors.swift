import COpenBLAS

/// The largest singular values of a matrix with their vectors: W ≈ Σ_k σ_k u_k v_kᵀ.
public struct SingularVectors: Sendable {
    /// σ, falling.
    public let values: [Double]
    /// u_k, `[out]` each.
    public let left: [[Double]]
    /// v_k, `[in]` each.
    public let right: [[Double]]

    /// The first singular vectors, in Double, by a block Krylov method that starts again from its best vectors until they
    /// are right to about 1e-7. A function of the matrix alone; one thread.
    ///
    /// Source: Musco & Musco 2015, arXiv:1504.05477 (block Krylov); Knyazev 2001 for restarting.
    /// - Parameter count: How many, at most the smaller side of the matrix.
    public init(of weight: PackedMatrix, count: Int) {
        precondition(
            count >= 1 && count <= min(weight.rows, weight.columns),
            "SingularVectors: \(count) of a matrix [\(weight.rows), \(weight.columns)]")
        let matrix = DoubleMatrix(weight)
        let isWide = weight.columns > weight.rows
        let vectors = matrix.leadingVectors(count, ofRows: isWide)
        // The other side's vectors are W v / σ; of singular value 0 any would do, and zeros are harmless.
        let images = matrix.applied(to: vectors, transposed: isWide)
        let values = images.rowNorms
        let others = (0..<count).map { index in
            images.row(index).map { values[index] > 0 ? $0 / values[index] : 0 }
        }
        let found = (0..<count).map { vectors.row($0) }
        self.values = values
        left = isWide ? found : others
        right = isWide ? others : found
    }
}

/// A dense matrix of Doubles, row-major.
struct DoubleMatrix {
    let rows: Int
    let columns: Int
    var values: [Double]

    init(rows: Int, columns: Int, values: [Double]) {
        (self.rows, self.columns, self.values) = (rows, columns, values)
    }

    init(_ weight: PackedMatrix) {
        var values = [Double](repeating: 0, count: weight.rows * weight.columns)
        let row = Tensor(shape: [weight.columns])
        for index in 0..<weight.rows {
            weight.readRow(index, into: row.floats)
            for column in 0..<weight.columns { values[index * weight.columns + column] = Double(row.floats[column]) }
        }
        self.init(rows: weight.rows, columns: weight.columns, values: values)
    }

    func row(_ index: Int) -> [Double] { Array(values[index * columns..<(index + 1) * columns]) }

    var rowNorms: [Double] { (0..<rows).map { row($0).reduce(0) { $0 + $1 * $1 }.squareRoot() } }

    /// a · b, either transposed first.
    static func product(
        _ a: DoubleMatrix, _ b: DoubleMatrix, transposeA: Bool = false, transposeB: Bool = false
    ) -> DoubleMatrix {
        Products.useOneThread()
        let m = transposeA ? a.columns : a.rows
        let k = transposeA ? a.rows : a.columns
        let n = transposeB ? b.rows : b.columns
        var values = [Double](repeating: 0, count: m * n)
        cblas_dgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, Int32(m),
            Int32(n), Int32(k), 1, a.values, Int32(a.columns), b.values, Int32(b.columns), 0, &values, Int32(n))
        return DoubleMatrix(rows: m, columns: n, values: values)
    }

    /// For each row x of `vectors` the row W x, or Wᵀ x.
    func applied(to vectors: DoubleMatrix, transposed: Bool) -> DoubleMatrix {
        Self.product(vectors, self, transposeB: !transposed)
    }

    /// Eigenvectors of WᵀW, or of WWᵀ, for its largest eigenvalues, as rows.
    fileprivate func leadingVectors(_ count: Int, ofRows: Bool) -> DoubleMatrix {
        let size = ofRows ? rows : columns
        let width = min(size, count + 8)
        func gram(_ x: DoubleMatrix) -> DoubleMatrix {
            applied(to: applied(to: x, transposed: ofRows), transposed: !ofRows)
        }
        var start = DoubleMatrix(rows: width, columns: size, values: Self.scatter(width * size))
        start = start.orthonormalised(against: nil)
        for _ in 0..<60 {
            var (basis, images, block) = (start, gram(start), start)
            while basis.rows + block.rows <= min(size, 5 * width), block.rows > 0 {
                let last = DoubleMatrix(
                    rows: block.rows, columns: size, values: Array(images.values.suffix(block.rows * size)))
                block = last.orthonormalised(against: basis)
                basis.append(block)
                images.append(gram(block))
            }
            let (eigenvalues, mixing) = Self.product(basis, images, transposeB: true).symmetricEigenvectors(width)
            let vectors = Self.product(mixing, basis)
            let results = Self.product(mixing, images)
            let residual = (0..<count).map { index in
                zip(results.row(index), vectors.row(index)).reduce(0) {
                    $0 + ($1.0 - eigenvalues[index] * $1.1) * ($1.0 - eigenvalues[index] * $1.1)
                }
            }
            start = vectors
            if (residual.max() ?? 0).squareRoot() <= 1e-7 * max(eigenvalues[0], .leastNormalMagnitude) { break }
        }
        return DoubleMatrix(rows: count, columns: size, values: Array(start.values.prefix(count * size)))
    }

    private mutating func append(_ other: DoubleMatrix) {
        self = DoubleMatrix(rows: rows + other.rows, columns: columns, values: values + other.values)
    }

    /// Numbers without pattern: the start of an iteration that forgets it.
    private static func scatter(_ count: Int) -> [Double] {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(Int64(bitPattern: state) >> 11) * 0x1p-52
        }
    }

    /// The rows made orthonormal, and orthogonal to those of a basis; rows that depend on earlier ones are left out.
    private func orthonormalised(against basis: DoubleMatrix?) -> DoubleMatrix {
        var rest = self
        for _ in 0..<2 {
            guard let basis else { break }
            let parts = Self.product(rest, basis, transposeB: true)
            let sum = Self.product(parts, basis)
            for index in rest.values.indices { rest.values[index] -= sum.values[index] }
        }
        let scale = rowNorms.max() ?? 0
        var kept: [[Double]] = []
        for index in 0..<rows {
            var vector = rest.row(index)
            for _ in 0..<2 {
                for other in kept {
                    let dot = zip(vector, other).reduce(0) { $0 + $1.0 * $1.1 }
                    for place in vector.indices { vector[place] -= dot * other[place] }
                }
            }
            let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            guard norm > 1e-12 * scale else { continue }
            kept.append(vector.map { $0 / norm })
        }
        return DoubleMatrix(rows: kept.count, columns: columns, values: kept.flatMap { $0 })
    }
}
