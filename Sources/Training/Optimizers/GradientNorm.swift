/// The Euclidean norm of all gradients together, and the factor that clips it.
///
///     norm  = √( Σ g² )
///     scale = min(1, maximum / (norm + 1e-6))
///
/// Squares are summed in double precision, in pieces of a fixed length that are then added in order, so that the norm is
/// the same bits however many threads summed the pieces.
///
/// Source: Pascanu et al. 2013, arXiv:1211.5063; the formula of `torch.nn.utils.clip_grad_norm_`.
public struct GradientNorm: Sendable, Equatable {
    /// Elements of a piece; part of the definition of the sum.
    public static let pieceLength = 65_536

    private var sum = 0.0

    /// The norm of nothing.
    public init() {}

    /// The norm so far; infinite or NaN when a gradient is.
    public var value: Double { sum.squareRoot() }

    /// Adds a buffer of gradients, piece after piece.
    public mutating func add(_ gradients: UnsafeBufferPointer<Float>) {
        for start in stride(from: 0, to: gradients.count, by: Self.pieceLength) {
            let end = min(start + Self.pieceLength, gradients.count)
            add(Self.sumOfSquares(UnsafeBufferPointer(rebasing: gradients[start..<end])))
        }
    }

    /// Adds one piece's sum of squares; pieces must be added in their order.
    public mutating func add(_ sumOfSquares: Double) { sum += sumOfSquares }

    /// The sum of squares of one piece; threads may sum different pieces at once.
    public static func sumOfSquares(_ piece: UnsafeBufferPointer<Float>) -> Double {
        var lanes = SIMD4<Double>.zero
        let whole = piece.count & ~3
        for index in stride(from: 0, to: whole, by: 4) {
            let values = SIMD4(
                Double(piece[index]), Double(piece[index + 1]), Double(piece[index + 2]), Double(piece[index + 3]))
            lanes += values * values
        }
        var sum = (lanes.x + lanes.y) + (lanes.z + lanes.w)
        for index in whole..<piece.count { sum += Double(piece[index]) * Double(piece[index]) }
        return sum
    }

    /// What gradients must be multiplied by so that their norm is at most `maximum`; 1 when it is already.
    ///
    /// A norm that is not finite gives 0 or NaN: check `value` and leave the step out.
    public func scale(for maximum: Double) -> Float {
        let factor = maximum / (value + 1e-6)
        return factor < 1 ? Float(factor) : factor.isNaN ? .nan : 1
    }
}
