import QwenModel
import TensorCore

/// What the model's matrices ask of a machine: operations by the token and bytes by the pass.
///
/// A lower bound of the time, therefore: norms, attention, sampling and the adapter's own products come on top.
struct ModelWork: Sendable {
    /// Numbers in the matrices of all blocks.
    let blocks: Double
    /// Numbers in the vocabulary projection.
    let head: Double
    /// Bytes of both in memory.
    let bytes: (blocks: Double, head: Double)
    let limits: MachineLimits
    let type: ElementType

    init(_ model: QwenModel, limits: MachineLimits) {
        let layers = model.linearLayers
        blocks = layers.dropLast().reduce(0) { $0 + Double($1.inputs * $1.outputs) }
        head = layers.last.map { Double($0.inputs * $0.outputs) } ?? 0
        bytes = (
            layers.dropLast().reduce(0) { $0 + Double($1.weightBytes) }, layers.last.map { Double($0.weightBytes) } ?? 0
        )
        self.limits = limits
        type = model.precision
    }

    /// Seconds for one pass: arithmetic or reading all weights once, whichever takes longer.
    ///
    /// - Parameter tokens: Rows that go through the blocks.
    /// - Parameter predictions: Rows that go through the vocabulary projection.
    func pass(tokens: Double, predictions: Double) -> Double {
        let operations = 2 * (tokens * blocks + predictions * head)
        let read = bytes.blocks + (predictions > 0 ? bytes.head : 0)
        return max(operations / limits.arithmetic(type), read / limits.bandwidth)
    }

    /// Seconds for the gradient of an adapter on every layer: the forward pass, and as much again backwards to the inputs.
    func gradient(tokens: Double, predictions: Double) -> Double { 2 * pass(tokens: tokens, predictions: predictions) }
}
