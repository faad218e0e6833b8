import TensorCore

/// A linear layer of the frozen base, which adapters may correct.
public struct LinearLayer: Sendable {
    /// The module's name, for example `model.layers.0.self_attn.q_proj`.
    public let name: String
    let weight: PackedMatrix
    let bias: Tensor?
    /// The name under which `weight` is trained; the embedding's for a tied vocabulary projection.
    let weightName: String
    /// The names of a weight and a bias that an adapter has in their place.
    private let ownNames: (weight: String, bias: String)

    init(name: String, weight: PackedMatrix, bias: Tensor?, weightName: String? = nil) {
        (self.name, self.weight, self.bias) = (name, weight, bias)
        // Made once: each pass asks for them, and a mixture has thousands of layers.
        ownNames = (name + ".weight", name + ".bias")
        self.weightName = weightName ?? ownNames.weight
    }

    /// Bytes that its weight takes in memory, which a product reads once.
    public var weightBytes: Int { weight.byteCount }
    /// Width of its input.
    public var inputs: Int { weight.columns }
    /// Width of its output.
    public var outputs: Int { weight.rows }

    /// Applies the layer and the adapters of the context.
    ///
    /// - Parameter x: `[N, in]`.
    /// - Returns: `[N, out]`.
    public func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        linear(x, weights(0..<x.shape[0], context), units: context.pass?.units ?? [])
    }

    /// What applies to some rows.
    private func weights(_ rows: Range<Int>, _ context: ForwardContext) -> LinearWeights {
        LinearWeights(parts: parts(rows, context), lowRank: terms(rows, context))
    }

    /// Applies layers that read the same x, with the bits that each has alone.
    static func together(_ layers: [LinearLayer], _ x: Tensor, _ context: ForwardContext) -> [Tensor] {
        linear(
            x, layers: layers.map { $0.weights(0..<x.shape[0], context) }, units: context.pass?.units ?? [])
    }

    /// The weights of some rows: the base's, or an adapter's own.
    func parts(_ rows: Range<Int>, _ context: ForwardContext) -> [LinearPart] {
        context.parts(rows, name: ownNames.weight).flatMap { part in
            context.parts(part.rows, name: ownNames.bias).map { biasPart in
                LinearPart(
                    rows: biasPart.rows, weight: part.weight?.matrix ?? weight, bias: biasPart.weight?.vector ?? bias,
                    gradients: (
                        part.weight == nil ? context.baseGradient(of: weightName) : part.gradient, biasPart.gradient
                    ))
            }
        }
    }

    /// The low-rank terms of some rows.
    func terms(_ rows: Range<Int>, _ context: ForwardContext) -> [LowRankTerm] {
        context.adapters.compactMap { run in
            let part = run.rows.clamped(to: rows)
            guard !part.isEmpty, let factors = run.adapter.factors[name] else { return nil }
            var term = factors.term(rows: part, module: name, pass: context.pass)
            term.mask = context.dropout?.mask(part, module: name, width: inputs)
            return term
        }
    }

    /// Whether it is the bare product with its weight: nothing of it is trained, no adapter corrects it, it has no bias.
    func isFrozen(_ context: ForwardContext) -> Bool {
        bias == nil && context.baseGradient(of: weightName) == nil
            && context.adapters.allSatisfy {
                $0.adapter.factors[name] == nil && $0.adapter.weights[name + ".weight"] == nil
            }
    }
}

/// An RMSNorm with its weight.
struct NormLayer: Sendable {
    let name: String
    let weight: Tensor
    let epsilon: Float

    func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        piecewise(x, context.parts(0..<x.shape[0], name: name + ".weight")) { x, part in
            rmsNorm(x, weight: part.weight?.vector ?? weight, epsilon: epsilon, gradient: part.gradient)
        }
    }
}

/// The embedding of tokens.
struct EmbeddingLayer: Sendable {
    static let name = "model.embed_tokens"
    let table: PackedMatrix

    func callAsFunction(_ ids: [Int32], _ context: ForwardContext) -> Tensor {
        let parts = context.parts(0..<ids.count, name: Self.name + ".weight")
        guard let part = parts.first, parts.count > 1 else {
            return embedding(ids, table: parts.first?.weight?.matrix ?? table, gradient: parts.first?.gradient)
        }
        precondition(context.pass == nil, "embedding: rows of one adapter, expected when it is trained: \(part.rows)")
        return stacked(parts.map { embedding(Array(ids[$0.rows]), table: $0.weight?.matrix ?? table) })
    }
}

/// Applies a body to all rows, or where adapters have weights of their own to each part of the rows.
private func piecewise(_ x: Tensor, _ parts: [WeightPart], _ body: (Tensor, WeightPart) -> Tensor) -> Tensor {
    if parts.count == 1 { return body(x, parts[0]) }
    precondition(x.node == nil, "rows of several adapters can't be trained together")
    return stacked(parts.map { body(x.rows($0.rows), $0) })
}

/// Tensors of one width, one below the other; off the tape.
private func stacked(_ parts: [Tensor]) -> Tensor {
    let shape = parts.first.map { Array($0.shape.dropFirst()) } ?? []
    let y = Tensor(shape: [parts.reduce(0) { $0 + $1.shape[0] }] + shape)
    var row = 0
    for part in parts {
        y.rows(row..<row + part.shape[0]).floats.update(from: part.floats, count: part.count)
        row += part.shape[0]
    }
    return y
}
