import CKernels

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
    private let firstTile: Int

    /// Columns of a tile where there are enough of them to share out.
    static let width = PackedMatrix.panelRows * 4

    /// Columns of a tile: so many that its panels stay in the second-level cache while the rows go by. A kernel takes twice
    /// the rows at a time with half the panels.
    private static func columns(_ weight: PackedMatrix) -> Int {
        weight.blocks == nil && weight.columns >= 2048 ? width / 2 : width
    }

    /// How many tiles it has.
    var tiles: Int { (outputs + columns - 1) / columns }

    /// - Parameter rounded: The input of the product in bfloat16, for a weight of that type.
    /// - Parameter firstTile: The number of its first tile.
    init(_ product: Products.Product, _ rounded: Tensor?, _ weight: PackedMatrix, _ rows: Range<Int>, firstTile: Int) {
        (inputs, outputs, self.rows, accumulate) = (weight.columns, weight.rows, rows.count, product.accumulate)
        output = product.y.floats + rows.lowerBound * weight.rows
        type = weight.type
        format = weight.blocks?.kernel
        if weight.type == .bfloat16, let rounded {
            depth = rounded.shape[1]
            input = UnsafeMutableRawPointer(rounded.halves + rows.lowerBound * depth)
        } else {
            depth = weight.columns
            input = UnsafeMutableRawPointer(product.x.floats + rows.lowerBound * depth)
        }
        panels = weight.storage.pointer
        panelBytes = weight.panelBytes
        columns = Self.columns(weight)
        self.firstTile = firstTile
    }

    /// Computes one of its tiles.
    func compute(tile: Int) {
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
