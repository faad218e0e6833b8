import NumericalTesting
import TensorCore

/// Sizes of a linear layer under test.
private struct LinearSizes {
    let (rows, columns, outputs, rank): (Int, Int, Int, Int)
    var units: [Range<Int>] { rows > 3 ? [0..<2, 2..<rows - 1, rows - 1..<rows] : [0..<rows] }
    /// Rows of the two adapters; a row between them has none.
    var firstTerm: Range<Int> { 0..<max(1, rows / 2) }
    var secondTerm: Range<Int> { min(rows, rows / 2 + 1)..<rows }
}

/// Linear layers: plain, with bias, with low-rank terms on a part of the rows, and of bfloat16.
let linearCases: [OperationCase] =
    [
        LinearSizes(rows: 1, columns: 1, outputs: 1, rank: 1), LinearSizes(rows: 7, columns: 19, outputs: 21, rank: 3),
        LinearSizes(rows: 5, columns: 32, outputs: 16, rank: 8),
    ].flatMap { sizes in
        [
            plainLinear(sizes, .float32), plainLinear(sizes, .bfloat16), lowRankLinear(sizes), weightedLinear(sizes),
            partedLinear(sizes),
        ]
    }

/// Every number is one of bfloat16, so that the rounding of x, W and dy changes nothing and the twin can be plain.
private func plainLinear(_ sizes: LinearSizes, _ type: ElementType) -> OperationCase {
    var values = TestValues(sizes.rows)
    let (m, k, n) = (sizes.rows, sizes.columns, sizes.outputs)
    return OperationCase(
        operation: "linear", variant: "\(type), [\(m), \(k)] to \(n)",
        inputs: [
            .activation("x", [m, k], nearestBFloat16(values.floats(m * k))),
            .parameter("weight", [n, k], nearestBFloat16(values.floats(n * k))),
            .parameter("bias", [n], values.floats(n)),
        ],
        run: { x, dx in
            linear(
                x[0], weight: PackedMatrix(x[1], type: type), bias: x[2], gradients: (dx[1], dx[2]), units: sizes.units)
        },
        twin: { x in Twin.product(x[0], x[1], k: k).enumerated().map { $1 + x[2][$0 % n] } })
}

/// Two adapters, each on rows of its own.
private func lowRankLinear(_ sizes: LinearSizes) -> OperationCase {
    var values = TestValues(sizes.columns)
    let (m, k, n, r) = (sizes.rows, sizes.columns, sizes.outputs, sizes.rank)
    let terms = [sizes.firstTerm, sizes.secondTerm]
    return OperationCase(
        operation: "linear", variant: "low rank \(r), [\(m), \(k)] to \(n)",
        inputs: [
            .activation("x", [m, k], values.floats(m * k)), .parameter("weight", [n, k], values.floats(n * k)),
            .parameter("A1", [r, k], values.floats(r * k)), .parameter("B1", [n, r], values.floats(n * r)),
            .parameter("A2", [r, k], values.floats(r * k)), .parameter("B2", [n, r], values.floats(n * r)),
        ],
        run: { x, dx in
            let lowRank = terms.enumerated().map { index, rows in
                LowRankTerm(
                    rows: rows, down: PackedMatrix(x[2 + 2 * index]), up: PackedMatrix(x[3 + 2 * index]),
                    scaling: index == 0 ? 0.5 : -1.5, gradients: (dx[2 + 2 * index], dx[3 + 2 * index]))
            }
            return linear(
                x[0], weight: PackedMatrix(x[1]), lowRank: lowRank, gradients: (dx[1], nil), units: sizes.units)
        },
        twin: { x in
            var y = Twin.product(x[0], x[1], k: k)
            for (index, rows) in terms.enumerated() {
                let part = Array(x[0][rows.lowerBound * k..<rows.upperBound * k])
                let u = Twin.product(part, x[2 + 2 * index], k: k)
                for (place, value) in Twin.product(u, x[3 + 2 * index], k: r).enumerated() {
                    y[rows.lowerBound * n + place] += (index == 0 ? 0.5 : -1.5) * value
                }
            }
            return y
        })
}

/// Magnitudes over given norms on a part of the rows, with a mask on the input of A, trained factors beside others that
/// stay, and a bias.
private func weightedLinear(_ sizes: LinearSizes) -> OperationCase {
    var values = TestValues(sizes.outputs)
    let (m, k, n, r) = (sizes.rows, sizes.columns, sizes.outputs, sizes.rank)
    let rows = sizes.firstTerm
    let mask = (0..<rows.count * k).map { Float($0 % 3) * 0.75 }
    let norms = values.floats(n, 0.5, around: 2)
    let (stayingA, stayingB) = (values.floats(2 * k), values.floats(n * 2))
    return OperationCase(
        operation: "linear", variant: "magnitudes, mask, factors that stay, [\(m), \(k)] to \(n)",
        inputs: [
            .activation("x", [m, k], values.floats(m * k)), .parameter("weight", [n, k], values.floats(n * k)),
            .parameter("bias", [n], values.floats(n)), .parameter("A", [r, k], values.floats(r * k)),
            .parameter("B", [n, r], values.floats(n * r)), .parameter("m", [n], values.floats(n, 0.5, around: 1)),
        ],
        run: { x, dx in
            let (trained, staying) = (x[4].toArray(), stayingB)
            var columns: [Float] = []
            for row in 0..<n {
                columns += trained[row * r..<(row + 1) * r]
                columns += staying[row * 2..<(row + 1) * 2]
            }
            let a = PackedMatrix(Tensor(x[3].toArray() + stayingA, shape: [r + 2, k]))
            let b = PackedMatrix(Tensor(columns, shape: [n, r + 2]))
            var term = LowRankTerm(rows: rows, down: a, up: b, scaling: 0.5, gradients: (dx[3], dx[4]))
            term.mask = Tensor(mask, shape: [rows.count, k])
            term.magnitude = LowRankTerm.Magnitude(
                factors: Tensor(zip(x[5].toArray(), norms).map { $0 / $1 }, shape: [n]),
                inverseNorms: Tensor(norms.map { 1 / $0 }, shape: [n]), gradient: dx[5])
            return linear(
                x[0], weight: PackedMatrix(x[1]), bias: x[2], lowRank: [term], gradients: (dx[1], dx[2]),
                units: sizes.units)
        },
        twin: { x in
            var y = Twin.product(x[0], x[1], k: k)
            let input = (0..<rows.count * k).map { x[0][$0] * Double(mask[$0]) }
            let pairs = [(x[3], x[4], r), (stayingA.map(Double.init), stayingB.map(Double.init), 2)]
            for (a, b, rank) in pairs {
                for (place, value) in Twin.product(Twin.product(input, a, k: k), b, k: rank).enumerated() {
                    y[place] += 0.5 * value
                }
            }
            for place in 0..<rows.count * n { y[place] *= x[5][place % n] / Double(norms[place % n]) }
            return y.enumerated().map { $1 + x[2][$0 % n] }
        })
}

/// Two weights, each with rows of its own.
private func partedLinear(_ sizes: LinearSizes) -> OperationCase {
    var values = TestValues(sizes.columns + 1)
    let (m, k, n) = (sizes.rows, sizes.columns, sizes.outputs)
    let cut = (m + 1) / 2
    return OperationCase(
        operation: "linear", variant: "two weights, [\(m), \(k)] to \(n)",
        inputs: [
            .activation("x", [m, k], values.floats(m * k)), .parameter("W1", [n, k], values.floats(n * k)),
            .parameter("W2", [n, k], values.floats(n * k)), .parameter("bias", [n], values.floats(n)),
        ],
        run: { x, dx in
            let parts = [
                LinearPart(rows: 0..<cut, weight: PackedMatrix(x[1]), gradients: (dx[1], nil)),
                LinearPart(rows: cut..<m, weight: PackedMatrix(x[2]), bias: x[3], gradients: (dx[2], dx[3])),
            ]
            return linear(x[0], LinearWeights(parts: parts), units: sizes.units)
        },
        twin: { x in
            let (upper, lower) = (Array(x[0][..<(cut * k)]), Array(x[0][(cut * k)...]))
            return Twin.product(upper, x[1], k: k)
                + Twin.product(lower, x[2], k: k).enumerated().map { $1 + x[3][$0 % n] }
        })
}
