import CKernels
import COpenBLAS

/// The matrix products that operations are made of. None of them records.
enum Products {
    /// y `[N, rows]` (+)= x `[N, columns]` · weightᵀ. A row's bits depend on that row and the weight alone; where the product is
    /// added, its sums begin with what is there.
    static func multiply(_ y: Tensor, _ x: Tensor, _ weight: PackedMatrix, accumulate: Bool = false) {
        let rows = x.shape[0]
        let (k, n) = (weight.columns, weight.rows)
        precondition(
            x.shape[1] == k && y.shape == [rows, n], "multiply: x \(x.shape), weight [\(n), \(k)], y \(y.shape)")
        precondition(weight.blocks == nil || !accumulate, "multiply: a product with codes begins at zero")
        let input = weight.type == .bfloat16 ? halfRows(x) : x
        let depth = input.shape[1]
        tiles(rows: rows, columns: n) { rowRange, columnRange in
            let out = y.floats + rowRange.lowerBound * n + columnRange.lowerBound
            if var format = weight.blocks?.kernel {
                ck_matmul_blocks(
                    out, n, input.halves + rowRange.lowerBound * depth, depth, rowRange.count,
                    weight.codes(atRow: columnRange.lowerBound, &format), &format, k, columnRange.count)
            } else if weight.type == .bfloat16 {
                ck_matmul_bf16(
                    out, n, input.halves + rowRange.lowerBound * depth, depth, rowRange.count,
                    weight.halves(atRow: columnRange.lowerBound), k, columnRange.count, accumulate)
            } else {
                ck_matmul_f32(
                    out, n, input.floats + rowRange.lowerBound * depth, depth, rowRange.count,
                    weight.floats(atRow: columnRange.lowerBound), k, columnRange.count, accumulate)
            }
        }
    }

    /// dx `[N, columns]` (+)= dy `[N, rows]` · weight. Panels of the transpose are built on the fly, a piece at a time.
    static func multiplyTransposed(_ dx: Tensor, _ dy: Tensor, _ weight: PackedMatrix, accumulate: Bool = false) {
        let rows = dy.shape[0]
        let (k, n) = (weight.columns, weight.rows)
        precondition(
            dy.shape[1] == n && dx.shape == [rows, k], "multiplyTransposed: dy \(dy.shape), weight [\(n), \(k)]")
        let half = weight.type == .bfloat16
        let input = half ? halfRows(dy) : dy
        let depth = input.shape[1]
        let panel = PackedMatrix.panelRows
        if half, weight.blocks == nil, !accumulate, rows <= fewRows {
            return parallelFor(k, pieces: panel * 28) { columns in
                ck_matmul_turned_bf16(
                    dx.floats + columns.lowerBound, k, input.halves, depth, rows, weight.halves(atRow: 0), n, k,
                    columns.lowerBound, columns.count)
            }
        }
        parallelFor(k, pieces: panel * 4) { columns in
            let scratch = Storage(byteCount: turnedRows * panel * 4 * (half ? 2 : 4))
            let out = dx.floats + columns.lowerBound
            for row in stride(from: 0, to: n, by: turnedRows) {
                let count = min(turnedRows, n - row)
                turn(weight, rows: row..<row + count, columns, into: scratch)
                if half {
                    ck_matmul_bf16(
                        out, k, input.halves + row, depth, rows, scratch.pointer.assumingMemoryBound(to: UInt16.self),
                        count, columns.count, accumulate || row > 0)
                } else {
                    ck_matmul_f32(
                        out, k, input.floats + row, depth, rows, scratch.pointer.assumingMemoryBound(to: Float.self),
                        count, columns.count, accumulate || row > 0)
                }
            }
        }
    }

    /// Up to so many rows it is faster to turn each tile of the weights where it is used than to build panels of them.
    private static let fewRows = 4
    /// Rows of a weight that are turned at a time: for 64 columns they stay in the second-level cache.
    private static let turnedRows = 1024

    /// Panels of the transpose of some rows (from a multiple of 16) and at most 64 columns of a weight.
    private static func turn(_ weight: PackedMatrix, rows: Range<Int>, _ columns: Range<Int>, into scratch: Storage) {
        let (panel, k) = (PackedMatrix.panelRows, weight.columns)
        let firstBlock = columns.lowerBound / panel
        let blocks = (columns.count + panel - 1) / panel
        if weight.type != .bfloat16 {
            let out = scratch.pointer.assumingMemoryBound(to: Float.self)
            for block in 0..<blocks {
                ck_transpose_panel_f32(
                    out + block * rows.count * panel, weight.floats(atRow: rows.lowerBound), rows.count, k,
                    firstBlock + block)
            }
            return
        }
        let out = scratch.pointer.assumingMemoryBound(to: UInt16.self)
        let depth = (rows.count + 1) & ~1
        guard var format = weight.blocks?.kernel else {
            for block in 0..<blocks {
                ck_transpose_panel_bf16(
                    out + block * depth * panel, weight.halves(atRow: rows.lowerBound), rows.count, k,
                    firstBlock + block)
            }
            return
        }
        withUnsafeTemporaryAllocation(of: UInt16.self, capacity: panel * columns.count) { expanded in
            for row in stride(from: rows.lowerBound, to: rows.upperBound, by: panel) {
                ck_expand_blocks(
                    expanded.baseAddress, weight.codes(atRow: row, &format), &format, k, columns.lowerBound,
                    columns.count)
                for block in 0..<blocks {
                    ck_transpose_panel_bf16(
                        out + (block * depth + row - rows.lowerBound) * panel, expanded.baseAddress,
                        min(panel, rows.upperBound - row), columns.count, block)
                }
            }
        }
    }

    /// gradient `[n, k]` += dyᵀ · x over the rows of each unit in turn. Tiles of the output have a fixed size and each is
    /// one single-threaded product, so neither threads nor the cutting into batches changes a bit.
    static func accumulateGradient(_ gradient: Tensor, _ dy: Tensor, _ x: Tensor, units: [Range<Int>]) {
        let (n, k) = (dy.shape[1], x.shape[1])
        precondition(gradient.shape == [n, k], "accumulateGradient: gradient \(gradient.shape), expected [\(n), \(k)]")
        useOneThread()
        let tile = 256
        let columnTiles = (k + tile - 1) / tile
        parallelFor((n + tile - 1) / tile * columnTiles) { index in
            let row = index / columnTiles * tile
            let column = index % columnTiles * tile
            for unit in units where !unit.isEmpty {
                cblas_sgemm(
                    CblasRowMajor, CblasTrans, CblasNoTrans, Int32(min(tile, n - row)), Int32(min(tile, k - column)),
                    Int32(unit.count), 1, dy.floats + unit.lowerBound * n + row, Int32(n),
                    x.floats + unit.lowerBound * k + column, Int32(k), 1, gradient.floats + row * k + column, Int32(k))
            }
        }
    }

    private static let singleThreadedBLAS: Void = openblas_set_num_threads(1)

    /// Makes OpenBLAS compute each product on the thread that asks for it.
    static func useOneThread() { _ = singleThreadedBLAS }

    /// Rows rounded to bfloat16, padded with a zero to an even width.
    private static func halfRows(_ x: Tensor) -> Tensor {
        let (rows, width) = (x.shape[0], x.shape[1])
        let padded = (width + 1) & ~1
        let y = Tensor(shape: [rows, padded], type: .bfloat16)
        parallelFor(rows, pieces: max(1, 1 << 15 / max(1, width))) { range in
            for row in range {
                ck_to_bf16(y.halves + row * padded, x.floats + row * width, width)
                if padded > width { y.halves[row * padded + width] = 0 }
            }
        }
        return y
    }

    /// Cuts an output into tiles for the threads: by columns, and by rows too where there are few columns.
    private static func tiles(rows: Int, columns: Int, _ body: (Range<Int>, Range<Int>) -> Void) {
        let width = PackedMatrix.panelRows * 4
        let across = (columns + width - 1) / width
        let height = across >= 8 ? max(rows, 1) : 96
        let down = (rows + height - 1) / height
        parallelFor(across * down) { index in
            let row = index / across * height
            let column = index % across * width
            body(row..<min(rows, row + height), column..<min(columns, column + width))
        }
    }
}
