import CKernels

/// A weight matrix `[rows, columns]` laid out in panels of 16 rows for the product kernels. Read-only once filled, and
/// shared by trainer, rollouts and server.
public final class PackedMatrix: @unchecked Sendable {
    /// Outputs.
    public let rows: Int
    /// Inputs.
    public let columns: Int
    /// `float32` or `bfloat16`.
    public let type: ElementType
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
        let panels = (rows + Self.panelRows - 1) / Self.panelRows
        storage = Storage(byteCount: panels * Self.panelElements(columns, type) * type.byteCount)
        pack(fill)
    }

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

    /// The panel that starts at a row (a multiple of 16).
    func floats(atRow row: Int) -> UnsafeMutablePointer<Float> {
        storage.pointer.assumingMemoryBound(to: Float.self)
            + row / Self.panelRows * Self.panelElements(columns, .float32)
    }

    /// The panel that starts at a row (a multiple of 16).
    func halves(atRow row: Int) -> UnsafeMutablePointer<UInt16> {
        storage.pointer.assumingMemoryBound(to: UInt16.self)
            + row / Self.panelRows * Self.panelElements(columns, .bfloat16)
    }

    /// Reads one row back as floats.
    public func readRow(_ row: Int, into destination: UnsafeMutablePointer<Float>) {
        precondition(row >= 0 && row < rows, "readRow: \(row) of \(rows)")
        let panel = row / Self.panelRows * Self.panelRows
        if type == .bfloat16 {
            ck_unpack_row_bf16(destination, halves(atRow: panel), row - panel, columns)
        } else {
            ck_unpack_row_f32(destination, floats(atRow: panel), row - panel, columns)
        }
    }
}
