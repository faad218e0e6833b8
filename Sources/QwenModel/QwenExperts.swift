import TensorCore

/// The second half of a block: one gated layer for all tokens, or several of which each token uses a few.
enum FeedForward: Sendable {
    case dense(QwenMLP)
    case sparse(QwenExperts)

    var layers: [LinearLayer] {
        switch self {
        case .dense(let mlp): mlp.layers
        case .sparse(let experts): experts.layers
        }
    }

    func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        switch self {
        case .dense(let mlp): mlp(x, context)  // [N, C]
        case .sparse(let experts): experts(x, context)  // [N, C]
        }
    }
}

/// A mixture of experts: a router sends each token to K of E gated feed-forward layers and adds up what they give.
///
///     y[n] = Σ_e w[n,e] · expert_e(x[n])        over the chosen experts, in the order of their numbers
///
/// Rows are gathered by expert, so that each expert's weights are read once. A token's sum has one order and its experts'
/// products depend on its row alone: the result is the same bits whatever else is in the batch. The router computes in
/// single precision at any precision of the model, since a choice between nearly equal experts is not to hang on
/// rounding; of equal ones the lower number comes first.
///
/// Source: Qwen3, arXiv:2505.09388, section 2.
struct QwenExperts: Sendable {
    let router: LinearLayer
    let experts: [QwenMLP]
    let perToken: Int
    let renormalizes: Bool

    var layers: [LinearLayer] { [router] + experts.flatMap(\.layers) }

    func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let choice = chooseExperts(
            router(x, context), count: perToken, renormalized: renormalizes, balance: context.balance)
        let order = ExpertOrder(choice.experts, perToken: perToken, experts: experts.count)
        let uses = order.ranges.enumerated().filter { !$1.isEmpty }.map { expert, rows in
            Use(expert: expert, rows: rows, context: context.selecting(order.rows[rows]))
        }
        let x̂ = selectRows(x, order.rows)  // [N·K, C]
        let inputs = grouped(x̂, [\.gate, \.up], uses)  // [N·K, F] each
        let y = grouped(swiGLU(gate: inputs[0], up: inputs[1]), [\.down], uses)[0]  // [N·K, C]
        let weights = selectRows(choice.weights.reshaped([order.rows.count, 1]), order.slots)  // [N·K, 1]
        return addRows(.zeros(x.shape), scaleRows(y, by: weights), at: order.rows)  // [N, C]
    }

    /// An expert with the rows that are sent to it.
    private struct Use {
        let expert: Int
        let rows: Range<Int>
        let context: ForwardContext
    }

    /// Applies to each expert's rows that expert's layers, all of which read x.
    private func grouped(_ x: Tensor, _ layers: [KeyPath<QwenMLP, LinearLayer>], _ uses: [Use]) -> [Tensor] {
        let weights = layers.map { path in
            let parts = uses.flatMap { experts[$0.expert][keyPath: path].parts($0.rows, $0.context) }
            let none = LinearPart(rows: 0..<0, weight: experts[0][keyPath: path].weight)
            return LinearWeights(
                parts: parts.isEmpty ? [none] : parts,
                lowRank: uses.flatMap { experts[$0.expert][keyPath: path].terms($0.rows, $0.context) })
        }
        return linear(x, layers: weights, units: uses.flatMap { $0.context.pass?.units ?? [] })
    }
}

/// The rows of a batch sorted by the experts that they are sent to; those of one expert in their own order.
struct ExpertOrder {
    /// The row of each pair of a row and one of its experts.
    let rows: [Int]
    /// Where the pair stands among the choices, row · K + rank.
    let slots: [Int]
    /// Each expert's part of the pairs.
    let ranges: [Range<Int>]

    /// - Parameter choices: K experts for each row.
    init(_ choices: [Int], perToken: Int, experts: Int) {
        var counts = [Int](repeating: 0, count: experts + 1)
        for expert in choices { counts[expert + 1] += 1 }
        for expert in 0..<experts { counts[expert + 1] += counts[expert] }
        ranges = (0..<experts).map { counts[$0]..<counts[$0 + 1] }
        var slots = [Int](repeating: 0, count: choices.count)
        for (slot, expert) in choices.enumerated() {
            slots[counts[expert]] = slot
            counts[expert] += 1
        }
        self.slots = slots
        rows = slots.map { $0 / perToken }
    }
}

extension WeightReader {
    /// The feed-forward layer of a block.
    func feedForward(_ layer: Int, _ name: String, _ c: QwenConfiguration) throws -> FeedForward {
        guard let experts = c.experts, experts.isSparse[layer] else {
            return .dense(try mlp(name, c, width: c.intermediateSize))
        }
        let exact = WeightReader(source: source, precision: .float32, weights: weights)
        return .sparse(
            QwenExperts(
                router: try exact.linear(name + ".gate", rows: experts.count, columns: c.hiddenSize, bias: false),
                experts: try (0..<experts.count).map {
                    try mlp("\(name).experts.\($0)", c, width: experts.intermediateSize)
                },
                perToken: experts.perToken, renormalizes: experts.renormalizes))
    }
}
