import CKernels
import NumericalTesting
import Testing

/// A matrix of codes with what makes them numbers, `[n, k]`, and as panels.
private struct CodedMatrix {
    var format: ck_block_format
    let (n, k): (Int, Int)
    var codes: [UInt8] = []
    var d: [UInt16] = []
    var dmin: [UInt16] = []
    var scales: [Int8] = []
    var minima: [Int8] = []

    init(_ format: ck_block_format, n: Int, k: Int) {
        (self.format, self.n, self.k) = (format, n, k)
        var random = TestValues(n * 1000 + k + Int(format.low))
        let largest = UInt64(1) << UInt64(format.low + format.high)
        codes = (0..<n * k).map { _ in UInt8(random.next() >> 20 % largest) }
        let (blocks, groups) = (n * k / Int(format.block), n * k / Int(format.group))
        func halves() -> [UInt16] { random.floats(blocks, 0.01).map { Float16($0).bitPattern } }
        d = halves()
        // Zero, the smallest number, a subnormal one, negative zero.
        for (place, bits) in [UInt16(0), 1, 0x83FF, 0x8000].enumerated() where place < blocks { d[place] = bits }
        dmin = format.minima ? halves() : []
        scales = format.scales ? (0..<groups).map { _ in Int8(truncatingIfNeeded: random.next() >> 20) } : []
        minima = format.scales && format.minima ? (0..<groups).map { _ in Int8(random.next() >> 20 % 64) } : []
    }

    /// The numbers, rounded once to bfloat16: as the format's formula reads.
    var numbers: [Float] {
        codes.indices.map { index in
            let (block, group) = (index / Int(format.block), index / Int(format.group))
            let code = format.low == 8 ? Int(Int8(bitPattern: codes[index])) : Int(codes[index]) - Int(format.bias)
            let scale = Double(Float16(bitPattern: d[block])) * (format.scales ? Double(scales[group]) : 1)
            var value = scale * Double(code)
            if format.minima {
                value -= Double(Float16(bitPattern: dmin[block])) * (format.scales ? Double(minima[group]) : 1)
            }
            return nearestBFloat16(Float(value))
        }
    }

    func panels(_ kernels: Kernels) -> [UInt8] {
        var format = format
        let size = ck_block_panel_bytes(&format, k)
        var result = [UInt8](repeating: 0xEE, count: (n + 15) / 16 * size)
        for row in stride(from: 0, to: n, by: 16) {
            let (blocks, groups) = (k / Int(format.block), k / Int(format.group))
            func part<T>(_ values: [T], _ width: Int) -> [T] {
                values.isEmpty ? [] : Array(values[row * width..<min(n, row + 16) * width])
            }
            result.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                kernels.table.pointee.pack_panel_blocks(
                    base + row / 16 * size, &format, k, min(16, n - row), part(codes, k), part(d, blocks),
                    part(dmin, blocks), part(scales, groups), part(minima, groups))
            }
        }
        return result
    }
}

@Suite("Products with quantised blocks")
struct BlockTests {
    /// Every combination of planes and of what blocks hold.
    private static let formats: [ck_block_format] = [(2, 0), (2, 1), (4, 0), (4, 1), (4, 2), (8, 0)].flatMap {
        (low: Int32, high: Int32) in
        [(Int32(32), Int32(32), false, false), (32, 32, false, true), (32, 256, true, true), (16, 256, true, false)]
            .map { group, block, scales, minima in
                ck_block_format(
                    low: low, high: high, bias: low < 8 && !minima ? 1 << (low + high - 1) : 0, group: group,
                    block: block, scales: scales, minima: minima)
            }
    }

    private static func sizes(_ format: ck_block_format) -> [(n: Int, k: Int, m: Int)] {
        format.block == 32 ? [(1, 32, 1), (17, 96, 7), (50, 160, 9), (130, 288, 14)] : [(16, 256, 3), (70, 768, 13)]
    }

    @Test("expanded codes are the formula's numbers, rounded once", arguments: Kernels.all)
    func expansion(kernels: Kernels) {
        for format in Self.formats {
            for (n, k, _) in Self.sizes(format) {
                let matrix = CodedMatrix(format, n: n, k: k)
                let (panels, numbers) = (matrix.panels(kernels), matrix.numbers)
                var format = format
                let size = ck_block_panel_bytes(&format, k)
                let ranges = [(0, k), (32, k - 32), (k - 32, 32)].filter { $0.1 > 0 }
                for row in 0..<n {
                    for (first, count) in ranges {
                        var expanded = [UInt16](repeating: 0x7FC0, count: count * 16)
                        panels.withUnsafeBufferPointer { buffer in
                            guard let base = buffer.baseAddress else { return }
                            kernels.table.pointee.expand_blocks(
                                &expanded, base + row / 16 * size, &format, k, first, count)
                        }
                        var values = [Float](repeating: .nan, count: count)
                        kernels.table.pointee.unpack_row_bf16(&values, expanded, row % 16, count)
                        expectSameBits(
                            values, Array(numbers[row * k + first..<row * k + first + count]),
                            "\(format.low)+\(format.high) bits, row \(row) of \(n) × \(k), from \(first)")
                    }
                }
            }
        }
    }

    @Test("a product has the bits of the same product with bfloat16 panels", arguments: Kernels.all)
    func products(kernels: Kernels) {
        for format in Self.formats {
            for (n, k, m) in Self.sizes(format) {
                let matrix = CodedMatrix(format, n: n, k: k)
                var values = TestValues(m)
                let x = kernels.halves(values.floats(m * k), m: m, k: k)
                let (panels, halves) = (matrix.panels(kernels), kernels.packedHalves(matrix.numbers, n: n, k: k))
                let expected = kernels.multiply(x, m: m, k: k, panels: halves, columns: n)
                var format = format
                let size = ck_block_panel_bytes(&format, k)
                for first in [0, 16, 64] where first < n {
                    for columns in [1, 16, 33, 49, 64, n - first] where columns <= n - first {
                        var y = [Float](repeating: .nan, count: m * columns)
                        panels.withUnsafeBufferPointer { buffer in
                            guard let base = buffer.baseAddress else { return }
                            kernels.table.pointee.matmul_blocks(
                                &y, columns, x, k, m, base + first / 16 * size, &format, k, columns)
                        }
                        let cut = (0..<m).flatMap { expected[$0 * n + first..<$0 * n + first + columns] }
                        expectSameBits(y, cut, "\(format.low)+\(format.high) bits, \(columns) of \(n) × \(k)")
                    }
                }
            }
        }
    }

    @Test("a panel takes the bits of its codes and factors and no more")
    func size() {
        func bits(_ low: Int32, _ high: Int32, _ group: Int32, _ block: Int32, _ scales: Bool, _ minima: Bool) -> Double
        {
            var format = ck_block_format(
                low: low, high: high, bias: 0, group: group, block: block, scales: scales, minima: minima)
            return Double(ck_block_panel_bytes(&format, 1024)) * 8 / (16 * 1024)
        }
        #expect(bits(8, 0, 32, 32, false, false) == 8.5)  // Q8_0
        #expect(bits(4, 0, 32, 32, false, false) == 4.5)  // Q4_0
        #expect(bits(4, 1, 32, 32, false, true) == 6)  // Q5_1
        #expect(bits(4, 0, 32, 256, true, true) == 4.625)  // Q4_K: 4.5 in the file
        #expect(bits(4, 2, 16, 256, true, false) == 6.5625)  // Q6_K
    }
}
