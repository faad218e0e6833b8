import CKernels

/// Products that don't depend on each other, computed together. A row's bits depend on that row and its weight alone. Threads
/// share out the tiles of all of them in one loop, so that many small products keep them as busy as one large product does;
/// what several read is rounded once.
struct ProductBatch {
    private var stripes: [ProductStripe] = []
    private var tiles = 0
    private var rounded: [(x: Tensor, halves: Tensor)] = []

    /// Adds y `[N, rows]` (+)= x `[N, columns]` · weightᵀ on some of the rows. The caller keeps y, x and the weight alive.
    ///
    /// - Parameter accumulate: Whether the sums begin with what is in y.
    mutating func add(
        _ y: Tensor, _ x: Tensor, _ weight: PackedMatrix, rows: Range<Int>, accumulate: Bool = false
    ) {
        precondition(
            x.shape[1] == weight.columns && y.shape[0] == x.shape[0] && y.shape[1] == weight.rows
                && rows.upperBound <= x.shape[0],
            "multiply: x \(x.shape), weight [\(weight.rows), \(weight.columns)], y \(y.shape), rows \(rows)")
        precondition(weight.blocks == nil || !accumulate, "multiply: a product with codes begins at zero")
        guard !rows.isEmpty else { return }
        var (input, depth) = (UnsafeMutableRawPointer(x.floats), weight.columns)
        if weight.type == .bfloat16 {
            let halves = halves(x)
            (input, depth) = (UnsafeMutableRawPointer(halves.halves), halves.shape[1])
        }
        let size = weight.type.byteCount
        let height = weight.rows >= 8 * ProductStripe.width ? rows.count : 96
        for row in stride(from: rows.lowerBound, to: rows.upperBound, by: height) {
            let stripe = ProductStripe(
                y.floats + row * weight.rows, input + row * depth * size, depth: depth, weight,
                rows: min(height, rows.upperBound - row), accumulate: accumulate, firstTile: tiles)
            tiles += stripe.tiles
            stripes.append(stripe)
        }
    }

    /// The rows of x in bfloat16.
    private mutating func halves(_ x: Tensor) -> Tensor {
        if let last = rounded.last, last.x.floats == x.floats, last.x.shape == x.shape { return last.halves }
        let halves = Products.halfRows(x)
        rounded.append((x, halves))
        return halves
    }

    /// Computes all that was added.
    func compute() {
        withExtendedLifetime(rounded) {
            stripes.withUnsafeBufferPointer { stripes in
                nonisolated(unsafe) let stripes = stripes
                parallelFor(tiles) { tile in
                    // The last stripe that begins at the tile or before.
                    var (low, high) = (0, stripes.count)
                    while high - low > 1 {
                        let middle = (low + high) / 2
                        if stripes[middle].firstTile <= tile { low = middle } else { high = middle }
                    }
                    stripes[low].compute(tile: tile)
                }
            }
        }
    }
}

/// Some rows of a product with one weight, cut by columns into tiles for the threads. Plain numbers and addresses: threads
/// take tiles without counting references. Whoever made it keeps the memory.
struct ProductStripe {
    private let output: UnsafeMutablePointer<Float>
    private let input: UnsafeMutableRawPointer
    private let panels: UnsafeMutableRawPointer
    private let rows, inputs, outputs: Int
    /// Numbers from one row of the input to the next.
    private let depth: Int
    private let panelBytes: Int
    private let accumulate: Bool
    private let type: ElementType
    private let format: ck_block_format?
    private let columns: Int
    fileprivate let firstTile: Int

    /// Columns of a tile where there are enough of them to share out.
    fileprivate static let width = PackedMatrix.panelRows * 4

    /// Columns of a tile: so many that its panels stay in the second-level cache while the rows go by. A kernel takes twice
    /// the rows at a time with half the panels.
    private static func columns(_ weight: PackedMatrix) -> Int {
        weight.blocks == nil && weight.columns >= 2048 ? width / 2 : width
    }

    /// How many tiles it has.
    fileprivate var tiles: Int { (outputs + columns - 1) / columns }

    /// - Parameter input: The input's first row, of floats, or of bfloat16 for a weight of that type.
    /// - Parameter firstTile: The number of its first tile.
    fileprivate init(
        _ output: UnsafeMutablePointer<Float>, _ input: UnsafeMutableRawPointer, depth: Int, _ weight: PackedMatrix,
        rows: Int, accumulate: Bool, firstTile: Int
    ) {
        (self.output, self.input, self.depth, self.rows) = (output, input, depth, rows)
        (inputs, outputs, self.accumulate) = (weight.columns, weight.rows, accumulate)
        type = weight.type
        format = weight.blocks?.kernel
        panels = weight.storage.pointer
        panelBytes = weight.panelBytes
        columns = Self.columns(weight)
        self.firstTile = firstTile
    }

    /// Computes one of its tiles.
    fileprivate func compute(tile: Int) {
        let first = (tile - firstTile) * columns
        let count = min(columns, outputs - first)
        let out = output + first
        let panel = panels + first / PackedMatrix.panelRows * panelBytes
        guard type == .bfloat16 else {
            ck_matmul_f32(
                out, outputs, input.assumingMemoryBound(to: Float.self), depth, rows,
                panel.assumingMemoryBound(to: Float.self), inputs, count, accumulate)
            return
        }
        let halves = input.assumingMemoryBound(to: UInt16.self)
        if var format {
            ck_matmul_blocks(
                out, outputs, halves, depth, rows, panel.assumingMemoryBound(to: UInt8.self), &format, inputs, count)
        } else {
            ck_matmul_bf16(
                out, outputs, halves, depth, rows, panel.assumingMemoryBound(to: UInt16.self), inputs, count, accumulate
            )
        }
    }
}
