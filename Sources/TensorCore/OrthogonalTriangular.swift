import Foundation

/// The first columns of Q and rows of R in W = Q R, by Householder's reflections with LAPACK's signs.
public struct OrthogonalTriangular: Sendable {
    /// Columns of Q, `[out]` each.
    public let orthogonal: [[Double]]
    /// Rows of R, `[in]` each.
    public let triangular: [[Double]]

    /// Factors a matrix, in Double; one thread.
    ///
    /// Source: Golub & Van Loan, Matrix Computations, section 5.2.
    /// - Parameter count: How many columns, at most the smaller side of the matrix.
    public init(of weight: PackedMatrix, count: Int) {
        precondition(
            count >= 1 && count <= min(weight.rows, weight.columns),
            "OrthogonalTriangular: \(count) of a matrix [\(weight.rows), \(weight.columns)]")
        let matrix = DoubleMatrix(weight)
        var columns = (0..<count).map { column in
            (0..<matrix.rows).map { matrix.values[$0 * matrix.columns + column] }
        }
        var reflections: [(vector: [Double], factor: Double)] = []
        for step in 0..<count {
            let reflection = Self.reflection(columns[step], from: step)
            for column in step..<count { Self.reflect(&columns[column], reflection, from: step) }
            reflections.append(reflection)
        }
        orthogonal = (0..<count).map { index in
            var column = [Double](repeating: 0, count: matrix.rows)
            column[index] = 1
            for step in (0..<count).reversed() { Self.reflect(&column, reflections[step], from: step) }
            return column
        }
        let q = DoubleMatrix(rows: count, columns: matrix.rows, values: orthogonal.flatMap { $0 })
        let r = DoubleMatrix.product(q, matrix)
        // Below the diagonal R is zero; what is there is rounding.
        triangular = (0..<count).map { row in r.row(row).enumerated().map { $0 < row ? 0 : $1 } }
    }

    /// The reflection I − τ v vᵀ that leaves of a column's end only its first number.
    private static func reflection(_ column: [Double], from step: Int) -> (vector: [Double], factor: Double) {
        let norm = column[step...].reduce(0) { $0 + $1 * $1 }.squareRoot()
        let first = column[step]
        let beta = first < 0 ? norm : -norm
        guard column[(step + 1)...].contains(where: { $0 != 0 }) else { return ([], 0) }
        var vector = Array(column[step...])
        for index in vector.indices.dropFirst() { vector[index] /= first - beta }
        vector[0] = 1
        return (vector, (beta - first) / beta)
    }

    private static func reflect(
        _ column: inout [Double], _ reflection: (vector: [Double], factor: Double), from step: Int
    ) {
        guard reflection.factor != 0 else { return }
        let dot = zip(reflection.vector, column[step...]).reduce(0) { $0 + $1.0 * $1.1 } * reflection.factor
        for (index, value) in reflection.vector.enumerated() { column[step + index] -= dot * value }
    }
}
