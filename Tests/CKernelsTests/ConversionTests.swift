import CKernels
import NumericalTesting
import Testing

/// Counts with and without tails of 16.
let counts = [1, 2, 7, 15, 16, 17, 31, 32, 33, 100]

@Suite("Conversions and elementwise kernels")
struct ConversionTests {
    /// Bits of a float and of its bfloat16, worked out by hand.
    static let roundings: [(UInt32, UInt16)] = [
        (0x0000_0000, 0x0000), (0x8000_0000, 0x8000),  // zeros keep their sign
        (0x3F80_0000, 0x3F80), (0x3F80_7FFF, 0x3F80), (0x3F80_8001, 0x3F81),  // below and above the middle
        (0x3F80_8000, 0x3F80), (0x3F81_8000, 0x3F82), (0xBF81_8000, 0xBF82),  // ties go to even
        (0x3FFF_8000, 0x4000),  // a tie that carries into the exponent
        (0x0000_0001, 0x0000), (0x0000_8000, 0x0000), (0x0000_8001, 0x0001),  // subnormals
        (0x0001_8000, 0x0002), (0x007F_FFFF, 0x0080), (0x8000_8001, 0x8001),
        (0x7F7F_0000, 0x7F7F), (0x7F7F_7FFF, 0x7F7F),  // the largest
        (0x7F7F_8000, 0x7F80), (0x7F7F_FFFF, 0x7F80), (0xFF7F_FFFF, 0xFF80),  // overflow
        (0x7F80_0000, 0x7F80), (0xFF80_0000, 0xFF80),  // infinities
    ]

    @Test("rounding to bfloat16 is to nearest, ties to even, at every place of a vector", arguments: Kernels.all)
    func roundingTable(kernels: Kernels) {
        for (bits, expected) in Self.roundings {
            for count in counts {
                var halves = [UInt16](repeating: 1, count: count)
                let x = [Float](repeating: Float(bitPattern: bits), count: count)
                kernels.table.pointee.to_bf16(&halves, x, count)
                #expect(halves.allSatisfy { $0 == expected }, "\(bits) in \(count)")
                var rounded = [Float](repeating: 1, count: count)
                kernels.table.pointee.round_bf16(&rounded, x, count)
                #expect(rounded.allSatisfy { $0.bitPattern == UInt32(expected) << 16 }, "\(bits) in \(count)")
            }
        }
    }

    @Test("NaN stays NaN, with its payload in either half", arguments: Kernels.all)
    func notANumber(kernels: Kernels) {
        for bits: UInt32 in [0x7F80_0001, 0x7FC0_0000, 0xFF80_FFFF, 0xFFFF_FFFF, 0x7FFF_FFFF] {
            var half: [UInt16] = [0]
            var (back, rounded): ([Float], [Float]) = ([0], [0])
            kernels.table.pointee.to_bf16(&half, [Float(bitPattern: bits)], 1)
            kernels.table.pointee.from_bf16(&back, half, 1)
            kernels.table.pointee.round_bf16(&rounded, [Float(bitPattern: bits)], 1)
            #expect(back[0].isNaN && rounded[0].isNaN, "\(bits)")
        }
    }

    @Test("every pattern of bfloat16 comes back as itself", arguments: Kernels.all)
    func roundTrip(kernels: Kernels) {
        let all = (0...UInt16.max).filter { !Float(bitPattern: UInt32($0) << 16).isNaN }
        var (floats, halves) = ([Float](repeating: 0, count: all.count), [UInt16](repeating: 0, count: all.count))
        kernels.table.pointee.from_bf16(&floats, all, all.count)
        kernels.table.pointee.to_bf16(&halves, floats, all.count)
        #expect(halves == all)
    }

    @Test("rounding equals its definition over all exponents", arguments: Kernels.all)
    func roundingDefinition(kernels: Kernels) {
        var values = TestValues(1)
        let x = (0..<20_000).map { _ in Float(bitPattern: UInt32.random(in: 0...(.max), using: &values)) }
            .filter { !$0.isNaN }
        var y = [Float](repeating: 0, count: x.count)
        kernels.table.pointee.round_bf16(&y, x, x.count)
        expectSameBits(y, nearestBFloat16(x))
    }

    @Test("sums, scalings and biases equal the plain loops bit for bit", arguments: Kernels.all)
    func elementwise(kernels: Kernels) {
        for count in counts {
            var values = TestValues(count)
            let (a, b) = (values.floats(count), values.floats(count))
            var y = [Float](repeating: .nan, count: count)
            kernels.table.pointee.add(&y, a, b, count)
            expectSameBits(y, zip(a, b).map { $0 + $1 }, "add")
            kernels.table.pointee.scale(&y, a, 0.3, count)
            expectSameBits(y, a.map { $0 * 0.3 }, "scale")
            let rows = 3
            let x = values.floats(rows * count)
            var biased = x
            kernels.table.pointee.add_bias(&biased, a, rows, count)
            expectSameBits(biased, x.indices.map { x[$0] + a[$0 % count] }, "add_bias")
            var sums = b
            kernels.table.pointee.sum_rows(&sums, x, count, rows, count)
            let ascending = (0..<count).map { c in (0..<rows).reduce(b[c]) { $0 + x[$1 * count + c] } }
            expectSameBits(sums, ascending, "sum_rows")
            var part: [Float] = [0]
            kernels.table.pointee.sum_rows(&part, x, count, rows, 1)
            expectSameBits(part, [(0..<rows).reduce(0) { $0 + x[$1 * count] }], "sum_rows of one column")
        }
    }

    @Test("dot products and sums of squares equal Double", arguments: Kernels.all)
    func dots(kernels: Kernels) {
        for count in counts + [1000] {
            var values = TestValues(count)
            let (a, b) = (values.floats(count), values.floats(count))
            let dot = zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            let allowed = Tolerance(absolute: 1e-6 * Double(count).squareRoot())
            expectClose([kernels.table.pointee.dot(a, b, count)], [dot], allowed, "dot of \(count)")
            #expect(
                kernels.table.pointee.sum_of_squares(a, count) == a.reduce(0.0) { $0 + Double($1) * Double($1) })
        }
    }

    @Test("argmax finds the first of the largest, and NaN wherever it is", arguments: Kernels.all)
    func argmax(kernels: Kernels) {
        for count in counts {
            for place in [0, count / 2, count - 1] {
                var x = [Float](repeating: -.infinity, count: count)
                #expect(kernels.table.pointee.argmax(x, count) == 0)
                for index in place..<count { x[index] = -3 }
                #expect(kernels.table.pointee.argmax(x, count) == place)
                x[place] = .infinity
                #expect(kernels.table.pointee.argmax(x, count) == place)
                x[place] = .nan
                #expect(kernels.table.pointee.argmax(x, count) == -1)
            }
        }
    }
}
