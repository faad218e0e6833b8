import CKernels
import NumericalTesting
import Testing

/// Outputs, inputs and rows: one, tails on every side, all tile sizes.
private let sizes: [(n: Int, k: Int, m: Int)] = [
    (1, 1, 1), (2, 1, 3), (15, 3, 2), (16, 16, 4), (17, 5, 5), (31, 33, 7), (33, 8, 6), (48, 13, 13), (49, 31, 9),
    (63, 64, 11), (64, 17, 12), (65, 40, 1), (130, 127, 14),
]

@Suite("Packed products")
struct MatmulTests {
    /// x Wᵀ in Double.
    private func reference(_ x: [Float], _ w: [Float], n: Int, k: Int, m: Int) -> [Double] {
        (0..<m * n).map { index in
            let (row, column) = (index / n, index % n)
            return (0..<k).reduce(0) { $0 + Double(x[row * k + $1]) * Double(w[column * k + $1]) }
        }
    }

    @Test("products equal the plain loop for all sizes and tails", arguments: Kernels.all)
    func products(kernels: Kernels) {
        for (n, k, m) in sizes {
            var values = TestValues(n * 1000 + k)
            let (x, w) = (nearestBFloat16(values.floats(m * k)), nearestBFloat16(values.floats(n * k)))
            let expected = reference(x, w, n: n, k: k, m: m)
            let single = kernels.multiply(x, m: m, k: k, panels: kernels.packed(w, n: n, k: k), columns: n)
            expectClose(single, expected, .forward, "float \(n) × \(k), \(m) rows")
            let half = kernels.multiply(
                kernels.halves(x, m: m, k: k), m: m, k: k, panels: kernels.packedHalves(w, n: n, k: k), columns: n)
            expectClose(half, expected, .forward, "bfloat16 \(n) × \(k), \(m) rows")
        }
    }

    @Test("a product in pieces of k, each added to the one before, has the bits of the whole", arguments: Kernels.all)
    func pieces(kernels: Kernels) {
        for (n, k, m) in sizes where k > 2 {
            var values = TestValues(n + k)
            let (x, w) = (values.floats(m * k), values.floats(n * k))
            let cut = (k / 2 + 1) & ~1
            /// The columns of a matrix with rows of k.
            func columns(_ matrix: [Float], _ range: Range<Int>) -> [Float] {
                (0..<matrix.count / k).flatMap { matrix[$0 * k + range.lowerBound..<$0 * k + range.upperBound] }
            }
            func single(_ range: Range<Int>, onto start: [Float]? = nil) -> [Float] {
                kernels.multiply(
                    columns(x, range), m: m, k: range.count,
                    panels: kernels.packed(columns(w, range), n: n, k: range.count), columns: n, onto: start)
            }
            func half(_ range: Range<Int>, onto start: [Float]? = nil) -> [Float] {
                kernels.multiply(
                    kernels.halves(columns(x, range), m: m, k: range.count), m: m, k: range.count,
                    panels: kernels.packedHalves(columns(w, range), n: n, k: range.count), columns: n, onto: start)
            }
            expectSameBits(single(cut..<k, onto: single(0..<cut)), single(0..<k), "float \(n) × \(k)")
            expectSameBits(half(cut..<k, onto: half(0..<cut)), half(0..<k), "bfloat16 \(n) × \(k)")
        }
    }

    @Test("a row's bits depend neither on the rows beside it nor on its place", arguments: Kernels.all)
    func rowsAreIndependent(kernels: Kernels) {
        for (n, k, m) in sizes {
            var values = TestValues(n * k)
            let (x, w) = (values.floats(m * k), values.floats(n * k))
            let panels = kernels.packed(w, n: n, k: k)
            let (halves, halfPanels) = (kernels.halves(x, m: m, k: k), kernels.packedHalves(w, n: n, k: k))
            let even = (k + 1) & ~1
            let all = kernels.multiply(x, m: m, k: k, panels: panels, columns: n)
            let allHalf = kernels.multiply(halves, m: m, k: k, panels: halfPanels, columns: n)
            for first in 0..<m {
                let rest = m - first
                let some = kernels.multiply(Array(x[(first * k)...]), m: rest, k: k, panels: panels, columns: n)
                expectSameBits(some, Array(all[(first * n)...]), "float \(n) × \(k), rows from \(first) of \(m)")
                let someHalf = kernels.multiply(
                    Array(halves[(first * even)...]), m: rest, k: k, panels: halfPanels, columns: n)
                expectSameBits(someHalf, Array(allHalf[(first * n)...]), "bfloat16 \(n) × \(k), rows from \(first)")
            }
        }
    }

    @Test("an output's bits depend neither on the number of columns nor on its panel's place", arguments: Kernels.all)
    func columnsAreIndependent(kernels: Kernels) {
        let (n, k, m) = (130, 37, 7)
        var values = TestValues(5)
        let (x, w) = (values.floats(m * k), values.floats(n * k))
        let panels = kernels.packed(w, n: n, k: k)
        let (halves, halfPanels) = (kernels.halves(x, m: m, k: k), kernels.packedHalves(w, n: n, k: k))
        let all = kernels.multiply(x, m: m, k: k, panels: panels, columns: n)
        let allHalf = kernels.multiply(halves, m: m, k: k, panels: halfPanels, columns: n)
        for first in stride(from: 0, to: n, by: 16) {
            for columns in [1, 15, 16, 17, 33, 48, 49, 64, 81, 130] where first + columns <= n {
                func cut(_ y: [Float]) -> [Float] { (0..<m).flatMap { y[$0 * n + first..<$0 * n + first + columns] } }
                let some = kernels.multiply(x, m: m, k: k, panels: panels, firstRow: first, columns: columns)
                expectSameBits(some, cut(all), "float, \(columns) from \(first)")
                let half = kernels.multiply(halves, m: m, k: k, panels: halfPanels, firstRow: first, columns: columns)
                expectSameBits(half, cut(allHalf), "bfloat16, \(columns) from \(first)")
            }
        }
    }

    @Test("a product writes only its own columns", arguments: Kernels.all)
    func writesOnlyItsColumns(kernels: Kernels) {
        for columns in [1, 15, 16, 17, 49, 63] {
            let (k, m, stride) = (3, 7, 80)
            let panels = kernels.packed([Float](repeating: 1, count: columns * k), n: columns, k: k)
            var y = [Float](repeating: 9, count: m * stride)
            kernels.table.pointee.matmul_f32(
                &y, stride, [Float](repeating: 1, count: m * k), k, m, panels, k, columns, false)
            let expected = (0..<m * stride).map { Float($0 % stride < columns ? 3 : 9) }
            #expect(y == expected, "\(columns) columns")
        }
    }

    @Test("rows come back from panels exactly, in bfloat16 rounded once", arguments: Kernels.all)
    func unpacking(kernels: Kernels) {
        for (n, k, _) in sizes {
            var values = TestValues(k)
            let w = values.floats(n * k, 3)
            let (panels, halfPanels) = (kernels.packed(w, n: n, k: k), kernels.packedHalves(w, n: n, k: k))
            for row in 0..<n {
                var (single, half) = ([Float](repeating: 0, count: k), [Float](repeating: 0, count: k))
                let even = (k + 1) & ~1
                kernels.table.pointee.unpack_row_f32(&single, Array(panels[(row / 16 * 16 * k)...]), row % 16, k)
                kernels.table.pointee.unpack_row_bf16(&half, Array(halfPanels[(row / 16 * 16 * even)...]), row % 16, k)
                let expected = Array(w[row * k..<(row + 1) * k])
                expectSameBits(single, expected, "row \(row) of \(n) × \(k)")
                expectSameBits(half, nearestBFloat16(expected), "bfloat16 row \(row) of \(n) × \(k)")
            }
        }
    }

    @Test("panels of the transpose equal the packed transpose exactly", arguments: Kernels.all)
    func transposes(kernels: Kernels) {
        for (n, k, _) in sizes {
            var values = TestValues(n)
            let w = values.floats(n * k)
            let transposed = (0..<n * k).map { w[$0 % n * k + $0 / n] }  // [k, n]
            let (single, half) = (kernels.packed(w, n: n, k: k), kernels.packedHalves(w, n: n, k: k))
            var panels = [Float](repeating: .nan, count: (k + 15) / 16 * 16 * n)
            let even = (n + 1) & ~1
            var halfPanels = [UInt16](repeating: 0x7FC0, count: (k + 15) / 16 * 16 * even)
            for block in 0..<(k + 15) / 16 {
                panels.withUnsafeMutableBufferPointer { buffer in
                    guard let base = buffer.baseAddress else { return }
                    kernels.table.pointee.transpose_panel_f32(base + block * 16 * n, single, n, k, block)
                }
                halfPanels.withUnsafeMutableBufferPointer { buffer in
                    guard let base = buffer.baseAddress else { return }
                    kernels.table.pointee.transpose_panel_bf16(base + block * 16 * even, half, n, k, block)
                }
            }
            #expect(panels == kernels.packed(transposed, n: k, k: n), "float \(n) × \(k)")
            #expect(halfPanels == kernels.packedHalves(transposed, n: k, k: n), "bfloat16 \(n) × \(k)")
        }
    }

    @Test("few rows times the transpose have the bits of its panels", arguments: Kernels.all)
    func turned(kernels: Kernels) {
        for (n, k, _) in sizes {
            var values = TestValues(n + k)
            let w = values.floats(n * k)
            let transposed = (0..<n * k).map { w[$0 % n * k + $0 / n] }  // [k, n]
            let even = (n + 1) & ~1
            let (panels, turnedPanels) = (
                kernels.packedHalves(w, n: n, k: k), kernels.packedHalves(transposed, n: k, k: n)
            )
            for rows in [1, 3] {
                let x = values.floats(rows * even).enumerated().map { index, value in
                    index % even < n ? UInt16(nearestBFloat16(value).bitPattern >> 16) : 0
                }
                var expected = [Float](repeating: .nan, count: rows * k)
                kernels.table.pointee.matmul_bf16(&expected, k, x, even, rows, turnedPanels, n, k, false)
                // In two calls, cut at a panel: what lies beyond the last column of a call stays as it is.
                var y = [Float](repeating: .nan, count: rows * k)
                let cut = k > 16 ? 16 : k
                y.withUnsafeMutableBufferPointer { buffer in
                    guard let base = buffer.baseAddress else { return }
                    kernels.table.pointee.matmul_turned_bf16(base, k, x, even, rows, panels, n, k, 0, cut)
                    guard k > cut else { return }
                    kernels.table.pointee.matmul_turned_bf16(base + cut, k, x, even, rows, panels, n, k, cut, k - cut)
                }
                expectSameBits(y, expected, "\(rows) rows, \(n) × \(k)")
            }
        }
    }
}
