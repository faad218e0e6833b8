import CKernels
import Foundation

/// Cosines and sines of the rotary embedding, grown as positions are needed.
///
///     angle[p, i] = p · inverseFrequencies[i],  both times the attention factor
///
/// Source: Su et al. 2021, arXiv:2104.09864.
public final class RotaryTable: @unchecked Sendable {
    /// cos and sin, each `[positions, D/2]`.
    public let cosines: Tensor
    /// See `cosines`.
    public let sines: Tensor
    /// How many positions the table covers.
    public let positions: Int

    /// A table for positions below `positions`.
    ///
    /// - Parameter inverseFrequencies: Radians a position for each pair of channels, `[D/2]`.
    /// - Parameter factor: What cosines and sines are multiplied by (1, or YaRN's attention factor).
    public init(inverseFrequencies: [Float], factor: Float, positions: Int) {
        self.positions = positions
        let half = inverseFrequencies.count
        let (cosines, sines) = (Tensor(shape: [positions, half]), Tensor(shape: [positions, half]))
        parallelFor(positions, pieces: 64) { range in
            for position in range {
                for (index, frequency) in inverseFrequencies.enumerated() {
                    let angle = Double(Float(position) * frequency)
                    cosines.floats[position * half + index] = Float(cos(angle)) * factor
                    sines.floats[position * half + index] = Float(sin(angle)) * factor
                }
            }
        }
        (self.cosines, self.sines) = (cosines, sines)
    }
}

/// Rotates each head's two halves by the angles of the row's position.
///
///     y₁ = x₁ cos − x₂ sin      y₂ = x₂ cos + x₁ sin      (dx: the same with −sin)
///
/// - Parameter x: `[N, heads · D]`.
/// - Parameter positions: The position of each row, below the table's.
/// - Returns: The shape of x.
public func rotary(_ x: Tensor, positions: [Int32], headWidth: Int, table: RotaryTable) -> Tensor {
    precondition(
        x.shape.count == 2 && x.shape[0] == positions.count && x.shape[1] % headWidth == 0
            && table.cosines.shape[1] * 2 == headWidth,
        "rotary: x \(x.shape), \(positions.count) positions, head width \(headWidth), table \(table.cosines.shape)")
    let y = rotated(x, positions, headWidth, table, sign: 1)
    return record(y, from: x) { dy in [rotated(dy, positions, headWidth, table, sign: -1)] }
}

private func rotated(_ x: Tensor, _ positions: [Int32], _ width: Int, _ table: RotaryTable, sign: Float) -> Tensor {
    let y = Tensor(shape: x.shape)
    let stride = x.shape[1]
    positions.withUnsafeBufferPointer { positions in
        guard let base = positions.baseAddress else { return }
        nonisolated(unsafe) let start = base
        parallelFor(x.shape[0], pieces: max(1, 8192 / stride)) { rows in
            ck_rope(
                y.floats + rows.lowerBound * stride, x.floats + rows.lowerBound * stride, table.cosines.floats,
                table.sines.floats, start + rows.lowerBound, rows.count, stride / width, width, sign)
        }
    }
    return y
}
