import CKernels
import COpenBLAS

/// The matrix products that operations are made of. None of them records.
enum Products {
    /// Some rows of a batch and the weight that they are multiplied with.
    typealias Part = (rows: Range<Int>, weight: PackedMatrix)

    /// y `[N, rows]` = x `[N, columns]` · weightᵀ.
    static func multiply(_ y: Tensor, _ x: Tensor, _ weight: PackedMatrix) {
        var batch = ProductBatch()
        batch.add(y, x, weight, rows: 0..<x.shape[0])
        batch.compute()
    }

    /// dx `[N, columns]` (+)= dy `[N, rows]` · weight. Panels of the transpose are built on the fly, a piece at a time.
    static func multiplyTransposed(_ dx: Tensor, _ dy: Tensor, _ weight: PackedMatrix, accumulate: Bool = false) {
        multiplyTransposed(dx, dy, [(0..<dy.shape[0], weight)], accumulate: accumulate)
    }

    /// The same with a weight for each part of the rows, all of one shape.
    static func multiplyTransposed(_ dx: Tensor, _ dy: Tensor, _ parts: [Part], accumulate: Bool = false) {
        guard let (k, n) = parts.first.map({ ($0.weight.columns, $0.weight.rows) }) else { return }
        for (rows, weight) in parts {
            precondition(
                dy.shape[1] == n && dx.shape == [dy.shape[0], k] && weight.columns == k && weight.rows == n
                    && rows.upperBound <= dy.shape[0],
                "multiplyTransposed: dy \(dy.shape), weight [\(weight.rows), \(weight.columns)], rows \(rows)")
        }
        let rounded = parts.contains { $0.weight.type == .bfloat16 } ? halfRows(dy) : dy
        let few = !accumulate && parts.allSatisfy { $0.rows.count <= fewRows && $0.weight.isPlainHalf }
        let width = PackedMatrix.panelRows * (few ? 28 : 4)
        let across = (k + width - 1) / width
        let busy = parts.filter { !$0.rows.isEmpty }
        parallelFor(busy.count * across) { index in
            let (rows, weight) = busy[index / across]
            let first = index % across * width
            let columns = first..<min(k, first + width)
            let out = dx.floats + rows.lowerBound * k + first
            if weight.type == .float32 {
                let input = dy.floats + rows.lowerBound * n
                turned(weight, columns) { piece, scratch in
                    ck_matmul_f32(
                        out, k, input + piece.lowerBound, n, rows.count,
                        scratch.pointer.assumingMemoryBound(to: Float.self), piece.count, columns.count,
                        accumulate || piece.lowerBound > 0)
                }
                return
            }
            let depth = rounded.shape[1]
            let input = rounded.halves + rows.lowerBound * depth
            if few {
                ck_matmul_turned_bf16(
                    out, k, input, depth, rows.count, weight.halves(atRow: 0), n, k, first, columns.count)
                return
            }
            turned(weight, columns) { piece, scratch in
                ck_matmul_bf16(
                    out, k, input + piece.lowerBound, depth, rows.count,
                    scratch.pointer.assumingMemoryBound(to: UInt16.self), piece.count, columns.count,
                    accumulate || piece.lowerBound > 0)
            }
        }
    }

    /// Up to so many rows of a part it is faster to turn each tile of the weights where it is used than to build panels of them.
    private static let fewRows = 4
    /// Rows of a weight that are turned at a time: for 64 columns they stay in the second-level cache.
    private static let turnedRows = 1024

    /// Calls `body` with panels of the transpose of some rows after the others, for 64 columns at most.
    private static func turned(_ weight: PackedMatrix, _ columns: Range<Int>, _ body: (Range<Int>, Storage) -> Void) {
        let panel = PackedMatrix.panelRows
        let scratch = Storage(byteCount: min(turnedRows, (weight.rows + 1) & ~1) * panel * 4 * weight.type.byteCount)
        for row in stride(from: 0, to: weight.rows, by: turnedRows) {
            let rows = row..<min(row + turnedRows, weight.rows)
            turn(weight, rows: rows, columns, into: scratch)
            body(rows, scratch)
        }
    }

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

    /// Makes OpenBLAS compute each product on the thread that asks for it, and take its memory for every thread: it tries
    /// for ever where the system refuses it later on.
    private static let singleThreadedBLAS: Void = {
        openblas_set_num_threads(1)
        let side = 128
        let x = Tensor.zeros([side, side])
        parallelFor(8 * ComputeDevice.threadCount) { _ in
            let y = Tensor(shape: [side, side])
            cblas_sgemm(
                CblasRowMajor, CblasTrans, CblasNoTrans, Int32(side), Int32(side), Int32(side), 1, x.floats,
                Int32(side),
                x.floats, Int32(side), 0, y.floats, Int32(side))
        }
    }()

    /// Prepares OpenBLAS, once.
    static func useOneThread() { _ = singleThreadedBLAS }

    /// Rows rounded to bfloat16, padded with a zero to an even width.
    static func halfRows(_ x: Tensor) -> Tensor {
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
}

extension PackedMatrix {
    /// Whether its panels hold bfloat16 numbers, not codes.
    fileprivate var isPlainHalf: Bool { type == .bfloat16 && blocks == nil }
}
