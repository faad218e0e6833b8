import CKernels

/// Gradients of a linear layer's own weight `[out, in]` and bias `[out]`, when they are trained.
public typealias LinearGradients = (weight: Tensor?, bias: Tensor?)

/// The weight that some rows of a batch are multiplied with: of an expert, or of an adapter that has one of its own.
public struct LinearPart: Sendable {
    /// The rows.
    public let rows: Range<Int>
    /// W, `[out, in]`.
    public let weight: PackedMatrix
    /// b, `[out]`.
    public let bias: Tensor?
    /// Where the gradients of W and b go.
    public let gradients: LinearGradients

    /// A part.
    public init(
        rows: Range<Int>, weight: PackedMatrix, bias: Tensor? = nil, gradients: LinearGradients = (nil, nil)
    ) {
        (self.rows, self.weight, self.bias, self.gradients) = (rows, weight, bias, gradients)
    }
}

/// A linear layer's weights: its own, or those of several experts or adapters, and low-rank corrections.
public struct LinearWeights: Sendable {
    /// The weights, all of one shape, with the rows that they apply to: all rows, in order. Of bfloat16 type: x and,
    /// backwards, dz are rounded to bfloat16 for the product with W; sums are in single precision.
    public let parts: [LinearPart]
    /// Terms for disjoint row ranges.
    public let lowRank: [LowRankTerm]

    /// Weights with their corrections.
    public init(parts: [LinearPart], lowRank: [LowRankTerm] = []) {
        (self.parts, self.lowRank) = (parts, lowRank)
    }
}

/// Linear layers with low-rank corrections, of one input.
///
///     y = g ⊙ (x Wᵀ + s (x̃ Aᵀ) Bᵀ) + b          x̃ = mask ⊙ x,  g = m / ‖W + s BA‖ or 1, where not given
///     dz = g ⊙ dy      dx = dz W + mask ⊙ (du A)      du = s (dz B)
///     dW = dzᵀ x       db = Σ dy      dB = dzᵀ (s x̃ Aᵀ)      dA = duᵀ x̃
///     dm = Σ dy ⊙ z / ‖W + s BA‖: the norm is taken as a constant
///
/// Source: Hu et al. 2021, arXiv:2106.09685 (low-rank adaptation); Liu et al. 2024, arXiv:2402.09353, equation 5 and
/// section 4.3 (magnitudes, constant norm).
/// - Parameter x: Activations, `[N, in]`.
/// - Parameter layers: The weights and corrections of each layer that reads x.
/// - Parameter units: Row ranges whose parameter gradients are added one after the other.
/// - Returns: `[N, out]` for each layer. Each has the bits that it has alone: together they only keep threads busier.
public func linear(_ x: Tensor, layers: [LinearWeights], units: [Range<Int>] = []) -> [Tensor] {
    for layer in layers { layer.check(x) }
    let outputs = layers.map { Tensor(shape: [x.shape[0], $0.outputs]) }  // [N, out]
    var batch = ProductBatch()
    for (layer, y) in zip(layers, outputs) {
        for part in layer.parts { batch.add(y, x, part.weight, rows: part.rows) }
    }
    let inputs = layers.map { layer in layer.lowRank.map { $0.addInputProduct(to: &batch, x) } }
    withExtendedLifetime(inputs) { batch.compute() }
    if layers.contains(where: { !$0.lowRank.isEmpty }) {
        var batch = ProductBatch()
        for (index, layer) in layers.enumerated() {
            for (term, input) in zip(layer.lowRank, inputs[index]) {
                term.addOutputProduct(to: &batch, outputs[index], input.product)
            }
        }
        batch.compute()
    }
    return layers.indices.map { layers[$0].finish(outputs[$0], x, inputs: inputs[$0].map(\.product), units) }
}

/// A linear layer with one weight for all rows.
public func linear(
    _ x: Tensor, weight: PackedMatrix, bias: Tensor? = nil, lowRank: [LowRankTerm] = [],
    gradients: LinearGradients = (nil, nil), units: [Range<Int>] = []
) -> Tensor {
    let part = LinearPart(rows: 0..<x.shape[0], weight: weight, bias: bias, gradients: gradients)
    return linear(x, LinearWeights(parts: [part], lowRank: lowRank), units: units)
}

/// One layer.
public func linear(_ x: Tensor, _ layer: LinearWeights, units: [Range<Int>] = []) -> Tensor {
    linear(x, layers: [layer], units: units)[0]
}

extension LinearWeights {
    fileprivate var outputs: Int { parts.first?.weight.rows ?? 0 }

    /// Scales, adds the bias and records what `y`, the sum of all products, is.
    ///
    /// - Parameter inputs: s · x̃ Aᵀ of each term.
    fileprivate func finish(_ y: Tensor, _ x: Tensor, inputs: [Tensor], _ units: [Range<Int>]) -> Tensor {
        let unscaled = lowRank.map { $0.scaleChannels(y) }
        for part in parts { if let bias = part.bias { addBias(y.rows(part.rows), bias) } }
        let trained =
            parts.contains { $0.gradients.weight != nil || $0.gradients.bias != nil }
            || lowRank.contains(where: \.isTrained)
        let needsInput = x.node != nil
        let shape = x.shape
        let saved = trained ? x.saved : nil
        return record(y, from: x, always: trained) { dy in
            let dx = needsInput ? Tensor(shape: shape) : nil
            let dz = lowRank.contains { $0.magnitude != nil } ? dy.copy() : dy
            for (term, z) in zip(lowRank, unscaled) { term.magnitude?.backward(dz.rows(term.rows), z) }
            if let dx { Products.multiplyTransposed(dx, dz, parts.map { ($0.rows, $0.weight) }) }
            let x = saved?()
            for part in parts { part.addGradients(dy, dz, x, units) }
            each(Array(zip(lowRank, inputs)), apart: lowRank.haveGradientsApart) { term, u in
                term.backward(dx, dz.rows(term.rows), u: u, x, units)
            }
            return [dx]
        }
    }

    fileprivate func check(_ x: Tensor) {
        guard let weight = parts.first?.weight else { preconditionFailure("linear: no weight") }
        var row = 0
        for part in parts {
            precondition(
                part.rows.lowerBound == row && part.weight.rows == weight.rows && part.weight.columns == weight.columns,
                "linear: rows \(part.rows) with a weight [\(part.weight.rows), \(part.weight.columns)], expected rows from "
                    + "\(row) with [\(weight.rows), \(weight.columns)]")
            precondition(
                part.bias == nil || part.bias?.shape == [weight.rows],
                "linear: bias is \(part.bias?.shape ?? []), expected [\(weight.rows)]")
            row = part.rows.upperBound
        }
        precondition(
            x.shape == [row, weight.columns], "linear: x is \(x.shape), expected [\(row), \(weight.columns)]")
        for term in lowRank {
            precondition(
                term.magnitude == nil || term.magnitude?.factors.shape == [weight.rows],
                "linear: magnitudes are \(term.magnitude?.factors.shape ?? []), expected [\(weight.rows)]")
            precondition(
                term.mask == nil || term.mask?.shape == [term.rows.count, weight.columns],
                "linear: the mask is \(term.mask?.shape ?? []), expected [\(term.rows.count), \(weight.columns)]")
        }
    }
}

/// Applies a body to all elements: to many at the same time, each on one thread; to few in turn, each on all threads.
///
/// - Parameter apart: Whether they write to different places.
private func each<Element>(_ elements: [Element], apart: Bool, _ body: (Element) -> Void) {
    guard apart, elements.count >= 2 * ComputeDevice.threadCount else { return elements.forEach(body) }
    parallelFor(elements.count) { body(elements[$0]) }
}

extension LinearPart {
    /// Adds to its own gradients.
    fileprivate func addGradients(_ dy: Tensor, _ dz: Tensor, _ x: Tensor?, _ units: [Range<Int>]) {
        if let dw = gradients.weight, let x {
            Products.accumulateGradient(dw, dz.rows(rows), x.rows(rows), units: restricted(units, to: rows))
        }
        if let db = gradients.bias { sumRows(into: db, dy.rows(rows)) }
    }
}

/// Units as a part of the rows sees them, counted from its start.
func restricted(_ units: [Range<Int>], to rows: Range<Int>) -> [Range<Int>] {
    units.map { $0.clamped(to: rows) }.filter { !$0.isEmpty }
        .map { $0.lowerBound - rows.lowerBound..<$0.upperBound - rows.lowerBound }
}

private func addBias(_ y: Tensor, _ bias: Tensor) {
    let width = bias.count
    parallelFor(y.shape[0], pieces: 32) { rows in
        ck_add_bias(y.floats + rows.lowerBound * width, bias.floats, rows.count, width)
    }
}

/// sum `[C]` += Σ over the rows of x `[N, C]`, ascending.
func sumRows(into sum: Tensor, _ x: Tensor) {
    let (rows, width) = (x.shape[0], x.shape[1])
    parallelFor(width, pieces: 256) { columns in
        ck_sum_rows(sum.floats + columns.lowerBound, x.floats + columns.lowerBound, width, rows, columns.count)
    }
}
