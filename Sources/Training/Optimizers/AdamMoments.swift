/// The running means that Adam and AdamW share.
public struct AdamMoments: Sendable, Equatable {
    /// Decay of the mean of the gradients; 0.9 averages over about ten steps.
    public var beta1: Double
    /// Decay of the mean of the squared gradients.
    public var beta2: Double
    /// Added to the root of the second moment; bounds the step where gradients vanish.
    public var epsilon: Double

    /// The running means' names in checkpoints.
    static let names = ["first_moment", "second_moment"]

    init(beta1: Double, beta2: Double, epsilon: Double) {
        precondition(
            (0..<1).contains(beta1) && (0..<1).contains(beta2) && epsilon >= 0,
            "AdamMoments: betas \(beta1), \(beta2) must be in [0, 1), epsilon \(epsilon) ≥ 0")
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
    }
}

/// One step of Adam or AdamW.
struct AdamUpdate: ElementwiseUpdate {
    private let gradientScale: Float
    /// What a parameter is multiplied by first (decoupled decay).
    private let keep: Float
    /// The share of the parameter that is added to its gradient (L2).
    private let penalty: Float
    private let newFirst: Float
    private let isFirstMostlyNew: Bool
    private let oldSecond: Float
    private let newSecond: Float
    private let secondCorrection: Float
    private let epsilon: Float
    private let stepSize: Float

    init(
        moments: AdamMoments, step: Int, learningRate: Double, gradientScale: Float, keep: Float, penalty: Float
    ) {
        precondition(step >= 1, "AdamUpdate: step is \(step), expected 1 for the first")
        self.gradientScale = gradientScale
        self.keep = keep
        self.penalty = penalty
        newFirst = Float(1 - moments.beta1)
        isFirstMostlyNew = 1 - moments.beta1 >= 0.5
        oldSecond = Float(moments.beta2)
        newSecond = Float(1 - moments.beta2)
        secondCorrection = Float((1 - Self.power(moments.beta2, step)).squareRoot())
        epsilon = Float(moments.epsilon)
        stepSize = Float(learningRate / (1 - Self.power(moments.beta1, step)))
    }

    /// `base` to a whole power, by squaring.
    private static func power(_ base: Double, _ exponent: Int) -> Double {
        var result = 1.0
        var square = base
        var rest = exponent
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            square *= square
            rest >>= 1
        }
        return result
    }

    func apply(_ piece: UpdatePiece) {
        let (p, g, m, v) = (piece.parameters, piece.gradients, piece.memory[0], piece.memory[1])
        piece.forEachLane { lane in
            let parameter = p[lane]
            var gradient = g[lane] * gradientScale
            if penalty != 0 { gradient += penalty * parameter }
            let old = m[lane]
            let change = gradient - old
            // PyTorch's interpolation starts from the nearer end.
            let first = isFirstMostlyNew ? gradient - change * (1 - newFirst) : old + newFirst * change
            let second = v[lane] * oldSecond + newSecond * gradient * gradient
            let root = second.squareRoot() / secondCorrection + epsilon
            p[lane] = parameter * keep - stepSize * first / root
            m[lane] = first
            v[lane] = second
        }
    }
}
