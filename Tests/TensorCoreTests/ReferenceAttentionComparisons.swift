import NumericalTesting
import TensorCore
import Testing

private func attentionComparison(_ name: String, window: Int) -> ReferenceComparison {
    .init(name) { r in
        let (q, shape) = try r.rows("in.q")
        let (k, keyShape) = try r.rows("in.k")
        let leaves = [q.leaf, k.leaf, try r.rows("in.v").tensor.leaf]
        let plan = SequencePlan(parts: (0..<shape[0]).map { _ in (shape[2], nil) })
        let y = attended(leaves, plan, heads: shape[1], keyHeads: keyShape[1], headWidth: shape[3], window: window)
        expectClose(y.toArray(), try r.rows("out").tensor.toArray(), .reference, "out")
        y.backward(seed: try r.rows("cot").tensor)
        for (leaf, key) in zip(leaves, ["q", "k", "v"]) {
            expectClose(leaf.tapeGradient, try r.rows("grad.\(key)").tensor.toArray(), .reference, "grad.\(key)")
        }
    }
}

/// Attention with fp32 pages of its own.
private func attended(
    _ inputs: [Tensor], _ plan: SequencePlan, heads: Int, keyHeads: Int, headWidth: Int, window: Int = 0
) -> Tensor {
    let (layout, pageCount) = plan.layout(groupSize: heads / keyHeads)
    let pages = KeyValuePages(layers: 1, pages: pageCount, heads: keyHeads, headWidth: headWidth, type: .float32)
    return attention(
        inputs[0], inputs[1], inputs[2], headWidth: headWidth, window: window, layout: layout, pages: pages, layer: 0)
}

/// The softmax inside attention, laid bare: with unit vectors as keys and values, queries x·√D give softmax(x).
///
/// - Parameter rows: For each sequence, which rows of x are its last queries.
private func checkSoftmax(_ r: OperationReference, rowsEach: Int) throws {
    let x = try r.matrix("in.x")
    let width = x.shape[1]
    let sequences = x.shape[0] / rowsEach
    let root = Float(width).squareRoot()
    let (q, unit) = (Tensor.zeros([sequences * width, width]), Tensor.zeros([sequences * width, width]))
    for row in 0..<sequences * width { unit.floats[row * width + row % width] = 1 }
    /// The row of the batch where row `index` of x is the query.
    func place(_ index: Int) -> Int { index / rowsEach * width + (width - rowsEach) + index % rowsEach }
    for index in 0..<x.shape[0] {
        for column in 0..<width {
            q.floats[place(index) * width + column] = x.floats[index * width + column] * root
        }
    }
    let leaf = q.leaf
    let plan = SequencePlan(parts: (0..<sequences).map { _ in (width, nil) })
    let y = attended([leaf, unit, unit], plan, heads: 1, keyHeads: 1, headWidth: width)
    let rows = (0..<x.shape[0]).map(place)
    let chosen = selectRows(y, rows)
    try r.expect(chosen.toArray(), "out")
    chosen.backward(seed: Tensor(try r.values("cot"), shape: chosen.shape))
    let gradient = leaf.tapeGradient
    try r.expect(rows.flatMap { row in gradient[row * width..<(row + 1) * width].map { $0 * root } }, "grad.x")
}

/// Attention and its softmax.
let attentionComparisons: [ReferenceComparison] = [
    attentionComparison("attention_causal_gqa", window: 0),
    attentionComparison("attention_sliding_window3", window: 3),
    .init("softmax") { r in try checkSoftmax(r, rowsEach: 1) },
    .init("softmax_causal_mask") { r in try checkSoftmax(r, rowsEach: try r.matrix("in.x").shape[1]) },
]
