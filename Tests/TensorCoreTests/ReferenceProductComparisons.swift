import NumericalTesting
import TensorCore
import Testing

/// x · y for x `[m, k]` and y `[k, n]` by a linear layer whose weight is yᵀ; appends output and gradients.
private struct ProductRun {
    var (output, dx, dy): ([Float], [Float], [Float]) = ([], [], [])

    mutating func add(_ x: Tensor, _ y: Tensor, cotangent: Tensor) {
        let (depth, width) = (y.shape[0], y.shape[1])
        let weight = Tensor(OperationReference.transposed(y.toArray(), rows: depth), shape: [width, depth])
        let (leaf, gradient) = (x.leaf, Tensor.zeros(weight.shape))
        let result = linear(
            leaf, weight: PackedMatrix(weight), gradients: (gradient, nil), units: [0..<x.shape[0]])
        output += result.toArray()
        result.backward(seed: cotangent)
        dx += leaf.tapeGradient
        dy += OperationReference.transposed(gradient.toArray(), rows: width)
    }

    func check(_ r: OperationReference) throws {
        try r.expect(output, "out")
        try r.expect(dx, "grad.x")
        try r.expect(dy, "grad.y")
    }
}

/// Σ or mean of groups of elements, as a product with constant numbers: the elements are the weight's rows.
///
/// - Parameter places: For each output, the elements that are summed.
private func checkSums(_ r: OperationReference, places: [[Int]], factor: Float) throws {
    let x = try r.values("in.x")
    let width = try #require(places.first?.count)
    let weight = Tensor(places.flatMap { $0.map { x[$0] } }, shape: [places.count, width])
    let gradient = Tensor.zeros(weight.shape)
    let constants = Tensor([Float](repeating: factor, count: width), shape: [1, width])
    let y = linear(constants, weight: PackedMatrix(weight), gradients: (gradient, nil), units: [0..<1])
    try r.expect(y.toArray(), "out")
    y.backward(seed: Tensor(try r.values("cot"), shape: y.shape))
    var dx = [Float](repeating: 0, count: x.count)
    for (place, value) in zip(places.joined(), gradient.toArray()) { dx[place] += value }
    try r.expect(dx, "grad.x")
}

/// Linear layers, and products and sums as such.
let productComparisons: [ReferenceComparison] = [
    .init("matmul") { r in
        var run = ProductRun()
        run.add(try r.matrix("in.x"), try r.matrix("in.y"), cotangent: try r.matrix("cot"))
        try run.check(r)
    },
    .init("matmul_batched") { r in
        var run = ProductRun()
        let (x, y, cotangent) = (try r.matrix("in.x"), try r.matrix("in.y"), try r.matrix("cot"))
        let count = try r.floats("in.x").shape.dropLast(2).reduce(1, *)
        for index in 0..<count {
            func part(_ tensor: Tensor) -> Tensor {
                let rows = tensor.shape[0] / count
                return tensor.rows(index * rows..<(index + 1) * rows)
            }
            run.add(part(x), part(y), cotangent: part(cotangent))
        }
        try run.check(r)
    },
    .init("matmul_broadcast") { r in  // one y for all matrices of x: their rows below one another
        var run = ProductRun()
        run.add(try r.matrix("in.x"), try r.matrix("in.y"), cotangent: try r.matrix("cot"))
        try run.check(r)
    },
    .init("sum_axis") { r in  // over the second of three dimensions
        let shape = try r.floats("in.x").shape
        let places = (0..<shape[0] * shape[2]).map { index in
            (0..<shape[1]).map { (index / shape[2] * shape[1] + $0) * shape[2] + index % shape[2] }
        }
        try checkSums(r, places: places, factor: 1)
    },
    .init("mean_axis") { r in  // over the first and the third of three dimensions
        let shape = try r.floats("in.x").shape
        let count = shape[0] * shape[2]
        let places = (0..<shape[1]).map { row in
            (0..<count).map { ($0 / shape[2] * shape[1] + row) * shape[2] + $0 % shape[2] }
        }
        try checkSums(r, places: places, factor: 1 / Float(count))
    },
    .init("linear_bias") { r in
        let (x, w, b) = (try r.matrix("in.x").leaf, try r.matrix("in.w"), try r.values("in.b"))
        let (dw, db) = (Tensor.zeros(w.shape), Tensor.zeros([b.count]))
        let y = linear(
            x, weight: PackedMatrix(w), bias: Tensor(b, shape: [b.count]), gradients: (dw, db),
            units: [0..<x.shape[0]])
        try r.check(y, leaves: ["x": x])
        try r.expect(dw.toArray(), "grad.w")
        try r.expect(db.toArray(), "grad.b")
    },
    .init("add_broadcast") { r in  // the bias of a layer that changes nothing else
        let (x, b) = (try r.matrix("in.x").leaf, try r.values("in.y"))
        let one = Tensor.zeros([b.count, b.count])
        for index in b.indices { one.floats[index * (b.count + 1)] = 1 }
        let db = Tensor.zeros([b.count])
        let y = linear(
            x, weight: PackedMatrix(one), bias: Tensor(b, shape: [b.count]), gradients: (nil, db),
            units: [0..<x.shape[0]])
        try r.check(y, leaves: ["x": x])
        try r.expect(db.toArray(), "grad.y")
    },
    .init("lora_linear") { r in try checkAdapter(r, magnitude: nil) },
    .init("dora_linear") { r in try checkAdapter(r, magnitude: try r.values("in.m")) },
]

/// A low-rank adapter, and with magnitudes a weight-decomposed one: y = m / ‖W + s BA‖ · (x (W + s BA)ᵀ).
private func checkAdapter(_ r: OperationReference, magnitude: [Float]?) throws {
    let (x, w) = (try r.matrix("in.x").leaf, try r.matrix("in.w"))
    let (a, b) = (try r.matrix("in.A"), try r.matrix("in.B"))
    let (dw, da, db) = (Tensor.zeros(w.shape), Tensor.zeros(a.shape), Tensor.zeros(b.shape))
    let all = 0..<x.shape[0]
    let scaling = try r.attribute("scaling")
    var term = LowRankTerm(
        rows: all, down: PackedMatrix(a), up: PackedMatrix(b), scaling: Float(scaling), gradients: (da, db))
    let dm = Tensor.zeros([w.shape[0]])
    if let magnitude {
        let norms = rowNorms(of: PackedMatrix(w), adding: a, b, scaling: Float(scaling)).toArray()
        term.magnitude = LowRankTerm.Magnitude(
            factors: Tensor(zip(magnitude, norms).map { $0 / $1 }, shape: dm.shape),
            inverseNorms: Tensor(norms.map { 1 / $0 }, shape: dm.shape), gradient: dm)
    }
    let y = linear(x, weight: PackedMatrix(w), lowRank: [term], gradients: (dw, nil), units: [all])
    try r.check(y, leaves: ["x": x])
    for (actual, key) in [(dw, "w"), (da, "A"), (db, "B")] { try r.expect(actual.toArray(), "grad.\(key)") }
    if magnitude != nil { try r.expect(dm.toArray(), "grad.m") }
}
