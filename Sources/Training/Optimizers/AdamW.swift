/// Adam with decoupled weight decay, on flat buffers of fp32.
///
///     p ← p · (1 − lr·λ)
///     m ← m + (1 − β1)·(g − m)
///     v ← β2·v + (1 − β2)·g²
///     p ← p − lr / (1 − β1^t) · m / ( √v / √(1 − β2^t) + ε )
///
/// Elementwise, in the order of operations of `torch.optim.AdamW`: the result does not depend on how the buffers are
/// cut, so threads may update disjoint pieces.
///
/// Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2. Leaves out: AMSGrad.
public struct AdamW: Sendable, Equatable {
    /// Decay of the mean of the gradients; 0.9 averages over about ten steps.
    public var beta1: Double
    /// Decay of the mean of the squared gradients.
    public var beta2: Double
    /// Added to the root of the second moment; bounds the step where gradients vanish.
    public var epsilon: Double
    /// λ, the share of a parameter that is taken away for each unit of learning rate.
    public var weightDecay: Double

    /// An optimizer; the defaults are PyTorch's but for the weight decay, which adapters do without.
    public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0) {
        precondition(
            (0..<1).contains(beta1) && (0..<1).contains(beta2) && epsilon >= 0 && weightDecay >= 0,
            "AdamW: betas \(beta1), \(beta2) must be in [0, 1), epsilon \(epsilon) and weight decay \(weightDecay) ≥ 0")
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
    }

    /// The factors of one step, the same for every parameter.
    ///
    /// - Parameter step: Number of the step; the first is 1.
    /// - Parameter learningRate: lr of this step.
    /// - Parameter gradientScale: What gradients are multiplied by first, from `GradientNorm.scale(for:)`.
    public func update(step: Int, learningRate: Double, gradientScale: Float = 1) -> AdamWUpdate {
        precondition(step >= 1, "AdamW: step is \(step), expected 1 for the first")
        return AdamWUpdate(
            gradientScale: gradientScale, keep: Float(1 - learningRate * weightDecay),
            newFirst: Float(1 - beta1), isFirstMostlyNew: 1 - beta1 >= 0.5, oldSecond: Float(beta2),
            newSecond: Float(1 - beta2), secondCorrection: Float((1 - power(beta2, step)).squareRoot()),
            epsilon: Float(epsilon), stepSize: Float(learningRate / (1 - power(beta1, step))))
    }

    /// `base` to a whole power, by squaring.
    private func power(_ base: Double, _ exponent: Int) -> Double {
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
}

/// One step's factors and the elementwise update they define.
public struct AdamWUpdate: Sendable, Equatable {
    let gradientScale: Float
    let keep: Float
    let newFirst: Float
    let isFirstMostlyNew: Bool
    let oldSecond: Float
    let newSecond: Float
    let secondCorrection: Float
    let epsilon: Float
    let stepSize: Float

    /// Updates a piece of the parameters and of their moments; pieces may be updated in any order and at once.
    ///
    /// - Parameter parameters: What is trained, `[N]`.
    /// - Parameter gradients: Derivatives by the parameters, `[N]`.
    /// - Parameter firstMoment: Running mean of the gradients, `[N]`; zero before the first step.
    /// - Parameter secondMoment: Running mean of their squares, `[N]`; zero before the first step.
    public func apply(
        parameters: UnsafeMutableBufferPointer<Float>, gradients: UnsafeBufferPointer<Float>,
        firstMoment: UnsafeMutableBufferPointer<Float>, secondMoment: UnsafeMutableBufferPointer<Float>
    ) {
        let count = parameters.count
        precondition(
            gradients.count == count && firstMoment.count == count && secondMoment.count == count,
            "AdamW: \(count) parameters with \(gradients.count) gradients, moments \(firstMoment.count), \(secondMoment.count)"
        )
        let (p, m, v) = (Lanes(parameters), Lanes(firstMoment), Lanes(secondMoment))
        let g = UnsafeRawBufferPointer(gradients)
        let whole = count & ~7
        for index in stride(from: 0, to: whole, by: 8) {
            let gradient = g.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self)
            let (parameter, first, second) = next(p[index], gradient, m[index], v[index])
            p[index] = parameter
            m[index] = first
            v[index] = second
        }
        for index in whole..<count {
            func wide(_ value: Float) -> SIMD8<Float> { SIMD8(repeating: value) }
            let (parameter, first, second) = next(
                wide(parameters[index]), wide(gradients[index]), wide(firstMoment[index]), wide(secondMoment[index]))
            parameters[index] = parameter[0]
            firstMoment[index] = first[0]
            secondMoment[index] = second[0]
        }
    }

    /// The update of eight parameters; the same bits as of each alone.
    @inline(__always)
    private func next(_ p: SIMD8<Float>, _ g: SIMD8<Float>, _ m: SIMD8<Float>, _ v: SIMD8<Float>)
        -> (parameter: SIMD8<Float>, first: SIMD8<Float>, second: SIMD8<Float>)
    {
        let gradient = g * gradientScale
        let change = gradient - m
        let first = isFirstMostlyNew ? gradient - change * (1 - newFirst) : m + newFirst * change
        let second = v * oldSecond + newSecond * gradient * gradient
        let root = second.squareRoot() / secondCorrection + epsilon
        return (p * keep - stepSize * first / root, first, second)
    }
}

/// Eight neighbours of a buffer at a time, wherever they start.
private struct Lanes {
    private let bytes: UnsafeMutableRawBufferPointer

    init(_ buffer: UnsafeMutableBufferPointer<Float>) { bytes = UnsafeMutableRawBufferPointer(buffer) }

    @inline(__always)
    subscript(index: Int) -> SIMD8<Float> {
        get { bytes.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self) }
        nonmutating set { bytes.storeBytes(of: newValue, toByteOffset: index * 4, as: SIMD8<Float>.self) }
    }
}

/// What AdamW remembers between steps: plain arrays, for checkpoints.
public struct AdamWState: Sendable, Equatable {
    /// Steps taken.
    public private(set) var step: Int
    /// Running mean of the gradients, `[N]`.
    public private(set) var firstMoment: [Float]
    /// Running mean of the squared gradients, `[N]`.
    public private(set) var secondMoment: [Float]

    /// The state before the first step.
    public init(count: Int) {
        step = 0
        firstMoment = [Float](repeating: 0, count: count)
        secondMoment = firstMoment
    }

    /// A state that was saved.
    public init(step: Int, firstMoment: [Float], secondMoment: [Float]) {
        precondition(
            step >= 0 && firstMoment.count == secondMoment.count,
            "AdamWState: step \(step), moments of \(firstMoment.count) and \(secondMoment.count) parameters")
        self.step = step
        self.firstMoment = firstMoment
        self.secondMoment = secondMoment
    }

    /// Takes a step on all parameters.
    ///
    /// - Parameter parameters: What is trained, `[N]`.
    /// - Parameter gradients: Derivatives by the parameters, `[N]`.
    /// - Parameter forEachPiece: Runs its argument on pieces that cover the range once, perhaps on many threads; the
    ///   result is the same bits for each way to cut.
    public mutating func advance(
        _ optimizer: AdamW, parameters: UnsafeMutableBufferPointer<Float>, gradients: UnsafeBufferPointer<Float>,
        learningRate: Double, gradientScale: Float = 1,
        forEachPiece: (Range<Int>, @Sendable (Range<Int>) -> Void) -> Void = { $1($0) }
    ) {
        precondition(
            parameters.count == firstMoment.count && gradients.count == firstMoment.count,
            "AdamWState: \(parameters.count) parameters, \(gradients.count) gradients, expected \(firstMoment.count)")
        step += 1
        let update = optimizer.update(step: step, learningRate: learningRate, gradientScale: gradientScale)
        firstMoment.withUnsafeMutableBufferPointer { first in
            secondMoment.withUnsafeMutableBufferPointer { second in
                // Pieces don't overlap, so threads never touch the same element.
                nonisolated(unsafe) let (parameters, gradients, first, second) = (parameters, gradients, first, second)
                forEachPiece(parameters.indices) { piece in
                    update.apply(
                        parameters: UnsafeMutableBufferPointer(rebasing: parameters[piece]),
                        gradients: UnsafeBufferPointer(rebasing: gradients[piece]),
                        firstMoment: UnsafeMutableBufferPointer(rebasing: first[piece]),
                        secondMoment: UnsafeMutableBufferPointer(rebasing: second[piece]))
                }
            }
        }
    }
}
