import Foundation

extension DoubleMatrix {
    /// The largest eigenvalues of a small symmetric matrix, falling, and their eigenvectors as rows, by Jacobi's rotations
    /// in a fixed order.
    ///
    /// Source: Golub & Van Loan, Matrix Computations, section 8.5.
    func symmetricEigenvectors(_ count: Int) -> (values: [Double], vectors: DoubleMatrix) {
        precondition(rows == columns && count <= rows, "symmetricEigenvectors: \(count) of [\(rows), \(columns)]")
        let n = rows
        var a = values
        var v = [Double](repeating: 0, count: n * n)
        for index in 0..<n { v[index * n + index] = 1 }
        a.withUnsafeMutableBufferPointer { a in
            v.withUnsafeMutableBufferPointer { v in
                for _ in 0..<60 {
                    var rest = 0.0
                    for p in 0..<n { for q in p + 1..<max(n, p + 1) { rest += a[p * n + q] * a[p * n + q] } }
                    let size = (0..<n).reduce(0) { $0 + a[$1 * n + $1] * a[$1 * n + $1] }
                    if rest <= 1e-28 * size { break }
                    for p in 0..<n { for q in p + 1..<max(n, p + 1) { Self.rotate(a, v, n, p, q) } }
                }
            }
        }
        let order = (0..<n).sorted { a[$0 * n + $0] > a[$1 * n + $1] || (a[$0 * n + $0] == a[$1 * n + $1] && $0 < $1) }
            .prefix(count)
        return (
            order.map { a[$0 * n + $0] },
            DoubleMatrix(rows: count, columns: n, values: order.flatMap { index in v[index * n..<(index + 1) * n] })
        )
    }

    /// Makes a[p, q] zero by turning rows and columns p and q; the rows of v turn along.
    private static func rotate(
        _ a: UnsafeMutableBufferPointer<Double>, _ v: UnsafeMutableBufferPointer<Double>, _ n: Int, _ p: Int, _ q: Int
    ) {
        let off = a[p * n + q]
        guard off != 0 else { return }
        let theta = (a[q * n + q] - a[p * n + p]) / (2 * off)
        let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
        let c = 1 / (t * t + 1).squareRoot()
        let s = t * c
        for k in 0..<n {
            let (x, y) = (a[k * n + p], a[k * n + q])
            a[k * n + p] = c * x - s * y
            a[k * n + q] = s * x + c * y
        }
        for k in 0..<n {
            let (x, y) = (a[p * n + k], a[q * n + k])
            a[p * n + k] = c * x - s * y
            a[q * n + k] = s * x + c * y
            let (left, right) = (v[p * n + k], v[q * n + k])
            v[p * n + k] = c * left - s * right
            v[q * n + k] = s * left + c * right
        }
    }
}
