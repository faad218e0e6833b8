import CKernels

/// Adds rows to chosen rows of a tensor: how the outputs of experts come back to their tokens.
///
///     y = x,  then y[rows[i]] += s[i] in the order of i        dx = dy,  ds[i] = dy[rows[i]]
///
/// - Parameter x: `[N, C]`.
/// - Parameter addends: s, `[rows, C]`.
/// - Parameter rows: Row numbers of x; one may be named more than once, or never.
/// - Returns: `[N, C]`.
public func addRows(_ x: Tensor, _ addends: Tensor, at rows: [Int]) -> Tensor {
    precondition(
        x.shape.count == 2 && addends.shape == [rows.count, x.shape[1]],
        "addRows: addends are \(addends.shape), expected [\(rows.count), \(x.dimension(-1))] for x \(x.shape)")
    precondition(rows.allSatisfy { $0 >= 0 && $0 < x.shape[0] }, "addRows: a row is outside \(x.shape)")
    let width = x.shape[1]
    let y = x.copy()
    // Threads take columns, so that each row has its addends in order.
    parallelFor(width, pieces: 256) { columns in
        for (index, row) in rows.enumerated() {
            let target = y.floats + row * width + columns.lowerBound
            ck_add(target, target, addends.floats + index * width + columns.lowerBound, columns.count)
        }
    }
    return record(y, from: x, addends) { dy in
        let daddends = Tensor(shape: [rows.count, width])
        copyRows(rows, of: dy, to: daddends)
        return [dy, daddends]
    }
}
