/// Stochastic gradient descent with momentum and an L2 penalty.
///
///     g ← g + λ·p
///     b ← μ·b + g                    b = g at the first step
///     p ← p − lr·b                   Nesterov: p ← p − lr·(g + μ·b)
///
/// In the order of operations of `torch.optim.SGD`. Needs half of Adam's memory, and a learning rate of another order of
/// magnitude, since nothing divides by the gradient's size.
///
/// Sources: Polyak 1964 (momentum); Sutskever et al. 2013 (Nesterov's form). Leaves out: dampening.
public struct SGD: UpdateRule, Equatable {
    /// μ; 0 is plain descent.
    public var momentum: Double
    /// Whether the gradient is taken as if the momentum had moved the parameters already.
    public var nesterov: Bool
    /// λ, what is added to the gradient for each unit of the parameter.
    public var weightDecay: Double

    /// An optimizer; 0.9 is the usual momentum.
    public init(momentum: Double = 0.9, nesterov: Bool = false, weightDecay: Double = 0) {
        precondition(
            (0..<1).contains(momentum) && weightDecay >= 0,
            "SGD: momentum \(momentum) must be in [0, 1), weight decay \(weightDecay) ≥ 0")
        self.momentum = momentum
        self.nesterov = nesterov
        self.weightDecay = weightDecay
    }

    /// The momentum, where there is one.
    public var memoryNames: [String] { momentum == 0 ? [] : ["momentum"] }

    /// See the protocol.
    public func update(step: Int, learningRate: Double, gradientScale: Float) -> any ElementwiseUpdate {
        SGDUpdate(
            gradientScale: gradientScale, penalty: Float(weightDecay), momentum: Float(momentum), nesterov: nesterov,
            learningRate: Float(learningRate))
    }
}

/// One step of SGD.
private struct SGDUpdate: ElementwiseUpdate {
    let gradientScale: Float
    let penalty: Float
    let momentum: Float
    let nesterov: Bool
    let learningRate: Float

    func apply(_ piece: UpdatePiece) {
        let (p, g) = (piece.parameters, piece.gradients)
        let buffer = piece.memory.first
        piece.forEachLane { lane in
            var gradient = g[lane] * gradientScale
            if penalty != 0 { gradient += penalty * p[lane] }
            if let buffer {
                let velocity = momentum * buffer[lane] + gradient
                buffer[lane] = velocity
                gradient = nesterov ? gradient + momentum * velocity : velocity
            }
            p[lane] -= learningRate * gradient
        }
    }
}
