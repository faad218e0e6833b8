import Foundation
import NumericalTesting
import OrderedJSON
import TensorCore
import Testing

/// The reference values of one operation, and how to compare with them.
struct OperationReference {
    static let folder = packageRoot.appending(path: "../shared/fixtures/ops")
    static let isThere = FileManager.default.fileExists(atPath: folder.appending(path: "ops.safetensors").path)

    let file: ReferenceFile
    let name: String

    init(_ name: String) throws {
        file = try ReferenceFile(Self.folder.appending(path: "ops.safetensors"))
        self.name = name
    }

    /// The names of all operations in the reference files.
    static func names() throws -> Set<String> {
        let json = try JSONValue(parsing: Data(contentsOf: folder.appending(path: "ops.json")))
        return Set((json.objectValue ?? JSONObject()).keys)
    }

    /// Shape and values of a tensor.
    func floats(_ key: String) throws -> (shape: [Int], values: [Float]) { try file.floats("\(name).\(key)") }

    /// A tensor as `[rows, width]` of its last dimension.
    func matrix(_ key: String) throws -> Tensor {
        let (shape, values) = try floats(key)
        let width = shape.last ?? 1
        return Tensor(values, shape: [values.count / max(1, width), width])
    }

    /// A tensor as a column of its elements, `[count, 1]`.
    func column(_ key: String) throws -> Tensor {
        let values = try values(key)
        return Tensor(values, shape: [values.count, 1])
    }

    func values(_ key: String) throws -> [Float] { try floats(key).values }
    func integers(_ key: String) throws -> [Int] { try file.integers("\(name).in.\(key)") }

    func attribute(_ key: String) throws -> Double {
        let json = try JSONValue(parsing: Data(contentsOf: Self.folder.appending(path: "ops.json")))
        return try #require(json[name]?["attributes"]?[key]?.doubleValue)
    }

    func expect(_ actual: [Float], _ key: String, _ tolerance: Tolerance = .reference) throws {
        expectClose(actual, try values(key), tolerance, "\(name).\(key)")
    }

    /// Compares an output, runs its tape backwards from the cotangent, and compares the gradients of leaves.
    func check(_ y: Tensor, leaves: [String: Tensor]) throws {
        try expect(y.toArray(), "out")
        y.backward(seed: Tensor(try values("cot"), shape: y.shape))
        for (key, leaf) in leaves { try expect(leaf.tapeGradient, "grad.\(key)") }
    }

    /// Heads-first `[B, H, T, D]` as rows `[B·T, H·D]`.
    func rows(_ key: String) throws -> (tensor: Tensor, shape: [Int]) {
        let (shape, values) = try floats(key)
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

    /// A matrix of some rows, transposed.
    static func transposed(_ x: [Float], rows: Int) -> [Float] {
        let width = x.count / max(rows, 1)
        return (0..<x.count).map { x[$0 % rows * width + $0 / rows] }
    }
}

extension Tensor {
    /// The gradient that a leaf has gathered.
    var tapeGradient: [Float] { node?.gradient?.toArray() ?? [] }
}

/// One operation of the reference files and how it is compared.
struct ReferenceComparison: Sendable, CustomTestStringConvertible {
    let name: String
    let run: @Sendable (OperationReference) throws -> Void

    init(_ name: String, _ run: @escaping @Sendable (OperationReference) throws -> Void) {
        self.name = name
        self.run = run
    }

    var testDescription: String { name }
}
