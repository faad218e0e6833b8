/// Looks up a row of a table for each id.
///
///     y[n] = table[ids[n]]        dtable[ids[n]] += dy[n]
///
/// - Parameter ids: Row numbers, each below the table's rows.
/// - Parameter table: `[V, C]`.
/// - Parameter gradient: Gradient of the table, `[V, C]`, when it is trained.
/// - Returns: `[N, C]`.
public func embedding(_ ids: [Int32], table: PackedMatrix, gradient: Tensor? = nil) -> Tensor {
    let width = table.columns
    let y = Tensor(shape: [ids.count, width])
    parallelFor(ids.count, pieces: 16) { rows in
        for row in rows { table.readRow(Int(ids[row]), into: y.floats + row * width) }
    }
    return record(y, always: gradient != nil) { dy in
        guard let gradient else { return [] }
        for (row, id) in ids.enumerated() {
            let target = gradient.floats + Int(id) * width
            let source = dy.floats + row * width
            for column in 0..<width { target[column] += source[column] }
        }
        return []
    }
}
