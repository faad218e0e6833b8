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
    copyRows(rows, of: x, to: y)
    let (shape, saved) = (x.shape, x.node == nil ? nil : x.saved)
    let remake = saved.map { source in
        { () -> Tensor in
            let y = Tensor(shape: [rows.count, width])
            copyRows(rows, of: source(), to: y)
            return y
        }
    }
    return record(y, from: x, remake: remake) { dy in
        let dx = Tensor.zeros(shape)
        parallelFor(width, pieces: 256) { columns in
            for (index, row) in rows.enumerated() {
                let target = dx.floats + row * width + columns.lowerBound
                ck_add(target, target, dy.floats + index * width + columns.lowerBound, columns.count)
            }
        }
        return [dx]
    }
}

/// target[i] = source[rows[i]].
func copyRows(_ rows: [Int], of source: Tensor, to target: Tensor) {
    let width = source.shape[1]
    parallelFor(rows.count, pieces: max(1, 8192 / max(1, width))) { range in
        for index in range {
            (target.floats + index * width).update(from: source.floats + rows[index] * width, count: width)
        }
    }
}
