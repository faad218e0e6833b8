import NumericalTesting
import TensorCore
import Testing

@Suite("Decompositions of weights")
struct DecompositionTests {
    private func weight(_ rows: Int, _ columns: Int, rank: Int? = nil) -> (matrix: PackedMatrix, values: [Double]) {
        var dice = TestValues(rows * 100 + columns)
        var values = dice.floats(rows * columns)
        if let rank {
            let product = Twin.product(
                dice.floats(rows * rank).map(Double.init), dice.floats(columns * rank).map(Double.init), k: rank)
            values = product.map { Float($0) }
        }
        return (PackedMatrix(Tensor(values, shape: [rows, columns])), values.map(Double.init))
    }

    private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    @Test(
        "singular vectors are orthonormal, are mapped onto each other, and no other direction is longer",
        arguments: [(1, 1, 1), (5, 3, 3), (3, 40, 2), (70, 50, 6), (50, 130, 8), (90, 90, 16)])
    func singularVectors(rows: Int, columns: Int, count: Int) {
        let (matrix, values) = weight(rows, columns)
        let parts = SingularVectors(of: matrix, count: count)
        var rest = values
        for index in 0..<count {
            let (u, v, sigma) = (parts.left[index], parts.right[index], parts.values[index])
            let image = Twin.product(v, values, k: columns)
            #expect(zip(image, u).allSatisfy { abs($0 - sigma * $1) < 1e-5 * parts.values[0] }, "\(index)")
            for other in 0...index {
                let expected = other == index ? 1.0 : 0
                #expect(abs(dot(u, parts.left[other]) - expected) < 1e-5, "u \(index), \(other)")
                #expect(abs(dot(v, parts.right[other]) - expected) < 1e-5, "v \(index), \(other)")
            }
            #expect(index == 0 || sigma <= parts.values[index - 1] * (1 + 1e-9))
            for row in 0..<rows {
                for column in 0..<columns { rest[row * columns + column] -= sigma * u[row] * v[column] }
            }
        }
        // What is left has no singular value above the last one: its own largest one says so.
        guard count < min(rows, columns) else { return }
        let left = PackedMatrix(Tensor(rest.map { Float($0) }, shape: [rows, columns]))
        let next = SingularVectors(of: left, count: 1).values[0]
        #expect(next <= parts.values[count - 1] * (1 + 1e-5), "\(next) after \(parts.values)")
    }

    @Test("a matrix of lower rank than asked for gives zeros beyond it")
    func lowRank() {
        let (matrix, _) = weight(30, 20, rank: 2)
        let parts = SingularVectors(of: matrix, count: 4)
        #expect(parts.values[1] > 0.1 && parts.values[2] < 1e-4 && parts.values[3] < 1e-4)
        #expect((parts.left + parts.right).allSatisfy { $0.allSatisfy(\.isFinite) })
    }

    @Test(
        "the columns of Q are orthonormal, R is triangular with LAPACK's signs, and Q R gives the first columns of W",
        arguments: [(1, 1, 1), (6, 4, 4), (40, 30, 5), (20, 60, 7)])
    func orthogonalTriangular(rows: Int, columns: Int, count: Int) {
        let (matrix, values) = weight(rows, columns)
        let parts = OrthogonalTriangular(of: matrix, count: count)
        for i in 0..<count {
            for j in 0...i {
                let expected = i == j ? 1.0 : 0
                #expect(abs(dot(parts.orthogonal[i], parts.orthogonal[j]) - expected) < 1e-12)
            }
            #expect(parts.triangular[i][..<i].allSatisfy { $0 == 0 })
            for row in 0..<rows {
                let sum = (0...i).reduce(0) { $0 + parts.orthogonal[$1][row] * parts.triangular[$1][i] }
                #expect(abs(sum - values[row * columns + i]) < 1e-12, "row \(row), column \(i)")
            }
        }
        // The reflection that maps a column onto the first axis turns its sign.
        if rows > 1 { #expect(parts.triangular[0][0] * values[0] <= 0) }
    }

    @Test("row norms with a low-rank part equal those of the sum, at odd sizes", arguments: [(1, 1, 1), (19, 37, 3)])
    func norms(rows: Int, columns: Int, rank: Int) {
        var dice = TestValues(rows)
        let (matrix, values) = weight(rows, columns)
        let (a, b) = (dice.floats(rank * columns), dice.floats(rows * rank))
        let norms = rowNorms(
            of: matrix, adding: Tensor(a, shape: [rank, columns]), Tensor(b, shape: [rows, rank]), scaling: 0.7)
        let expected = (0..<rows).map { row in
            (0..<columns).reduce(0.0) { total, column in
                let low = (0..<rank).reduce(0.0) {
                    $0 + Double(b[row * rank + $1]) * Double(a[$1 * columns + column])
                }
                let sum = values[row * columns + column] + Double(Float(0.7)) * low
                return total + sum * sum
            }.squareRoot()
        }
        expectClose(norms.toArray(), expected, .forward, "norms")
    }
}
