import Foundation
import NumericalTesting
import TensorCore

/// The softmax of each row, the probabilities of some experts, and whether they are made to add up to 1.
private func routed(_ z: [Double], width: Int, experts: [Int], renormalized: Bool) -> [Double] {
    let count = experts.count / (z.count / width)
    return (0..<z.count / width).flatMap { row in
        let logs = Twin.logSoftmax(z[row * width..<(row + 1) * width])
        let chosen = experts[row * count..<(row + 1) * count].map { exp(logs[$0]) }
        let divisor = renormalized ? chosen.reduce(0, +) : 1
        return chosen.map { $0 / divisor }
    }
}

private func routingCase(rows: Int, experts: Int, count: Int, renormalized: Bool) -> OperationCase {
    var values = TestValues(experts * 10 + count)
    let logits = values.floats(rows * experts, 3)
    // The choice itself is what the largest logits say.
    let chosen = (0..<rows).flatMap { row in
        Array((0..<experts).sorted { logits[row * experts + $0] > logits[row * experts + $1] }.prefix(count))
    }
    return OperationCase(
        operation: "chooseExperts", variant: "\(count) of \(experts)\(renormalized ? ", renormalised" : "")",
        inputs: [.activation("logits", [rows, experts], logits)],
        run: { x, _ in
            let choice = chooseExperts(x[0], count: count, renormalized: renormalized)
            precondition(choice.experts == chosen, "chose \(choice.experts), expected \(chosen)")
            return choice.weights
        },
        twin: { routed($0[0], width: experts, experts: chosen, renormalized: renormalized) })
}

/// Routing to experts, weighting of rows, and sums of rows.
let expertCases: [OperationCase] = {
    var values = TestValues(21)
    var cases = [(5, 8, 2), (3, 7, 7), (4, 1, 1), (2, 60, 4)].flatMap { rows, experts, count in
        [true, false].map { routingCase(rows: rows, experts: experts, count: count, renormalized: $0) }
    }
    for (rows, width) in [(1, 1), (3, 37), (5, 300)] {
        let x = CaseInput.activation("x", [rows, width], values.floats(rows * width, 2))
        cases += [
            OperationCase(
                operation: "scaleRows", variant: "[\(rows), \(width)]",
                inputs: [x, .activation("s", [rows, 1], values.floats(rows, 2))],
                run: { x, _ in scaleRows(x[0], by: x[1]) },
                twin: { x in x[0].enumerated().map { $1 * x[1][$0 / width] } })
        ]
    }
    cases.append(
        OperationCase(
            operation: "addRows", variant: "one row twice, one never",
            inputs: [
                .activation("x", [3, 37], values.floats(111, 2)), .activation("s", [4, 37], values.floats(148, 2)),
            ],
            run: { x, _ in addRows(x[0], x[1], at: [2, 0, 2, 0]) },
            twin: { x in
                var y = x[0]
                for (index, row) in [2, 0, 2, 0].enumerated() {
                    for column in 0..<37 { y[row * 37 + column] += x[1][index * 37 + column] }
                }
                return y
            }))
    return cases
}()
