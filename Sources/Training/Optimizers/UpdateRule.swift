/// How an optimizer turns gradients into steps: a value with its settings, chosen once from the recipe.
///
/// Every rule works element by element, so its result does not depend on how the buffers are cut: threads may update
/// disjoint pieces.
public protocol UpdateRule: Sendable {
    /// What it remembers for each parameter, under the names that checkpoints use.
    var memoryNames: [String] { get }
    /// The weight decay; what it multiplies is said where the rule is.
    var weightDecay: Double { get set }

    /// The factors of one step, the same for every parameter.
    ///
    /// - Parameter step: Number of the step; the first is 1.
    /// - Parameter learningRate: lr of this step.
    /// - Parameter gradientScale: What gradients are multiplied by first, from `GradientNorm.scale(for:)`.
    func update(step: Int, learningRate: Double, gradientScale: Float) -> any ElementwiseUpdate
}

/// One step's factors and the elementwise update that they define.
public protocol ElementwiseUpdate: Sendable {
    /// Updates a piece of the parameters and of what is remembered of them; pieces may be updated in any order and at
    /// once.
    func apply(_ piece: UpdatePiece)
}

/// Some neighbouring parameters with all that belongs to them, each `[N]`.
public struct UpdatePiece {
    /// What is trained.
    public let parameters: UnsafeMutableBufferPointer<Float>
    /// Derivatives by the parameters.
    public let gradients: UnsafeBufferPointer<Float>
    /// What the rule remembers, in the order of its names; zero before the first step.
    public let memory: [UnsafeMutableBufferPointer<Float>]

    /// A part of it.
    func slice(_ range: Range<Int>) -> UpdatePiece {
        UpdatePiece(
            parameters: UnsafeMutableBufferPointer(rebasing: parameters[range]),
            gradients: UnsafeBufferPointer(rebasing: gradients[range]),
            memory: memory.map { UnsafeMutableBufferPointer(rebasing: $0[range]) })
    }

    /// Runs `body` for eight neighbours at a time, and for the last ones one by one: the same bits as of each alone.
    @inline(__always)
    func forEachLane(_ body: (Lane) -> Void) {
        let whole = parameters.count & ~7
        for index in stride(from: 0, to: whole, by: 8) { body(Lane(index: index, isWhole: true)) }
        for index in whole..<parameters.count { body(Lane(index: index, isWhole: false)) }
    }
}

/// A place in a piece: eight neighbours, or a single one.
struct Lane {
    let index: Int
    let isWhole: Bool
}

extension UnsafeMutableBufferPointer<Float> {
    /// The numbers at a place; a single one fills all eight.
    @inline(__always)
    subscript(lane: Lane) -> SIMD8<Float> {
        get { UnsafeBufferPointer(self)[lane] }
        nonmutating set {
            if lane.isWhole {
                UnsafeMutableRawBufferPointer(self).storeBytes(
                    of: newValue, toByteOffset: lane.index * 4, as: SIMD8<Float>.self)
            } else {
                self[lane.index] = newValue[0]
            }
        }
    }
}

extension UnsafeBufferPointer<Float> {
    /// The numbers at a place; a single one fills all eight.
    @inline(__always)
    subscript(lane: Lane) -> SIMD8<Float> {
        guard lane.isWhole else { return SIMD8(repeating: self[lane.index]) }
        return UnsafeRawBufferPointer(self).loadUnaligned(fromByteOffset: lane.index * 4, as: SIMD8<Float>.self)
    }
}
