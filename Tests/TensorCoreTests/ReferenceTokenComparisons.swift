import NumericalTesting
import TensorCore
import Testing

/// Runs `tokenLogProbs` and compares one of its columns, times a sign, with the reference.
private func checkTokens(
    _ r: OperationReference, logits: Tensor, leaf: Tensor, targets: [Int32], column: Int = 0, sign: Float = 1,
    temperature: Float = 1
) throws {
    let y = tokenLogProbs(logits, targets: targets, temperature: temperature)
    try r.expect((0..<targets.count).map { sign * y.floats[2 * $0 + column] }, "out")
    let seed = Tensor.zeros(y.shape)
    for (row, value) in try r.values("cot").enumerated() { seed.floats[2 * row + column] = sign * value }
    y.backward(seed: seed)
    try r.expect(leaf.tapeGradient, "grad.x")
}

/// Cross entropy as weighted log-probabilities.
private func crossEntropyComparison(_ name: String) -> ReferenceComparison {
    .init(name) { r in
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
        try r.expect(x.tapeGradient, "grad.x")
    }
}

/// Log-probabilities, entropy, and what they are made of.
let tokenComparisons: [ReferenceComparison] = [
    .init("token_logprobs_temperature") { r in
        let x = try r.matrix("in.x").leaf
        try checkTokens(
            r, logits: x, leaf: x, targets: try r.integers("t").map(Int32.init),
            temperature: Float(try r.attribute("temperature")))
    },
    .init("entropy") { r in
        let x = try r.matrix("in.x").leaf
        try checkTokens(r, logits: x, leaf: x, targets: [Int32](repeating: 0, count: x.shape[0]), column: 1)
    },
    .init("log_softmax") { r in
        let x = try r.matrix("in.x").leaf
        let width = x.shape[1]
        try checkTokens(
            r, logits: selectRows(x, (0..<x.count).map { $0 / width }), leaf: x,
            targets: (0..<x.count).map { Int32($0 % width) })
    },
    .init("softplus") { r in  // log(1 + eˣ) = −log p₁ of the logits (x, 0)
        let x = try r.column("in.x").leaf
        let logits = linear(x, weight: PackedMatrix(Tensor([1, 0], shape: [2, 1])))
        try checkTokens(r, logits: logits, leaf: x, targets: [Int32](repeating: 1, count: x.count), sign: -1)
    },
    .init("logsumexp") { r in  // log Σ eˣ = x₀ − log p₀
        let x = try r.matrix("in.x").leaf
        let (rows, width) = (x.shape[0], x.shape[1])
        let y = tokenLogProbs(x, targets: [Int32](repeating: 0, count: rows), temperature: 1)
        try r.expect((0..<rows).map { x.floats[$0 * width] - y.floats[2 * $0] }, "out")
        let cotangent = try r.values("cot")
        y.backward(seed: Tensor(cotangent.flatMap { [-$0, 0] }, shape: y.shape))
        var gradient = x.tapeGradient
        for row in 0..<rows { gradient[row * width] += cotangent[row] }
        try r.expect(gradient, "grad.x")
    },
    crossEntropyComparison("cross_entropy_mean"), crossEntropyComparison("cross_entropy_sum"),
]
