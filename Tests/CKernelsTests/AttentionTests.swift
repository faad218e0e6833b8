import CKernels
import NumericalTesting
import Testing

/// One head of keys and values in pages, and queries for it.
private struct Head {
    static let page = Int(CK_PAGE)
    let kernels: Kernels
    let width: Int
    let length: Int
    let half: Bool
    let queries: [Float]
    let keys: [Float]
    let values: [Float]
    var keyPages: [Float] = []
    var valuePages: [Float] = []
    var scale: Float { 1 / Float(width).squareRoot() }

    /// - Parameter stale: What the places past the last position hold.
    init(_ kernels: Kernels, width: Int, length: Int, half: Bool = false, stale: Float = 0) {
        (self.kernels, self.width, self.length, self.half) = (kernels, width, length, half)
        var random = TestValues(width * 1000 + length)
        queries = random.floats(length * width, 2)
        keys = nearestBFloat16(random.floats(length * width, 2))
        values = nearestBFloat16(random.floats(length * width))
        let pages = (length + Self.page - 1) / Self.page
        keyPages = [Float](repeating: stale, count: pages * Self.page * width)
        valuePages = keyPages
        for position in 0..<length { place(position) }
    }

    private mutating func place(_ position: Int) {
        let start = position / Self.page * Self.page * width
        let slot = position % Self.page
        for d in 0..<width {
            keyPages[start + d * Self.page + slot] = keys[position * width + d]
            valuePages[start + slot * width + d] = values[position * width + d]
        }
    }

    /// Outputs and log-sum-exps of the rows at the positions, attended in one call.
    func attend(_ positions: [Int], window: Int = 0) -> [Float] {
        let pages = keyPages.count / (Self.page * width)
        var output = [Float](repeating: .nan, count: positions.count * width)
        var sums = [Float](repeating: .nan, count: positions.count)
        var scratch = [Float](repeating: .nan, count: Int(CK_QUERIES) * (width + Self.page) + width * Self.page)
        let rows = positions.map(Int32.init)
        let halves = (keyPages.map { UInt16($0.bitPattern >> 16) }, valuePages.map { UInt16($0.bitPattern >> 16) })
        queries.withUnsafeBufferPointer { q in
            output.withUnsafeMutableBufferPointer { y in
                let queryRows = positions.map { position in q.baseAddress.map { $0 + position * width } }
                let outputRows = positions.indices.map { index in y.baseAddress.map { $0 + index * width } }
                func addresses<T>(_ buffer: UnsafeBufferPointer<T>) -> [UnsafePointer<T>?] {
                    (0..<pages).map { page in buffer.baseAddress.map { $0 + page * Self.page * width } }
                }
                if half {
                    halves.0.withUnsafeBufferPointer { k in
                        halves.1.withUnsafeBufferPointer { v in
                            kernels.table.pointee.attention_bf16(
                                outputRows, &sums, queryRows, rows, rows.count, addresses(k), addresses(v), width,
                                scale, window, &scratch)
                        }
                    }
                } else {
                    keyPages.withUnsafeBufferPointer { k in
                        valuePages.withUnsafeBufferPointer { v in
                            kernels.table.pointee.attention_f32(
                                outputRows, &sums, queryRows, rows, rows.count, addresses(k), addresses(v), width,
                                scale, window, &scratch)
                        }
                    }
                }
            }
        }
        return output + sums
    }

    /// The outputs of the plain formula.
    func expected(_ positions: [Int], window: Int = 0) -> [Double] {
        Twin.attention(
            positions.flatMap { queries[$0 * width..<($0 + 1) * width].map(Double.init) }, keys.map(Double.init),
            values.map(Double.init), heads: 1, keyHeads: 1, width: width,
            visible: positions.map { Array((window > 0 ? max(0, $0 - window + 1) : 0)...$0) })
    }
}

@Suite("Attention kernels")
struct AttentionTests {
    private static let widths = [16, 32, 48, 64, 80, 128]

    @Test("attention equals the plain formula for all widths, lengths and windows", arguments: Kernels.all)
    func formula(kernels: Kernels) {
        for width in Self.widths {
            for length in [1, 2, 31, 32, 33, 65] {
                for half in [false, true] {
                    let head = Head(kernels, width: width, length: length, half: half)
                    let positions = Array(stride(from: length - 1, through: 0, by: -3).prefix(32))
                    for window in [0, 1, 3, 32, 33, 100] {
                        let y = head.attend(positions, window: window)
                        expectClose(
                            Array(y[..<(positions.count * width)]), head.expected(positions, window: window), .forward,
                            "width \(width), \(length) positions, window \(window), bfloat16 \(half)")
                    }
                }
            }
        }
    }

    @Test("a row's bits depend neither on the rows of its call nor on their order", arguments: Kernels.all)
    func rowsAreIndependent(kernels: Kernels) {
        for (width, half) in [(16, false), (48, true), (80, false)] {
            let head = Head(kernels, width: width, length: 70, half: half)
            for window in [0, 5, 40] {
                let alone = (0..<70).map { head.attend([$0], window: window) }
                var random = TestValues(window)
                for count in [2, 3, 4, 5, 31, 32] {
                    let positions = Array((0..<70).shuffled(using: &random).prefix(count))
                    let together = head.attend(positions, window: window)
                    for (index, position) in positions.enumerated() {
                        let row = together[index * width..<(index + 1) * width] + [together[count * width + index]]
                        expectSameBits(Array(row), alone[position], "position \(position) among \(count)")
                    }
                }
            }
        }
    }

    @Test("what stands at later positions of a page changes nothing, not even NaN", arguments: Kernels.all)
    func laterPositions(kernels: Kernels) {
        for half in [false, true] {
            for length in [1, 7, 33, 63] {
                let clean = Head(kernels, width: 32, length: length, half: half)
                let positions = Array(max(0, length - 20)..<length)
                for stale in [Float(3), -.infinity, .infinity, .nan] {
                    let dirty = Head(kernels, width: 32, length: length, half: half, stale: stale)
                    expectSameBits(
                        dirty.attend(positions), clean.attend(positions), "\(stale) after \(length), bfloat16 \(half)")
                }
            }
        }
    }

    @Test("keys and values are stored where attention reads them", arguments: Kernels.all)
    func storing(kernels: Kernels) {
        for width in [1, 7, 16, 40] {
            var random = TestValues(width)
            let (key, value) = (random.floats(width), random.floats(width))
            for slot in [0, 13, 31] {
                var (keys, values) = (
                    [Float](repeating: 9, count: 32 * width), [Float](repeating: 9, count: 32 * width)
                )
                var (halfKeys, halfValues) = (keys.map { _ in UInt16(9) }, keys.map { _ in UInt16(9) })
                kernels.table.pointee.store_key_value_f32(&keys, &values, key, value, slot, width)
                kernels.table.pointee.store_key_value_bf16(&halfKeys, &halfValues, key, value, slot, width)
                for index in 0..<32 * width {
                    let (d, column) = (index / 32, index % 32)
                    let (row, e) = (index / width, index % width)
                    #expect(keys[index] == (column == slot ? key[d] : 9))
                    #expect(values[index] == (row == slot ? value[e] : 9))
                    let half = { (x: Float) in UInt16(nearestBFloat16(x).bitPattern >> 16) }
                    #expect(halfKeys[index] == (column == slot ? half(key[d]) : 9))
                    #expect(halfValues[index] == (row == slot ? half(value[e]) : 9))
                }
            }
        }
    }
}
