import Foundation
import QwenModel
import TensorCore

/// What the model's matrices ask of a machine: operations by the token and bytes by the pass.
///
/// A lower bound of the time, therefore: norms, attention, sampling and the adapter's own products come on top.
///
/// Of a block's experts a token asks for a few; which of them a pass reads is taken to be chance.
struct ModelWork: Sendable {
    /// Matrices of the blocks that every token goes through, and those of experts.
    private let shared, experts: Matrices
    /// The vocabulary projection.
    private let head: Matrices
    /// Share of the experts that a token goes through.
    private let share: Double
    let limits: MachineLimits
    let type: ElementType

    init(_ model: QwenModel, limits: MachineLimits) {
        let layers = model.linearLayers
        shared = Matrices(layers.dropLast().filter { !$0.name.contains(".experts.") })
        experts = Matrices(layers.filter { $0.name.contains(".experts.") })
        head = Matrices(layers.suffix(1))
        share = model.configuration.experts.map { Double($0.perToken) / Double($0.count) } ?? 1
        self.limits = limits
        type = model.precision
    }

    /// Seconds for one pass: arithmetic or reading all weights once, whichever takes longer.
    ///
    /// - Parameter tokens: Rows that go through the blocks.
    /// - Parameter predictions: Rows that go through the vocabulary projection.
    func pass(tokens: Double, predictions: Double) -> Double {
        let operations =
            2 * (tokens * (shared.numbers + experts.numbers * share) + predictions * head.numbers)
        let asked = 1 - pow(1 - share, tokens)
        let read = shared.bytes + experts.bytes * asked + (predictions > 0 ? head.bytes : 0)
        return max(operations / limits.arithmetic(type), read / limits.bandwidth)
    }

    /// Seconds for the gradient of an adapter on every layer: the forward pass, and as much again backwards to the inputs.
    func gradient(tokens: Double, predictions: Double) -> Double { 2 * pass(tokens: tokens, predictions: predictions) }
}

/// Sums over matrices.
private struct Matrices: Sendable {
    /// Numbers in them.
    let numbers: Double
    /// Bytes of them in memory.
    let bytes: Double

    init(_ layers: some Sequence<LinearLayer>) {
        numbers = layers.reduce(0) { $0 + Double($1.inputs * $1.outputs) }
        bytes = layers.reduce(0) { $0 + Double($1.weightBytes) }
    }
}
