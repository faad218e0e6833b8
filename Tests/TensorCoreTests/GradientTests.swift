import Foundation
import NumericalTesting
import TensorCore
import Testing

@Suite("Operations against their twins in Double")
struct GradientTests {
    @Test("the output equals the formula, and each gradient its central differences", arguments: operationTable)
    func gradients(row: OperationCase) {
        let (output, gradients) = row.evaluate()
        expectClose(output, row.twin(row.inputs.map { $0.values.map(Double.init) }), row.forward, "y")
        let cotangent = row.cotangent(output.count)
        for (index, gradient) in gradients.enumerated() {
            row.checkGradient(of: index, gradient, cotangent: cotangent)
        }
    }

    @Test("an input that needs no gradient leaves output and other gradients as they are", arguments: operationTable)
    func detached(row: OperationCase) {
        let full = row.evaluate()
        for kept in row.inputs.indices where row.inputs.count > 1 && row.inputs[kept].onTape {
            let tensors = row.inputs.enumerated().map { index, input in
                let tensor = Tensor(input.values, shape: input.shape)
                return index == kept ? tensor.leaf : tensor
            }
            let y = row.run(tensors, row.inputs.map { .zeros($0.shape) })
            y.backward(seed: Tensor(row.cotangent(y.count), shape: y.shape))
            expectSameBits(y.toArray(), full.output, "y")
            expectSameBits(
                tensors[kept].node?.gradient?.toArray() ?? [], full.gradients[kept], "d\(row.inputs[kept].name)")
        }
    }

    @Test("every public operation has a row in the table")
    func everyOperationHasARow() throws {
        let folder = packageRoot.appending(path: "Sources/TensorCore/Operations")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "swift" }
        #expect(!files.isEmpty)
        let covered = Set(operationTable.map(\.operation))
        for file in files {
            let names = try String(contentsOf: file, encoding: .utf8).matches(of: /(?m)^public func (\w+)\(/)
                .map { String($0.1) }
            #expect(!names.isEmpty, "\(file.lastPathComponent) has no public operation")
            for name in names {
                #expect(covered.contains(name), "\(name) of \(file.lastPathComponent) has no row in operationTable")
            }
        }
    }
}
