import CKernels

/// A weight matrix `[rows, columns]` laid out in panels of 16 rows for the product kernels. Read-only once filled, and
/// shared by trainer, rollouts and server.
public final class PackedMatrix: @unchecked Sendable {
    /// Outputs.
    public let rows: Int
    /// Inputs.
    public let columns: Int
    /// `float32` or `bfloat16`: what its numbers are in a product.
    public let type: ElementType
    /// How its numbers are kept, if not as they are: as codes, which are expanded to bfloat16 where a product needs them.
    /// A product's bits are those of the same matrix packed as bfloat16.
    public let blocks: BlockFormat?
    let storage: Storage

    static let panelRows = Int(CK_PANEL)

    /// Packs a matrix from stripes of rows.
    ///
    /// - Parameter fill: Writes the rows of the range, row-major, into the buffer. Called from several threads at once.
    public init(
        rows: Int, columns: Int, type: ElementType,
        fill: (Range<Int>, UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        precondition(rows > 0 && columns > 0 && type != .int32, "PackedMatrix: \(rows) × \(columns) of \(type)")
        self.rows = rows
        self.columns = columns
        self.type = type
        blocks = nil
        storage = Storage(byteCount: Self.byteCount(rows: rows, columns: columns, type: type))
        pack(fill)
    }

    /// Packs a matrix of codes, row by row.
    ///
    /// - Parameter columns: A multiple of the format's blocks.
    /// - Parameter fill: Writes the row of a number. Called from several threads at once.
    public init(rows: Int, columns: Int, blocks format: BlockFormat, fill: (Int, BlockRow) -> Void) {
        precondition(
            rows > 0 && columns > 0 && columns % format.blockSize == 0,
            "PackedMatrix: \(rows) × \(columns) in blocks of \(format.blockSize)")
        (self.rows, self.columns, type, blocks) = (rows, columns, .bfloat16, format)
        var kernel = format.kernel
        let size = ck_block_panel_bytes(&kernel, columns)
        let panels = (rows + Self.panelRows - 1) / Self.panelRows
        storage = Storage(byteCount: panels * size)
        let start = storage.pointer.assumingMemoryBound(to: UInt8.self)
        // Some panels at a time share the memory of one stripe.
        parallelFor(panels, pieces: 8) { range in
            let stripe = BlockStripe(format, rows: Self.panelRows, columns: columns)
            for panel in range {
                let first = panel * Self.panelRows
                stripe.pack(min(Self.panelRows, rows - first), into: start + panel * size) { fill(first + $0, $1) }
            }
        }
    }

    /// Bytes that a matrix takes in memory.
    public static func byteCount(rows: Int, columns: Int, type: ElementType, blocks: BlockFormat? = nil) -> Int {
        let panels = (rows + panelRows - 1) / panelRows
        guard var kernel = blocks?.kernel else { return panels * panelElements(columns, type) * type.byteCount }
        return panels * ck_block_panel_bytes(&kernel, columns)
    }

    /// Bytes that it takes in memory.
    public var byteCount: Int { storage.byteCount }

    /// Packs a row-major tensor `[rows, columns]`.
    public convenience init(_ tensor: Tensor, type: ElementType = .float32) {
        precondition(tensor.shape.count == 2, "PackedMatrix: tensor is \(tensor.shape)")
        let columns = tensor.shape[1]
        self.init(rows: tensor.shape[0], columns: columns, type: type) { range, buffer in
            buffer.baseAddress?.update(from: tensor.floats + range.lowerBound * columns, count: buffer.count)
        }
    }

    /// Packs the current values of a tensor again, in place: for full-parameter training between two steps.
    public func refill(from tensor: Tensor) {
        precondition(tensor.shape == [rows, columns], "refill: \(tensor.shape), expected [\(rows), \(columns)]")
        precondition(blocks == nil, "refill: the matrix is one of codes")
        pack { range, buffer in
            buffer.baseAddress?.update(from: tensor.floats + range.lowerBound * self.columns, count: buffer.count)
        }
    }

    private func pack(_ fill: (Range<Int>, UnsafeMutableBufferPointer<Float>) -> Void) {
        parallelFor(rows, pieces: Self.panelRows) { range in
            let stripe = Storage(byteCount: range.count * columns * 4)
            let floats = stripe.pointer.assumingMemoryBound(to: Float.self)
            fill(range, UnsafeMutableBufferPointer(start: floats, count: range.count * columns))
            if type == .bfloat16 {
                ck_pack_panel_bf16(halves(atRow: range.lowerBound), floats, range.count, columns)
            } else {
                ck_pack_panel_f32(self.floats(atRow: range.lowerBound), floats, range.count, columns)
            }
        }
    }

    private static func panelElements(_ columns: Int, _ type: ElementType) -> Int {
        panelRows * (type == .bfloat16 ? (columns + 1) & ~1 : columns)
    }

    /// Bytes from one panel to the next.
    var panelBytes: Int {
        guard var kernel = blocks?.kernel else { return Self.panelElements(columns, type) * type.byteCount }
        return ck_block_panel_bytes(&kernel, columns)
    }

    /// The panel that starts at a row (a multiple of 16).
    func floats(atRow row: Int) -> UnsafeMutablePointer<Float> {
        storage.pointer.assumingMemoryBound(to: Float.self)
            + row / Self.panelRows * Self.panelElements(columns, .float32)
    }

    /// The panel that starts at a row (a multiple of 16).
    func halves(atRow row: Int) -> UnsafeMutablePointer<UInt16> {
        precondition(blocks == nil, "PackedMatrix: codes read as bfloat16")
        return storage.pointer.assumingMemoryBound(to: UInt16.self)
            + row / Self.panelRows * Self.panelElements(columns, .bfloat16)
    }

    /// The panel of codes that starts at a row (a multiple of 16).
    func codes(atRow row: Int, _ format: inout ck_block_format) -> UnsafeMutablePointer<UInt8> {
        storage.pointer.assumingMemoryBound(to: UInt8.self)
            + row / Self.panelRows * ck_block_panel_bytes(&format, columns)
    }

    /// Reads one row back as floats.
    public func readRow(_ row: Int, into destination: UnsafeMutablePointer<Float>) {
        precondition(row >= 0 && row < rows, "readRow: \(row) of \(rows)")
        let panel = row / Self.panelRows * Self.panelRows
        if var format = blocks?.kernel {
            let expanded = Storage(byteCount: Self.panelRows * columns * 2)
            let halves = expanded.pointer.assumingMemoryBound(to: UInt16.self)
            ck_expand_blocks(halves, codes(atRow: panel, &format), &format, columns, 0, columns)
            ck_unpack_row_bf16(destination, halves, row - panel, columns)
        } else if type == .bfloat16 {
            ck_unpack_row_bf16(destination, halves(atRow: panel), row - panel, columns)
        } else {
            ck_unpack_row_f32(destination, floats(atRow: panel), row - panel, columns)
        }
    }
}
