import CKernels

private let elementsPerPiece = 1 << 14

/// Adds two tensors of one shape.
///
///     y = a + b        da = db = dy
///
/// - Returns: The shape of a.
public func add(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(a.shape == b.shape, "add: \(a.shape) and \(b.shape)")
    let y = Tensor(shape: a.shape)
    parallelFor(y.count, pieces: elementsPerPiece) { range in
        let start = range.lowerBound
        ck_add(y.floats + start, a.floats + start, b.floats + start, range.count)
    }
    return record(y, from: a, b) { dy in [dy, dy] }
}

/// The gated activation of the feed-forward layer.
///
///     y = silu(g) · u        silu(g) = g σ(g)
///     du = dy · silu(g)      dg = dy · u · (σ + g σ (1 − σ))
///
/// Source: Shazeer 2020, arXiv:2002.05202.
/// - Parameter gate: g, any shape.
/// - Parameter up: u, the shape of gate.
/// - Returns: The shape of gate.
public func swiGLU(gate: Tensor, up: Tensor) -> Tensor {
    precondition(gate.shape == up.shape, "swiGLU: gate \(gate.shape), up \(up.shape)")
    let (savedGate, savedUp) = (gate.detached, up.detached)
    func forward() -> Tensor {
        let y = Tensor(shape: savedGate.shape)
        parallelFor(y.count, pieces: elementsPerPiece) { range in
            let start = range.lowerBound
            ck_swiglu(y.floats + start, savedGate.floats + start, savedUp.floats + start, range.count)
        }
        return y
    }
    return record(forward(), from: gate, up, remake: forward) { dy in
        let (dgate, dup) = (Tensor(shape: savedGate.shape), Tensor(shape: savedUp.shape))
        parallelFor(dy.count, pieces: elementsPerPiece) { range in
            let start = range.lowerBound
            ck_swiglu_backward(
                dgate.floats + start, dup.floats + start, dy.floats + start, savedGate.floats + start,
                savedUp.floats + start, range.count)
        }
        return [dgate, dup]
    }
}

/// Rounds to bfloat16 and back: what a half-precision key/value store will hold. The gradient passes unchanged.
///
/// - Returns: The shape of x.
public func roundedToBFloat16(_ x: Tensor) -> Tensor {
    let y = Tensor(shape: x.shape)
    parallelFor(y.count, pieces: elementsPerPiece) { range in
        ck_round_bf16(y.floats + range.lowerBound, x.floats + range.lowerBound, range.count)
    }
    return record(y, from: x) { dy in [dy] }
}

/// Picks rows.
///
///     y[i] = x[rows[i]]        dx[rows[i]] += dy[i]
///
/// - Parameter x: `[N, C]`.
/// - Parameter rows: Row numbers; a row may be picked more than once.
/// - Returns: `[rows, C]`.
public func selectRows(_ x: Tensor, _ rows: [Int]) -> Tensor {
    precondition(rows.allSatisfy { $0 >= 0 && $0 < x.shape[0] }, "selectRows: a row is outside \(x.shape)")
    let width = x.shape[1]
    let y = Tensor(shape: [rows.count, width])
    for (index, row) in rows.enumerated() {
        (y.floats + index * width).update(from: x.floats + row * width, count: width)
    }
    let shape = x.shape
    return record(y, from: x) { dy in
        let dx = Tensor.zeros(shape)
        for (index, row) in rows.enumerated() {
            ck_add(dx.floats + row * width, dx.floats + row * width, dy.floats + index * width, width)
        }
        return [dx]
    }
}
