import Foundation
import NumericalTesting
import TensorCore
import Testing

private func rmsNormComparison(_ name: String) -> ReferenceComparison {
    .init(name) { r in
        let (x, w) = (try r.matrix("in.x").leaf, try r.values("in.w"))
        let dw = Tensor.zeros([w.count])
        let y = rmsNorm(
            x, weight: Tensor(w, shape: [w.count]), epsilon: Float(try r.attribute("eps")), gradient: dw)
        try r.check(y, leaves: ["x": x])
        try r.expect(dw.toArray(), "grad.w")
    }
}

/// Norms, gates, rotary embedding and routing: what works on one row at a time.
let rowComparisons: [ReferenceComparison] = [
    rmsNormComparison("rmsnorm_eps1e-06"), rmsNormComparison("rmsnorm_eps1e-05"),
    rmsNormComparison("rmsnorm_tiny_input"),
    .init("l2norm") { r in  // x / √(Σx² + ε) = rmsNorm with ε / C, times 1 / √C
        let x = try r.matrix("in.x").leaf
        let width = x.shape[1]
        let weight = [Float](repeating: 1 / Float(width).squareRoot(), count: width)
        let epsilon = Float(try r.attribute("eps")) / Float(width)
        let y = rmsNorm(x, weight: Tensor(weight, shape: [width]), epsilon: epsilon)
        try r.check(y, leaves: ["x": x])
    },
    .init("swiglu") { r in
        let (g, u) = (try r.matrix("in.g_").leaf, try r.matrix("in.u_").leaf)
        try r.check(swiGLU(gate: g, up: u), leaves: ["g_": g, "u_": u])
    },
    .init("silu") { r in
        let x = try r.matrix("in.x").leaf
        let ones = Tensor([Float](repeating: 1, count: x.count), shape: x.shape)
        try r.check(swiGLU(gate: x, up: ones), leaves: ["x": x])
    },
    .init("mul_broadcast") { r in  // x [2, 7, 5] · y [2, 1, 5]: each half has its channels' factors
        let (x, y) = (try r.matrix("in.x"), try r.matrix("in.y"))
        let (out, cotangent) = (try r.matrix("out"), try r.matrix("cot"))
        let (dx, rows) = (try r.matrix("grad.x"), x.shape[0] / y.shape[0])
        let dy = try r.matrix("grad.y")
        for half in 0..<y.shape[0] {
            let range = half * rows..<(half + 1) * rows
            let leaf = x.rows(range).leaf
            let factors = Tensor(y.rows(half..<half + 1).toArray(), shape: [y.shape[1]])
            let gradient = Tensor.zeros(factors.shape)
            let result = scaled(leaf, by: factors, gradient: gradient)
            expectClose(result.toArray(), out.rows(range).toArray(), .reference, "out")
            result.backward(seed: cotangent.rows(range))
            expectClose(leaf.tapeGradient, dx.rows(range).toArray(), .reference, "grad.x")
            expectClose(gradient.toArray(), dy.rows(half..<half + 1).toArray(), .reference, "grad.y")
        }
    },
    .init("moe_topk_renormalised") { r in
        let x = try r.matrix("in.x").leaf
        let choice = chooseExperts(x, count: Int(try r.attribute("k")), renormalized: true)
        try r.check(choice.weights, leaves: ["x": x])
    },
    .init("rope_halves") { r in
        let (x, shape) = try r.rows("in.x")
        let leaf = x.leaf
        let theta = try r.attribute("theta")
        let frequencies = (0..<shape[3] / 2).map { Float(pow(theta, -2 * Double($0) / Double(shape[3]))) }
        let table = RotaryTable(inverseFrequencies: frequencies, factor: 1, positions: shape[2])
        let positions = (0..<x.shape[0]).map { Int32($0 % shape[2]) }
        let y = rotary(leaf, positions: positions, headWidth: shape[3], table: table)
        expectClose(y.toArray(), try r.rows("out").tensor.toArray(), .reference, "out")
        y.backward(seed: try r.rows("cot").tensor)
        expectClose(leaf.tapeGradient, try r.rows("grad.x").tensor.toArray(), .reference, "grad.x")
    },
]

/// Each channel times a factor: a linear layer that changes nothing but for its magnitudes.
private func scaled(_ x: Tensor, by factors: Tensor, gradient: Tensor) -> Tensor {
    let width = factors.count
    let one = Tensor.zeros([width, width])
    for index in 0..<width { one.floats[index * (width + 1)] = 1 }
    var term = LowRankTerm(
        rows: 0..<x.shape[0], down: PackedMatrix(.zeros([1, width])), up: PackedMatrix(.zeros([width, 1])), scaling: 1)
    let norms = Tensor([Float](repeating: 1, count: width), shape: [width])
    term.magnitude = LowRankTerm.Magnitude(factors: factors, inverseNorms: norms, gradient: gradient)
    return linear(x, weight: PackedMatrix(one), lowRank: [term], units: [0..<x.shape[0]])
}
