import TensorCore

extension Tensor {
    /// −x.
    func negated() -> Tensor { Tensor(toArray().map { -$0 }, shape: shape) }

    /// The rows of this and, below them, of another.
    func above(_ other: Tensor) -> Tensor {
        let y = Tensor(shape: [shape[0] + other.shape[0], other.shape[1]])
        y.floats.update(from: floats, count: count)
        (y.floats + count).update(from: other.floats, count: other.count)
        return y
    }

    /// The columns of this and, to their right, of another.
    func beside(_ other: Tensor) -> Tensor {
        let (left, right) = (shape[1], other.shape[1])
        let y = Tensor(shape: [shape[0], left + right])
        for row in 0..<shape[0] {
            let target = y.floats + row * (left + right)
            target.update(from: floats + row * left, count: left)
            (target + left).update(from: other.floats + row * right, count: right)
        }
        return y
    }
}
