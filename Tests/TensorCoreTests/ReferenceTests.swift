import Foundation
import NumericalTesting
import OrderedJSON
import TensorCore
import Testing

private let folder = packageRoot.appending(path: "../shared/fixtures/ops")
private let hasReference = FileManager.default.fileExists(atPath: folder.appending(path: "ops.safetensors").path)

/// The reference values of one operation, and how to compare with them.
private struct Reference {
    let file: ReferenceFile
    let name: String

    /// A tensor as `[rows, width]` of its last dimension.
    func matrix(_ key: String) throws -> Tensor {
        let (shape, values) = try file.floats("\(name).\(key)")
        let width = shape.last ?? 1
        return Tensor(values, shape: [values.count / max(1, width), width])
    }

    func values(_ key: String) throws -> [Float] { try file.floats("\(name).\(key)").values }
    func integers(_ key: String) throws -> [Int] { try file.integers("\(name).in.\(key)") }

    func attribute(_ key: String) throws -> Double {
        let json = try JSONValue(parsing: Data(contentsOf: folder.appending(path: "ops.json")))
        return try #require(json[name]?["attributes"]?[key]?.doubleValue)
    }

    func expect(_ actual: [Float], _ key: String, _ tolerance: Tolerance = .reference) throws {
        expectClose(actual, try values(key), tolerance, "\(name).\(key)")
    }

    /// Heads-first `[B, H, T, D]` as rows `[B·T, H·D]`.
    func rows(_ key: String) throws -> (tensor: Tensor, shape: [Int]) {
        let (shape, values) = try file.floats("\(name).\(key)")
        try #require(shape.count == 4)
        return (Tensor(Self.swapped(values, shape), shape: [shape[0] * shape[2], shape[1] * shape[3]]), shape)
    }

    /// Exchanges the second and the third of four dimensions.
    static func swapped(_ x: [Float], _ shape: [Int]) -> [Float] {
        var y: [Float] = []
        for b in 0..<shape[0] {
            for t in 0..<shape[2] {
                for h in 0..<shape[1] {
                    let start = ((b * shape[1] + h) * shape[2] + t) * shape[3]
                    y += x[start..<start + shape[3]]
                }
            }
        }
        return y
    }
}

@Suite("Operations against the reference files", .enabled(if: hasReference, "../shared/fixtures/ops is missing"))
struct ReferenceTests {
    private func reference(_ name: String) throws -> Reference {
        Reference(file: try ReferenceFile(folder.appending(path: "ops.safetensors")), name: name)
    }

    private func gradient(_ x: Tensor) -> [Float] { x.node?.gradient?.toArray() ?? [] }

    @Test("linear with bias")
    func linearBias() throws {
        let r = try reference("linear_bias")
        let (x, w, b) = (try r.matrix("in.x").leaf, try r.matrix("in.w"), try r.values("in.b"))
        let (dw, db) = (Tensor.zeros(w.shape), Tensor.zeros([b.count]))
        let y = linear(
            x, weight: PackedMatrix(w), bias: Tensor(b, shape: [b.count]), gradients: (dw, db),
            units: [0..<x.shape[0]])
        try r.expect(y.toArray(), "out")
        y.backward(seed: try r.matrix("cot"))
        try r.expect(gradient(x), "grad.x")
        try r.expect(dw.toArray(), "grad.w")
        try r.expect(db.toArray(), "grad.b")
    }

    @Test("low-rank adaptation")
    func lowRank() throws {
        let r = try reference("lora_linear")
        let (x, w) = (try r.matrix("in.x").leaf, try r.matrix("in.w"))
        let (a, b) = (try r.matrix("in.A"), try r.matrix("in.B"))
        let (dw, da, db) = (Tensor.zeros(w.shape), Tensor.zeros(a.shape), Tensor.zeros(b.shape))
        let all = 0..<x.shape[0]
        let term = LowRankTerm(
            rows: all, down: PackedMatrix(a), up: PackedMatrix(b), scaling: Float(try r.attribute("scaling")),
            gradients: (da, db))
        let y = linear(x, weight: PackedMatrix(w), lowRank: [term], gradients: (dw, nil), units: [all])
        try r.expect(y.toArray(), "out")
        y.backward(seed: try r.matrix("cot"))
        for (actual, key) in [(gradient(x), "x"), (dw.toArray(), "w"), (da.toArray(), "A"), (db.toArray(), "B")] {
            try r.expect(actual, "grad.\(key)")
        }
    }

    @Test("rmsNorm", arguments: ["rmsnorm_eps1e-06", "rmsnorm_eps1e-05", "rmsnorm_tiny_input"])
    func norm(name: String) throws {
        let r = try reference(name)
        let (x, w) = (try r.matrix("in.x").leaf, try r.values("in.w"))
        let dw = Tensor.zeros([w.count])
        let y = rmsNorm(
            x, weight: Tensor(w, shape: [w.count]), epsilon: Float(try r.attribute("eps")), gradient: dw)
        try r.expect(y.toArray(), "out")
        y.backward(seed: try r.matrix("cot"))
        try r.expect(gradient(x), "grad.x")
        try r.expect(dw.toArray(), "grad.w")
    }

    @Test("swiGLU, and silu as its gate")
    func gates() throws {
        let r = try reference("swiglu")
        let (g, u) = (try r.matrix("in.g_").leaf, try r.matrix("in.u_").leaf)
        let y = swiGLU(gate: g, up: u)
        try r.expect(y.toArray(), "out")
        y.backward(seed: try r.matrix("cot"))
        try r.expect(gradient(g), "grad.g_")
        try r.expect(gradient(u), "grad.u_")
        let s = try reference("silu")
        let x = try s.matrix("in.x").leaf
        let z = swiGLU(gate: x, up: Tensor([Float](repeating: 1, count: x.count), shape: x.shape))
        try s.expect(z.toArray(), "out")
        z.backward(seed: try s.matrix("cot"))
        try s.expect(gradient(x), "grad.x")
    }

    @Test("embedding and choice of rows")
    func lookups() throws {
        let r = try reference("embedding")
        let w = try r.matrix("in.w")
        let dw = Tensor.zeros(w.shape)
        let y = embedding(try r.integers("ids").map(Int32.init), table: PackedMatrix(w), gradient: dw)
        try r.expect(y.toArray(), "out")
        y.backward(seed: try r.matrix("cot"))
        try r.expect(dw.toArray(), "grad.w")
        let s = try reference("index_select_repeated")
        let x = try s.matrix("in.x").leaf
        let z = selectRows(x, try s.integers("i"))
        try s.expect(z.toArray(), "out")
        z.backward(seed: try s.matrix("cot"))
        try s.expect(gradient(x), "grad.x")
    }

    /// Runs `tokenLogProbs` and compares one of its columns, combined with weights, with the reference.
    private func checkTokens(
        _ r: Reference, targets: [Int32], column: Int, temperature: Float = 1, repeated: Bool = false
    ) throws {
        let x = try r.matrix("in.x").leaf
        let width = x.shape[1]
        let logits = repeated ? selectRows(x, (0..<x.shape[0] * width).map { $0 / width }) : x
        let y = tokenLogProbs(logits, targets: targets, temperature: temperature)
        try r.expect((0..<targets.count).map { y.floats[2 * $0 + column] }, "out")
        let seed = Tensor.zeros(y.shape)
        for (row, value) in try r.values("cot").enumerated() { seed.floats[2 * row + column] = value }
        y.backward(seed: seed)
        try r.expect(gradient(x), "grad.x")
    }

    @Test("log-probabilities, entropy and log softmax")
    func tokens() throws {
        let r = try reference("token_logprobs_temperature")
        try checkTokens(
            r, targets: try r.integers("t").map(Int32.init), column: 0,
            temperature: Float(try r.attribute("temperature")))
        let entropy = try reference("entropy")
        try checkTokens(
            entropy, targets: [Int32](repeating: 0, count: try entropy.matrix("in.x").shape[0]), column: 1)
        let log = try reference("log_softmax")
        let shape = try log.matrix("in.x").shape
        try checkTokens(log, targets: (0..<shape[0] * shape[1]).map { Int32($0 % shape[1]) }, column: 0, repeated: true)
    }

    @Test("cross entropy as weighted log-probabilities", arguments: ["cross_entropy_mean", "cross_entropy_sum"])
    func crossEntropy(name: String) throws {
        let r = try reference(name)
        let (x, targets) = (try r.matrix("in.x").leaf, try r.integers("t"))
        let learned = targets.filter { $0 != -100 }.count
        let weight = name.hasSuffix("mean") ? 1 / Float(learned) : 1
        let y = tokenLogProbs(x, targets: targets.map { Int32(max(0, $0)) }, temperature: 1)
        let rows = targets.indices.filter { targets[$0] != -100 }
        try r.expect([rows.reduce(0) { $0 - y.floats[2 * $1] * weight }], "out")
        let seed = Tensor.zeros(y.shape)
        let cotangent = try #require(try r.values("cot").first)
        for row in rows { seed.floats[2 * row] = -weight * cotangent }
        y.backward(seed: seed)
        try r.expect(gradient(x), "grad.x")
    }

    @Test("rotary embedding of halves")
    func rope() throws {
        let r = try reference("rope_halves")
        let (x, shape) = try r.rows("in.x")
        let leaf = x.leaf
        let theta = try r.attribute("theta")
        let frequencies = (0..<shape[3] / 2).map { Float(pow(theta, -2 * Double($0) / Double(shape[3]))) }
        let table = RotaryTable(inverseFrequencies: frequencies, factor: 1, positions: shape[2])
        let positions = (0..<x.shape[0]).map { Int32($0 % shape[2]) }
        let y = rotary(leaf, positions: positions, headWidth: shape[3], table: table)
        expectClose(y.toArray(), try r.rows("out").tensor.toArray(), .reference, "out")
        y.backward(seed: try r.rows("cot").tensor)
        expectClose(gradient(leaf), try r.rows("grad.x").tensor.toArray(), .reference, "grad.x")
    }

    @Test("attention", arguments: [("attention_causal_gqa", 0), ("attention_sliding_window3", 3)])
    func attentions(name: String, window: Int) throws {
        let r = try reference(name)
        let (q, shape) = try r.rows("in.q")
        let (k, keyShape) = try r.rows("in.k")
        let leaves = [q.leaf, k.leaf, try r.rows("in.v").tensor.leaf]
        let plan = SequencePlan(parts: (0..<shape[0]).map { _ in (shape[2], nil) })
        let (layout, pageCount) = plan.layout(groupSize: shape[1] / keyShape[1])
        let pages = KeyValuePages(
            layers: 1, pages: pageCount, heads: keyShape[1], headWidth: shape[3], type: .float32)
        let y = attention(
            leaves[0], leaves[1], leaves[2], headWidth: shape[3], window: window, layout: layout, pages: pages, layer: 0
        )
        expectClose(y.toArray(), try r.rows("out").tensor.toArray(), .reference, "out")
        y.backward(seed: try r.rows("cot").tensor)
        for (leaf, key) in zip(leaves, ["q", "k", "v"]) {
            expectClose(gradient(leaf), try r.rows("grad.\(key)").tensor.toArray(), .reference, "grad.\(key)")
        }
    }
}
