import CKernels
import Testing

/// The kernels of one level, called through their own table: the level that the process chose stays as it is, so tests
/// of different levels can run beside all others.
struct Kernels: CustomTestStringConvertible, Sendable {
    let level: Int32
    /// Lives as long as the process.
    nonisolated(unsafe) let table: UnsafePointer<ck_table>

    var testDescription: String { ["portable", "AVX2", "AVX-512", "AVX-512 bfloat16"][Int(level)] }

    /// Every level that this processor has.
    static let all: [Kernels] = (0...ck_best_level()).compactMap { level in
        ck_table_of_level(level).map { Kernels(level: level, table: $0) }
    }

    // MARK: Arrays in, arrays out

    /// Packs a row-major matrix `[n, k]`.
    func packed(_ rows: [Float], n: Int, k: Int) -> [Float] {
        var panels = [Float](repeating: .nan, count: (n + 15) / 16 * 16 * k)
        for panel in stride(from: 0, to: n, by: 16) {
            let part = Array(rows[panel * k..<min(n, panel + 16) * k])
            panels.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                table.pointee.pack_panel_f32(base + panel * k, part, min(16, n - panel), k)
            }
        }
        return panels
    }

    func packedHalves(_ rows: [Float], n: Int, k: Int) -> [UInt16] {
        let even = (k + 1) & ~1
        var panels = [UInt16](repeating: 0x7FC0, count: (n + 15) / 16 * 16 * even)
        for panel in stride(from: 0, to: n, by: 16) {
            let part = Array(rows[panel * k..<min(n, panel + 16) * k])
            panels.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                table.pointee.pack_panel_bf16(base + panel * even, part, min(16, n - panel), k)
            }
        }
        return panels
    }

    /// Rows `[m, k]` as bfloat16, each padded to an even width.
    func halves(_ x: [Float], m: Int, k: Int) -> [UInt16] {
        (0..<m).flatMap { row in
            var y = [UInt16](repeating: 0, count: (k + 1) & ~1)
            table.pointee.to_bf16(&y, Array(x[row * k..<(row + 1) * k]), k)
            return y
        }
    }

    /// x `[m, k]` times the rows `firstRow…` of a matrix, `columns` of them; `firstRow` is a multiple of 16.
    func multiply(
        _ x: [Float], m: Int, k: Int, panels: [Float], firstRow: Int = 0, columns: Int, onto start: [Float]? = nil
    ) -> [Float] {
        var y = start ?? [Float](repeating: .nan, count: m * columns)
        panels.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            table.pointee.matmul_f32(&y, columns, x, k, m, base + firstRow * k, k, columns, start != nil)
        }
        return y
    }

    func multiply(
        _ x: [UInt16], m: Int, k: Int, panels: [UInt16], firstRow: Int = 0, columns: Int, onto start: [Float]? = nil
    ) -> [Float] {
        let even = (k + 1) & ~1
        var y = start ?? [Float](repeating: .nan, count: m * columns)
        panels.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            table.pointee.matmul_bf16(&y, columns, x, even, m, base + firstRow * even, k, columns, start != nil)
        }
        return y
    }
}
