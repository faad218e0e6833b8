import NumericalTesting
import TensorCore
import Testing

/// The promises that the whole house rests on: a row's bits depend on its own prefix alone.
@Suite("Laws of bits", .serialized)
struct LawTests {
    private func tensor(_ shape: [Int], _ seed: Int) -> Tensor {
        var values = TestValues(seed)
        return Tensor(values.floats(shape.reduce(1, *)), shape: shape)
    }

    private func withThreads<T>(_ count: Int, _ body: () -> T) -> T {
        let before = ComputeDevice.threadCount
        defer { ComputeDevice.threadCount = before }
        ComputeDevice.threadCount = count
        return body()
    }

    @Test("forward and backward bits are the same with 1, 2 and 3 threads", arguments: operationTable)
    func threads(row: OperationCase) {
        let one = withThreads(1) { row.evaluate() }
        for count in [2, 3] {
            let several = withThreads(count) { row.evaluate() }
            expectSameBits(several.output, one.output, "y with \(count) threads")
            for (index, gradient) in several.gradients.enumerated() {
                expectSameBits(gradient, one.gradients[index], "d\(row.inputs[index].name) with \(count) threads")
            }
        }
    }

    /// A linear layer that is cut into many tiles, with a low-rank term on the middle rows.
    private func wideLinear(
        _ x: Tensor, _ type: ElementType, term: Range<Int>, units: [Range<Int>] = [], _ dw: Tensor? = nil,
        _ da: Tensor = .zeros([4, 70]), _ db: Tensor = .zeros([530, 4])
    ) -> Tensor {
        linear(
            x, weight: PackedMatrix(tensor([530, 70], 1), type: type), bias: tensor([530], 2),
            lowRank: [
                LowRankTerm(
                    rows: term, down: PackedMatrix(tensor([4, 70], 3)), up: PackedMatrix(tensor([530, 4], 4)),
                    scaling: 0.5, gradients: dw == nil ? nil : (da, db))
            ], gradients: (dw, nil), units: units)
    }

    @Test(
        "many weights in one product, each with a low-rank term, give the bits of as many products",
        arguments: [ElementType.float32, .bfloat16], [1, 2, 3])
    func grouped(type: ElementType, threads: Int) {
        let counts = [3, 0, 1, 100, 2, 7, 0, 1, 1, 5]
        var ranges: [Range<Int>] = []
        for count in counts { ranges.append((ranges.last?.upperBound ?? 0)..<(ranges.last?.upperBound ?? 0) + count) }
        let weights = counts.indices.map { PackedMatrix(tensor([75, 70], $0), type: type) }
        let factors = counts.indices.map { (a: tensor([4, 70], 20 + $0), b: tensor([75, 4], 40 + $0)) }
        let gradients = { counts.map { _ in (down: Tensor.zeros([4, 70]), up: Tensor.zeros([75, 4])) } }
        func term(_ index: Int, _ rows: Range<Int>, _ gradient: (down: Tensor, up: Tensor)) -> LowRankTerm {
            LowRankTerm(
                rows: rows, down: PackedMatrix(factors[index].a), up: PackedMatrix(factors[index].b), scaling: 0.5,
                gradients: gradient)
        }
        let (x, dy) = (tensor([120, 70], 60), tensor([120, 75], 61))
        let (together, apart) = (gradients(), gradients())
        withThreads(threads) {
            let used = counts.indices.filter { counts[$0] > 0 }
            let leaf = x.leaf
            let y = linear(
                leaf,
                LinearWeights(
                    parts: used.map { LinearPart(rows: ranges[$0], weight: weights[$0]) },
                    lowRank: used.map { term($0, ranges[$0], together[$0]) }), units: used.map { ranges[$0] })
            y.backward(seed: dy)
            for index in used {
                let (rows, name) = (ranges[index], "part \(index)")
                let own = x.rows(rows).copy().leaf
                let z = linear(
                    own, weight: weights[index], lowRank: [term(index, 0..<rows.count, apart[index])],
                    units: [0..<rows.count])
                z.backward(seed: dy.rows(rows).copy())
                expectSameBits(y.rows(rows).toArray(), z.toArray(), name)
                expectSameBits(
                    leaf.node?.gradient?.rows(rows).toArray() ?? [], own.node?.gradient?.toArray() ?? [], name + ", dx")
                expectSameBits(together[index].down.toArray(), apart[index].down.toArray(), name + ", dA")
                expectSameBits(together[index].up.toArray(), apart[index].up.toArray(), name + ", dB")
            }
        }
    }

    @Test(
        "layers of one input together, with biases and low-rank terms on some rows, give the bits that each has alone",
        arguments: [ElementType.float32, .bfloat16], [1, 2, 3])
    func together(type: ElementType, threads: Int) {
        let widths = [530, 16, 75, 600]
        let x = tensor([130, 70], 80)
        let weights = widths.enumerated().map { PackedMatrix(tensor([$1, 70], 81 + $0), type: type) }
        func layer(_ index: Int) -> LinearWeights {
            let width = widths[index]
            let terms = [0..<3, 40..<130].prefix(index).enumerated().map { place, rows in
                LowRankTerm(
                    rows: rows, down: PackedMatrix(tensor([4, 70], 90 + place)),
                    up: PackedMatrix(tensor([width, 4], 95 + index + place)), scaling: 0.5)
            }
            let part = LinearPart(
                rows: 0..<130, weight: weights[index], bias: index == 1 ? nil : tensor([width], 85 + index))
            return LinearWeights(parts: [part], lowRank: Array(terms))
        }
        withThreads(threads) {
            for index in widths.indices {
                let (shared, own) = (x.leaf, x.leaf)
                let y = linear(shared, layers: widths.indices.map(layer))[index]
                let alone = linear(own, layer(index))
                expectSameBits(y.toArray(), alone.toArray(), "layer \(index)")
                for z in [y, alone] { z.backward(seed: tensor([130, widths[index]], 110 + index)) }
                expectSameBits(
                    shared.node?.gradient?.toArray() ?? [], own.node?.gradient?.toArray() ?? [], "layer \(index), dx")
            }
        }
    }

    @Test("of equally probable experts the lower numbers are chosen, in order")
    func equalExperts() {
        let logits = Tensor([1, 3, 3, 0, 3, 2, 0, 0, 0, 0, 0, 0], shape: [2, 6])
        #expect(chooseExperts(logits, count: 4, renormalized: true).experts == [1, 2, 4, 5, 0, 1, 2, 3])
    }

    @Test("a large linear layer's bits do not depend on threads", arguments: [ElementType.float32, .bfloat16])
    func largeLinear(type: ElementType) {
        func run() -> [[Float]] {
            let x = tensor([101, 70], 5).leaf
            let (dw, da, db) = (Tensor.zeros([530, 70]), Tensor.zeros([4, 70]), Tensor.zeros([530, 4]))
            let y = wideLinear(x, type, term: 10..<90, units: [0..<40, 40..<101], dw, da, db)
            y.backward(seed: tensor([101, 530], 6))
            return [y, x.node?.gradient ?? x, dw, da, db].map { $0.toArray() }
        }
        let one = withThreads(1, run)
        for count in [2, 3] {
            for (several, alone) in zip(withThreads(count, run), one) { expectSameBits(several, alone) }
        }
    }

    @Test(
        "a linear row's bits are the same alone, in a batch and elsewhere", arguments: [ElementType.float32, .bfloat16])
    func rowsAlone(type: ElementType) {
        let x = tensor([23, 70], 7)
        let all = wideLinear(x, type, term: 0..<23).toArray()
        for row in 0..<23 {
            let alone = wideLinear(x.rows(row..<row + 1), type, term: 0..<1).toArray()
            expectSameBits(alone, Array(all[row * 530..<(row + 1) * 530]), "row \(row) alone")
        }
        let order = Array((0..<23).reversed())
        let turned = wideLinear(selectRows(x, order), type, term: 0..<23).toArray()
        for (place, row) in order.enumerated() {
            expectSameBits(
                Array(turned[place * 530..<(place + 1) * 530]), Array(all[row * 530..<(row + 1) * 530]), "row \(row)")
        }
    }

    @Test("weight gradients of units in one batch equal those of several batches, bit for bit")
    func units() {
        let (x, dy) = (tensor([60, 70], 8), tensor([60, 530], 9))
        let units = [0..<17, 17..<18, 18..<51, 51..<60]
        func gradients(_ batches: [[Range<Int>]]) -> [[Float]] {
            let (dw, da, db) = (Tensor.zeros([530, 70]), Tensor.zeros([4, 70]), Tensor.zeros([530, 4]))
            for batch in batches {
                guard let first = batch.first?.lowerBound, let last = batch.last?.upperBound else { continue }
                let shifted = batch.map { $0.lowerBound - first..<$0.upperBound - first }
                wideLinear(x.rows(first..<last), .bfloat16, term: 0..<last - first, units: shifted, dw, da, db)
                    .backward(seed: dy.rows(first..<last))
            }
            return [dw, da, db].map { $0.toArray() }
        }
        let together = gradients([units])
        for batches in [units.map { [$0] }, [[units[0], units[1]], [units[2], units[3]]]] {
            for (several, one) in zip(gradients(batches), together) { expectSameBits(several, one) }
        }
    }

    @Test(
        "attention gives a row the same bits in chunks of any size, one token at a time and behind a shared prompt",
        arguments: [0, 5, 40], [ElementType.float32, .bfloat16])
    func chunks(window: Int, type: ElementType) {
        let (heads, keyHeads, width, count) = (4, 2, 24, 70)
        let q = tensor([count, heads * width], 1)
        let k = roundedToBFloat16(tensor([count, keyHeads * width], 2))
        let v = roundedToBFloat16(tensor([count, keyHeads * width], 3))
        func attend(_ segments: [SequenceLayout.Segment], _ rows: Range<Int>, _ pages: KeyValuePages) -> [Float] {
            attention(
                q.rows(rows), k.rows(rows), v.rows(rows), headWidth: width, window: window,
                layout: SequenceLayout(segments: segments, groupSize: heads / keyHeads), pages: pages, layer: 0
            ).toArray()
        }
        func newPages() -> KeyValuePages {
            KeyValuePages(layers: 1, pages: 8, heads: keyHeads, headWidth: width, type: type)
        }
        let whole = attend([.init(rows: 0..<count, firstPosition: 0, pages: [5, 1, 3])], 0..<count, newPages())
        for size in [1, 7, 31, 32, 33, 64] {
            let pages = newPages()
            let pieces = stride(from: 0, to: count, by: size).flatMap { start in
                let rows = start..<min(count, start + size)
                let segment = SequenceLayout.Segment(rows: 0..<rows.count, firstPosition: start, pages: [2, 7, 0])
                return attend([segment], rows, pages)
            }
            expectSameBits(pieces, whole, "chunks of \(size)")
        }
        for prompt in [1, 31, 32, 33, 64] {
            let shared = attend(
                [
                    .init(rows: 0..<prompt, firstPosition: 0, pages: [5, 1, 3]),
                    .init(
                        rows: prompt..<count, firstPosition: prompt,
                        pages: Array([5, 1].prefix(prompt / 32)) + [6, 2, 4], parent: 0),
                ], 0..<count, newPages())
            expectSameBits(shared, whole, "a prompt of \(prompt)")
        }
    }

    @Test("a copied page continues with the same bits")
    func copiedPage() {
        let pages = KeyValuePages(layers: 2, pages: 3, heads: 1, headWidth: 16, type: .float32)
        let x = tensor([20, 16], 4)
        func attend(_ rows: Range<Int>, page: Int32) -> [Float] {
            let segment = SequenceLayout.Segment(rows: 0..<rows.count, firstPosition: rows.lowerBound, pages: [page])
            let part = x.rows(rows)
            return attention(
                part, part, part, headWidth: 16, window: 0,
                layout: SequenceLayout(segments: [segment], groupSize: 1), pages: pages, layer: 1
            ).toArray()
        }
        _ = attend(0..<12, page: 0)
        pages.copyPage(from: 0, to: 2)
        expectSameBits(attend(12..<20, page: 2), attend(12..<20, page: 0))
    }
}
