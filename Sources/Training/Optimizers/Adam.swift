/// Adam with an L2 penalty: the decay is a part of the gradient, and so is divided by the second moment as well.
///
///     g ← g + λ·p
///     m, v and p as in `AdamW`, without its first line
///
/// Weights with large gradients decay less than under `AdamW`, which is why that one is the usual choice.
///
/// Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1; the order of operations is that of `torch.optim.Adam`.
public struct Adam: UpdateRule, Equatable {
    /// β and ε.
    public var moments: AdamMoments
    /// λ, what is added to the gradient for each unit of the parameter.
    public var weightDecay: Double

    /// An optimizer; the defaults are PyTorch's.
    public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0) {
        precondition(weightDecay >= 0, "Adam: weight decay \(weightDecay), expected ≥ 0")
        moments = AdamMoments(beta1: beta1, beta2: beta2, epsilon: epsilon)
        self.weightDecay = weightDecay
    }

    /// Running means of the gradients and of their squares.
    public var memoryNames: [String] { AdamMoments.names }

    /// See the protocol.
    public func update(step: Int, learningRate: Double, gradientScale: Float) -> any ElementwiseUpdate {
        AdamUpdate(
            moments: moments, step: step, learningRate: learningRate, gradientScale: gradientScale, keep: 1,
            penalty: Float(weightDecay))
    }
}
