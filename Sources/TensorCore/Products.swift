import CKernels
import COpenBLAS

/// The matrix products that operations are made of. None of them records.
enum Products {
    /// y `[N, rows]` (+)= x `[N, columns]` · weightᵀ. A row's bits depend on that row and the weight alone.
    static func multiply(_ y: Tensor, _ x: Tensor, _ weight: PackedMatrix, accumulate: Bool = false) {
        let rows = x.shape[0]
        let (k, n) = (weight.columns, weight.rows)
        precondition(
            x.shape[1] == k && y.shape == [rows, n], "multiply: x \(x.shape), weight [\(n), \(k)], y \(y.shape)")
        let input = weight.type == .bfloat16 ? halfRows(x) : x
        let depth = input.shape[1]
        tiles(rows: rows, columns: n) { rowRange, columnRange in
            let out = y.floats + rowRange.lowerBound * n + columnRange.lowerBound
            if weight.type == .bfloat16 {
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

    /// dx `[N, columns]` (+)= dy `[N, rows]` · weight. Panels of the transpose are built on the fly.
    static func multiplyTransposed(_ dx: Tensor, _ dy: Tensor, _ weight: PackedMatrix, accumulate: Bool = false) {
        let rows = dy.shape[0]
        let (k, n) = (weight.columns, weight.rows)
        precondition(
            dy.shape[1] == n && dx.shape == [rows, k], "multiplyTransposed: dy \(dy.shape), weight [\(n), \(k)]")
        let half = weight.type == .bfloat16
        let input = half ? halfRows(dy) : dy
        let depth = input.shape[1]
        let panel = PackedMatrix.panelRows
        parallelFor(k, pieces: panel * 4) { columns in
            let panelElements = depth * panel
            let scratch = Storage(byteCount: panelElements * 4 * (half ? 2 : 4))
            for block in columns.lowerBound / panel..<(columns.upperBound + panel - 1) / panel {
                let place = (block - columns.lowerBound / panel) * panelElements
                if half {
                    let out = scratch.pointer.assumingMemoryBound(to: UInt16.self) + place
                    ck_transpose_panel_bf16(out, weight.halves(atRow: 0), n, k, block)
                } else {
                    let out = scratch.pointer.assumingMemoryBound(to: Float.self) + place
                    ck_transpose_panel_f32(out, weight.floats(atRow: 0), n, k, block)
                }
            }
            let out = dx.floats + columns.lowerBound
            if half {
                ck_matmul_bf16(
                    out, k, input.halves, depth, rows, scratch.pointer.assumingMemoryBound(to: UInt16.self), n,
                    columns.count, accumulate)
            } else {
                ck_matmul_f32(
                    out, k, input.floats, depth, rows, scratch.pointer.assumingMemoryBound(to: Float.self), n,
                    columns.count, accumulate)
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
