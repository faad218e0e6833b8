import NumericalTesting
import TensorCore
import Testing

@Suite(
    "Operations against the reference files",
    .enabled(if: OperationReference.isThere, "../shared/fixtures/ops is missing"))
struct ReferenceTests {
    /// What is compared; one list a kind of operation.
    static let comparisons =
        productComparisons + rowComparisons + layoutComparisons + tokenComparisons + attentionComparisons

    /// Reference operations that this package computes nowhere on its tape, each with the place where its formula is.
    static let excused: [String: String] = [
        "div": "divisions are inside the norms, the softmax and the losses",
        "exp": "importance ratios, in Double: compared in TrainingTests",
        "sigmoid": "the gate of SAPO, in Double: compared in TrainingTests; silu is compared here",
        "clamp": "the clipped surrogate, in Double: compared in TrainingTests",
        "minimum": "the clipped surrogate, in Double: compared in TrainingTests",
        "where": "masks choose rows before the loss is computed; no tensor is blended",
        "log": "inside tokenLogProbs, never alone",
        "rsqrt": "inside rmsNorm, never alone",
        "max_axis": "inside the softmax, where it has no gradient",
        "gelu_tanh": "no Qwen language model has this activation",
    ]

    @Test("output and gradients equal the reference's", arguments: comparisons)
    func comparison(_ comparison: ReferenceComparison) throws {
        try comparison.run(OperationReference(comparison.name))
    }

    @Test("every operation of the reference files is compared or excused, and none is both or gone")
    func complete() throws {
        let names = try OperationReference.names()
        let compared = Self.comparisons.map(\.name)
        #expect(Set(compared).count == compared.count, "an operation is compared twice")
        #expect(names.count >= 46)
        for name in names.sorted() {
            let fates = (compared.contains(name) ? 1 : 0) + (Self.excused[name] != nil ? 1 : 0)
            #expect(fates == 1, "\(name) is neither compared nor excused, or both")
        }
        #expect(Set(compared).union(Self.excused.keys).subtracting(names).isEmpty)
    }
}

/// Embedding, choice and addition of rows, and what moves elements.
private let layoutComparisons: [ReferenceComparison] = [
    .init("embedding") { r in
        let w = try r.matrix("in.w")
        let dw = Tensor.zeros(w.shape)
        let y = embedding(try r.integers("ids").map(Int32.init), table: PackedMatrix(w), gradient: dw)
        try r.check(y, leaves: [:])
        try r.expect(dw.toArray(), "grad.w")
    },
    .init("index_select_repeated") { r in
        let x = try r.matrix("in.x").leaf
        try r.check(selectRows(x, try r.integers("i")), leaves: ["x": x])
    },
    .init("index_add") { r in
        let (x, s) = (try r.matrix("in.x").leaf, try r.matrix("in.s").leaf)
        try r.check(addRows(x, s, at: try r.integers("i")), leaves: ["x": x, "s": s])
    },
    .init("gather_last") { r in
        let (shape, _) = try r.floats("in.x")
        let width = try #require(shape.last)
        let x = try r.column("in.x").leaf
        let elements = try r.integers("idx").enumerated().map { $0 * width + $1 }
        try r.check(selectRows(x, elements), leaves: ["x": x])
    },
    .init("slice") { r in  // x[:, 1:6, ::2]
        let (shape, _) = try r.floats("in.x")
        let (outShape, _) = try r.floats("out")
        let x = try r.column("in.x").leaf
        let elements = (0..<outShape.reduce(1, *)).map { index in
            let (b, t, c) = (
                index / (outShape[1] * outShape[2]), index / outShape[2] % outShape[1], index % outShape[2]
            )
            return (b * shape[1] + t + 1) * shape[2] + 2 * c
        }
        try r.check(selectRows(x, elements), leaves: ["x": x])
    },
    .init("transpose_reshape") { r in
        let (shape, _) = try r.floats("in.x")
        let x = try r.column("in.x").leaf
        let elements = (0..<x.count).map { index in
            let (b, c, t) = (index / (shape[1] * shape[2]), index / shape[1] % shape[2], index % shape[1])
            return (b * shape[1] + t) * shape[2] + c
        }
        try r.check(selectRows(x, elements), leaves: ["x": x])
    },
    .init("concat") { r in  // along the second of three dimensions
        let (xShape, yShape) = (try r.floats("in.x").shape, try r.floats("in.y").shape)
        let (x, y) = (try r.matrix("in.x").leaf, try r.matrix("in.y").leaf)
        let height = xShape[1] + yShape[1]
        func places(_ shape: [Int], from first: Int) -> [Int] {
            (0..<shape[0] * shape[1]).map { $0 / shape[1] * height + first + $0 % shape[1] }
        }
        let empty = Tensor.zeros([xShape[0] * height, xShape[2]])
        let joined = addRows(
            addRows(empty, x, at: places(xShape, from: 0)), y, at: places(yShape, from: xShape[1]))
        try r.check(joined, leaves: ["x": x, "y": y])
    },
]
