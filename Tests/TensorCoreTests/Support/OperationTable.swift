import NumericalTesting
import TensorCore

/// The table: a new operation needs a row here.
let operationTable: [OperationCase] =
    linearCases + elementwiseCases + rowCases + attentionCases + expertCases

/// Sum, gate, rounding and choice of rows.
private let elementwiseCases: [OperationCase] = {
    var values = TestValues(11)
    let shape = [3, 37]
    func activation(_ name: String, _ scale: Float = 2) -> CaseInput {
        .activation(name, shape, values.floats(111, scale))
    }
    return [
        OperationCase(
            operation: "add", variant: "two tensors", inputs: [activation("a"), activation("b")],
            run: { x, _ in add(x[0], x[1]) }, twin: { zip($0[0], $0[1]).map { $0 + $1 } }),
        OperationCase(
            operation: "add", variant: "a tensor to itself", inputs: [activation("a")],
            run: { x, _ in add(x[0], x[0]) }, twin: { $0[0].map { 2 * $0 } }),
        OperationCase(
            operation: "swiGLU", variant: "gates to 6", inputs: [activation("gate", 6), activation("up")],
            run: { x, _ in swiGLU(gate: x[0], up: x[1]) }, twin: { Twin.swiGLU($0[0], $0[1]) }),
        OperationCase(
            operation: "roundedToBFloat16", variant: "the gradient passes unchanged", inputs: [activation("x")],
            run: { x, _ in roundedToBFloat16(x[0]) },
            twin: { $0[0].map { Double(nearestBFloat16(Float($0))) } }, gradientTwin: { $0[0] }),
        OperationCase(
            operation: "selectRows", variant: "some, in another order", inputs: [activation("x")],
            run: { x, _ in selectRows(x[0], [2, 0]) }, twin: { Array($0[0][74..<111] + $0[0][0..<37]) }),
        OperationCase(
            operation: "selectRows", variant: "one row twice", inputs: [activation("x")],
            run: { x, _ in selectRows(x[0], [1, 2, 1]) },
            twin: { Array($0[0][37..<74] + $0[0][74..<111] + $0[0][37..<74]) }),
    ]
}()

/// What works on one row at a time.
private let rowCases: [OperationCase] = {
    var values = TestValues(12)
    var cases: [OperationCase] = []
    for (variant, shape, width) in [("odd width", [5, 33], 33), ("each head", [3, 48], 16), ("width 1", [4, 1], 1)] {
        cases.append(
            OperationCase(
                operation: "rmsNorm", variant: variant,
                inputs: [
                    .activation("x", shape, values.floats(shape[0] * shape[1])),
                    .parameter("weight", [width], values.floats(width, 0.5, around: 1)),
                ],
                run: { x, dx in rmsNorm(x[0], weight: x[1], epsilon: 1e-3, gradient: dx[1]) },
                twin: { Twin.rmsNorm($0[0], weight: $0[1], epsilon: Double(Float(1e-3))) }))
    }
    let frequencies: [Float] = [1, 0.25, 0.0625]
    let positions: [Int32] = [9, 0, 3, 3]
    cases.append(
        OperationCase(
            operation: "rotary", variant: "two heads, YaRN's factor",
            inputs: [.activation("x", [4, 12], values.floats(48))],
            run: { x, _ in
                let table = RotaryTable(inverseFrequencies: frequencies, factor: 1.25, positions: 10)
                return rotary(x[0], positions: positions, headWidth: 6, table: table)
            },
            twin: {
                Twin.rotary(
                    $0[0], positions: positions, heads: 2, frequencies: frequencies.map(Double.init), factor: 1.25)
            }))
    let ids: [Int32] = [4, 0, 19, 4, 4]
    cases.append(
        OperationCase(
            operation: "embedding", variant: "one id three times",
            inputs: [.parameter("table", [20, 7], values.floats(140))],
            run: { x, dx in embedding(ids, table: PackedMatrix(x[0]), gradient: dx[0]) },
            twin: { x in ids.flatMap { x[0][Int($0) * 7..<Int($0) * 7 + 7] } }))
    for temperature: Float in [1, 0.6, 1.7] {
        cases.append(
            OperationCase(
                operation: "tokenLogProbs", variant: "temperature \(temperature)",
                inputs: [.activation("logits", [3, 45], values.floats(135, 4))],
                run: { x, _ in tokenLogProbs(x[0], targets: [44, 0, 17], temperature: temperature) },
                twin: { Twin.tokenLogProbs($0[0], targets: [44, 0, 17], temperature: Double(temperature)) }))
        let weight = values.floats(45 * 7)
        cases.append(
            OperationCase(
                operation: "vocabularyLogProbs", variant: "temperature \(temperature)",
                inputs: [.activation("x", [3, 7], values.floats(21))],
                run: { x, _ in
                    vocabularyLogProbs(
                        x[0], weight: PackedMatrix(Tensor(weight, shape: [45, 7])), targets: [44, 0, 17],
                        temperature: temperature, entropyGradient: true)
                },
                twin: {
                    Twin.tokenLogProbs(
                        Twin.product($0[0], weight.map(Double.init), k: 7), targets: [44, 0, 17],
                        temperature: Double(temperature))
                }))
    }
    return cases
}()
