/// Adam with decoupled weight decay.
///
///     p ← p · (1 − lr·λ)
///     m ← m + (1 − β1)·(g − m)
///     v ← β2·v + (1 − β2)·g²
///     p ← p − lr / (1 − β1^t) · m / ( √v / √(1 − β2^t) + ε )
///
/// In the order of operations of `torch.optim.AdamW`.
///
/// Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2. Leaves out: AMSGrad.
public struct AdamW: UpdateRule, Equatable {
    /// β and ε.
    public var moments: AdamMoments
    /// λ, the share of a parameter that is taken away for each unit of learning rate.
    public var weightDecay: Double

    /// An optimizer; the defaults are PyTorch's but for the weight decay, which adapters do without.
    public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0) {
        precondition(weightDecay >= 0, "AdamW: weight decay \(weightDecay), expected ≥ 0")
        moments = AdamMoments(beta1: beta1, beta2: beta2, epsilon: epsilon)
        self.weightDecay = weightDecay
    }

    /// Running means of the gradients and of their squares.
    public var memoryNames: [String] { AdamMoments.names }

    /// See the protocol.
    public func update(step: Int, learningRate: Double, gradientScale: Float) -> any ElementwiseUpdate {
        AdamUpdate(
            moments: moments, step: step, learningRate: learningRate, gradientScale: gradientScale,
            keep: Float(1 - learningRate * weightDecay), penalty: 0)
    }
}
