import NumericalTesting
import TensorCore
import Testing

/// One input of an operation under test.
struct CaseInput: Sendable {
    let name: String
    let shape: [Int]
    let values: [Float]
    /// Whether its gradient comes through the tape; otherwise the operation adds it to a tensor of its own.
    var onTape = true

    static func activation(_ name: String, _ shape: [Int], _ values: [Float]) -> CaseInput {
        CaseInput(name: name, shape: shape, values: values)
    }

    static func parameter(_ name: String, _ shape: [Int], _ values: [Float]) -> CaseInput {
        CaseInput(name: name, shape: shape, values: values, onTape: false)
    }
}

/// A row of the table that drives all gradient checks: an operation, its inputs, and its twin in Double.
struct OperationCase: Sendable, CustomTestStringConvertible {
    /// The public function's name.
    let operation: String
    /// What is special about this row.
    let variant: String
    let inputs: [CaseInput]
    /// The operation on the tensors, with a gradient tensor for each (used by parameters).
    let run: @Sendable (_ inputs: [Tensor], _ gradients: [Tensor]) -> Tensor
    /// The same formula in Double.
    let twin: @Sendable ([[Double]]) -> [Double]
    /// What the gradient is taken of, where the forward twin has none of use (rounding).
    var gradientTwin: (@Sendable ([[Double]]) -> [Double])?
    /// How many elements of each input are checked one by one; all by default.
    var limit = Int.max
    var forward = Tolerance.forward

    var testDescription: String { "\(operation): \(variant)" }

    /// The cotangent: what each output element counts in the objective.
    func cotangent(_ count: Int) -> [Float] {
        var values = TestValues(count)
        return nearestBFloat16(values.floats(count))
    }

    /// Output and gradients of the operation.
    func evaluate() -> (output: [Float], gradients: [[Float]]) {
        let plain = inputs.map { Tensor($0.values, shape: $0.shape) }
        let leaves = zip(inputs, plain).map { $0.onTape ? $1.leaf : $1 }
        let added = inputs.map { Tensor.zeros($0.shape) }
        let y = run(leaves, added)
        y.backward(seed: Tensor(cotangent(y.count), shape: y.shape))
        let gradients = inputs.indices.map { index in
            inputs[index].onTape ? leaves[index].node?.gradient?.toArray() ?? [] : added[index].toArray()
        }
        return (y.toArray(), gradients)
    }

    /// Compares the gradient of one input with central differences of the twin, element by element.
    func checkGradient(of index: Int, _ gradient: [Float], cotangent: [Float]) {
        let input = inputs[index]
        guard gradient.count == input.values.count else {
            Issue.record("d\(input.name): \(gradient.count) elements, expected \(input.values.count)")
            return
        }
        let function = gradientTwin ?? twin
        var arguments = inputs.map { $0.values.map(Double.init) }
        let step = 1e-5
        func objective() -> Double {
            zip(function(arguments), cotangent).reduce(0) { $0 + $1.0 * Double($1.1) }
        }
        var elements = Array(input.values.indices)
        if elements.count > limit {
            var order = TestValues(index)
            elements = Array(elements.shuffled(using: &order).prefix(limit))
        }
        let expected = elements.map { element in
            let value = arguments[index][element]
            defer { arguments[index][element] = value }
            arguments[index][element] = value + step
            let above = objective()
            arguments[index][element] = value - step
            return (above - objective()) / (2 * step)
        }
        expectClose(elements.map { gradient[$0] }, expected, .gradient, "d\(input.name)")
    }
}
