import COpenBLAS
import TensorCore

/// A row-major matrix in single precision.
struct Matrix: Sendable {
    let rows: Int
    let columns: Int
    var values: [Float]

    init(rows: Int, columns: Int, values: [Float]) {
        precondition(values.count == rows * columns, "Matrix: \(values.count) values for [\(rows), \(columns)]")
        (self.rows, self.columns, self.values) = (rows, columns, values)
    }

    /// A matrix of zeros.
    init(rows: Int, columns: Int) {
        self.init(rows: rows, columns: columns, values: Array(repeating: 0, count: rows * columns))
    }

    /// The sum of squares of all values.
    var squaredNorm: Double { values.reduce(0) { $0 + Double($1) * Double($1) } }

    func scaled(_ factor: Double) -> Matrix {
        Matrix(rows: rows, columns: columns, values: values.map { Float(Double($0) * factor) })
    }

    /// Matrices of one width, one below the other.
    static func stacked(_ matrices: [Matrix]) -> Matrix {
        Matrix(
            rows: matrices.reduce(0) { $0 + $1.rows }, columns: matrices.first?.columns ?? 0,
            values: matrices.flatMap(\.values))
    }

    /// Matrices of one height, side by side.
    static func sideBySide(_ matrices: [Matrix]) -> Matrix {
        var result = Matrix(rows: matrices.first?.rows ?? 0, columns: matrices.reduce(0) { $0 + $1.columns })
        var start = 0
        for matrix in matrices {
            for row in 0..<matrix.rows {
                for column in 0..<matrix.columns {
                    result.values[row * result.columns + start + column] = matrix.values[row * matrix.columns + column]
                }
            }
            start += matrix.columns
        }
        return result
    }

    /// The first rows, with zeros below where there are fewer.
    func resized(rows count: Int) -> Matrix {
        let kept = values.prefix(count * columns)
        return Matrix(
            rows: count, columns: columns, values: kept + Array(repeating: 0, count: count * columns - kept.count))
    }

    /// The first columns, with zeros beside where there are fewer.
    func resized(columns count: Int) -> Matrix {
        var result = Matrix(rows: rows, columns: count)
        for row in 0..<rows {
            for column in 0..<min(count, columns) {
                result.values[row * count + column] = values[row * columns + column]
            }
        }
        return result
    }
}

/// y `[rows, in]` += b `[rows, R]` · a `[R, in]`, rows of a fixed number at a time, each one single-threaded product.
func addProduct(
    to y: UnsafeMutablePointer<Float>, rows: Int, _ b: UnsafePointer<Float>, _ a: Matrix
) {
    _ = singleThreadedBLAS
    let (rank, width) = (a.rows, a.columns)
    guard rank > 0, width > 0 else { return }
    a.values.withUnsafeBufferPointer { values in
        guard let start = values.baseAddress else { return }
        // Pointers are safe to share: each piece writes rows of its own.
        nonisolated(unsafe) let (output, left, right) = (y, b, start)
        parallelFor(rows, pieces: 64) { range in
            cblas_sgemm(
                CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(range.count), Int32(width), Int32(rank), 1,
                left + range.lowerBound * rank, Int32(rank), right, Int32(width), 1,
                output + range.lowerBound * width, Int32(width))
        }
    }
}

let singleThreadedBLAS: Void = openblas_set_num_threads(1)
