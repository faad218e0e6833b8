import NumericalTesting
import TensorCore
import Testing

@Suite("Tape")
struct TapeTests {
    private func tensor(_ shape: [Int], seed: Int = 1) -> Tensor {
        var values = TestValues(seed)
        return Tensor(values.floats(shape.reduce(1, *)), shape: shape)
    }

    @Test("the gradients of a tensor used twice add up")
    func usedTwice() {
        let (x, dy) = (tensor([3, 5]).leaf, tensor([3, 5], seed: 2))
        add(add(x, x), x).backward(seed: dy)
        expectSameBits(x.node?.gradient?.toArray() ?? [], dy.toArray().map { $0 + $0 + $0 })
        // What was handed in as a seed is not written to.
        expectSameBits(dy.toArray(), tensor([3, 5], seed: 2).toArray())
    }

    @Test("a milestone is told when all that was recorded after it has been differentiated, and nothing before")
    func milestones() {
        let weights = (0..<3).map { PackedMatrix(tensor([4, 4], seed: 10 + $0)) }
        let gradients = (0..<3).map { _ in Tensor.zeros([4, 4]) }
        var x = tensor([2, 4])
        x.markMilestone(7)  // not on the tape
        for (layer, weight) in weights.enumerated() {
            if layer > 0 { x.markMilestone(layer) }
            x = linear(x, weight: weight, gradients: (gradients[layer], nil), units: [0..<2])
        }
        var seen: [(Int, [Bool])] = []
        x.backward(seed: tensor([2, 4], seed: 3)) { milestone in
            seen.append((milestone, gradients.map { $0.toArray().contains { $0 != 0 } }))
        }
        #expect(seen.map(\.0) == [2, 1])
        #expect(seen.map(\.1) == [[false, false, true], [false, true, true]])
        #expect(gradients[0].toArray().contains { $0 != 0 })
    }

    @Test("nothing is recorded without a leaf")
    func nothingRecorded() {
        let x = tensor([2, 4])
        let weight = PackedMatrix(tensor([4, 4]))
        #expect(add(x, x).node == nil)
        #expect(linear(rmsNorm(x, weight: tensor([4]), epsilon: 1e-6), weight: weight).node == nil)
        #expect(recomputed(x, pieces: [0..<2], pass: nil) { x, _, _ in add(x, x) }.node == nil)
        #expect(add(x.leaf.detached, x).node == nil)
        #expect(add(x.leaf, x).node != nil)
    }

    @Test("what the tape saved is let go of in the backward pass")
    func releases() {
        let x = tensor([64, 32]).leaf
        weak var saved: Storage?
        func forward() -> Tensor {
            let middle = add(x, x)
            saved = middle.storage
            return swiGLU(gate: middle, up: middle)
        }
        let y = forward()
        #expect(saved != nil, "swiGLU needs its inputs in the backward pass")
        y.backward(seed: tensor([64, 32], seed: 2))
        #expect(saved == nil)
        #expect(x.node?.gradient != nil && y.node?.gradient == nil)
    }

    @Test("what can be made again at little cost is not kept, and comes back with the same bits")
    func remakes() {
        let (x, weight) = (tensor([5, 32]).leaf, PackedMatrix(tensor([8, 32], seed: 4)))
        let dw = Tensor.zeros([8, 32])
        weak var middle: Storage?
        var values: [Float] = []
        func forward() -> Tensor {
            let y = swiGLU(gate: x, up: x)
            (middle, values) = (y.storage, y.toArray())
            return linear(y, weight: weight, gradients: (dw, nil), units: [0..<5])
        }
        let y = forward()
        #expect(middle == nil)
        let dy = tensor([5, 8], seed: 2)
        y.backward(seed: dy)
        let expected = Tensor.zeros([8, 32])
        let kept = linear(
            Tensor(values, shape: [5, 32]).leaf, weight: weight, gradients: (expected, nil), units: [0..<5])
        kept.backward(seed: dy)
        expectSameBits(dw.toArray(), expected.toArray())
    }

    @Test(
        "recomputing gives the bits of recording, in one piece and in several",
        arguments: [[0..<7], [0..<3, 3..<7], [0..<1, 1..<2, 2..<7]])
    func recomputation(pieces: [Range<Int>]) {
        let (dy, weight) = (tensor([7, 9], seed: 2), PackedMatrix(tensor([9, 6], seed: 3)))
        func run(_ recompute: Bool) -> (y: [Float], dx: [Float], dw: [Float]) {
            let parameters = ParameterSet([(name: "w", shape: [9, 6])])
            let pass = GradientPass(parameters: parameters, units: pieces)
            let x = tensor([7, 6]).leaf
            let body: (Tensor, Range<Int>, GradientPass?) -> Tensor = { x, rows, pass in
                let inner = pass?.restricted(to: rows)
                return linear(
                    swiGLU(gate: x, up: x), weight: weight, gradients: (inner?.gradient(of: "w"), nil),
                    units: inner?.units ?? [])
            }
            let y = recompute ? recomputed(x, pieces: pieces, pass: pass, body: body) : body(x, 0..<7, pass)
            y.backward(seed: dy)
            return (y.toArray(), x.node?.gradient?.toArray() ?? [], parameters.gradients.toArray())
        }
        let (again, direct) = (run(true), run(false))
        expectSameBits(again.y, direct.y, "y")
        expectSameBits(again.dx, direct.dx, "dx")
        expectSameBits(again.dw, direct.dw, "dw")
        #expect(direct.dx.contains { $0 != 0 } && direct.dw.contains { $0 != 0 })
    }

    @Test("a piece that does not depend on its input has a gradient of zero")
    func independentPiece() {
        for _ in 0..<3 {
            let dirty = tensor([4, 600], seed: 4)
            _ = add(dirty, dirty)
            let x = tensor([4, 600]).leaf
            let y = recomputed(x, pieces: [0..<2, 2..<4], pass: nil) { x, rows, _ in
                rows.lowerBound == 0 ? add(x, x) : add(x.detached, x.detached)
            }
            y.backward(seed: dirty)
            let expected = dirty.toArray().enumerated().map { $0 < 1200 ? 2 * $1 : 0 }
            expectSameBits(x.node?.gradient?.toArray() ?? [], expected)
        }
    }
}
