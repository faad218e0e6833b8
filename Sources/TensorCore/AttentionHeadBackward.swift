import CKernels

/// The backward pass of one head of keys and values over one family of segments.
struct AttentionHeadBackward {
    let call: AttentionCall
    let keyHead: Int
    let dy, logSumExp, delta, q, k, v, dq, dk, dv: Tensor

    /// Some (row, head) pairs of a segment, as the kernel takes them.
    private struct Queries {
        let dqueries: [UnsafeMutablePointer<Float>?]
        let doutputs: Turned
        let queries: Turned
        let sums: [Float]
        let deltas: [Float]
        let positions: [Int32]
    }

    /// Rows of a tensor side by side, `[CK_QUERIES, width]`, and turned, `[width, CK_QUERIES]`.
    private struct Turned {
        let both: Tensor
        var rows: UnsafeMutablePointer<Float> { both.floats }
        var columns: UnsafeMutablePointer<Float> { both.floats + both.count / 2 }

        init(_ x: Tensor, _ entries: ArraySlice<Int>, width: Int) {
            let limit = AttentionCall.queryLimit
            both = Tensor(shape: [2, limit, width])
            for (index, entry) in entries.enumerated() {
                (both.floats + index * width).update(from: x.floats + entry * width, count: width)
            }
            (both.floats + entries.count * width).update(repeating: 0, count: (limit - entries.count) * width)
            ck_transpose_f32(columns, rows, limit, width)
        }
    }

    private func queries(_ entries: ArraySlice<Int>) -> Queries {
        Queries(
            dqueries: entries.map { UnsafeMutablePointer<Float>?(dq.floats + $0 * call.width) },
            doutputs: Turned(dy, entries, width: call.width), queries: Turned(q, entries, width: call.width),
            sums: entries.map { logSumExp.floats[$0] }, deltas: entries.map { delta.floats[$0] },
            positions: entries.map { call.layout.positions[$0 / call.heads] })
    }

    /// Keys that are gone through together: what a tile of queries needs is then read once for several blocks.
    private static let blocksAtATime = 4

    func run(_ segment: SequenceLayout.Segment) {
        let (width, page) = (call.width, AttentionCall.page)
        let keyRows = call.layout.keyRows(of: segment)
        let tiles = call.entries(rows: segment.rows, keyHead: keyHead).map(queries)
        let blocks = (0..<Self.blocksAtATime).map { _ in KeyBlock(page: page, width: width) }
        let scratch = Tensor(shape: [2 * AttentionCall.queryLimit * page])
        let step = Self.blocksAtATime * page
        for start in stride(from: 0, to: keyRows.count, by: step) {
            let firsts = Array(stride(from: start, to: min(start + step, keyRows.count), by: page))
            for (block, first) in zip(blocks, firsts) {
                let rows = keyRows[first..<min(first + page, keyRows.count)]
                block.load(rows.map { (k.floats + keyPlace($0), v.floats + keyPlace($0)) })
            }
            // Of each gradient the sum is the same as block by block: queries go through blocks, keys through tiles, ascending.
            for tile in tiles {
                for (block, first) in zip(blocks, firsts) where (tile.positions.last ?? 0) >= first {
                    ck_attention_block_backward(
                        tile.dqueries, block.dkeys, block.dvalues, tile.doutputs.rows, tile.doutputs.columns,
                        tile.queries.rows, tile.queries.columns, tile.sums, tile.deltas, tile.positions,
                        tile.positions.count, block.keys, block.keysTurned, block.valuesTurned, first, block.count,
                        width, call.scale, call.window, scratch.floats)
                }
            }
            for (block, first) in zip(blocks, firsts) {
                for (slot, row) in keyRows[first..<first + block.count].enumerated() {
                    let place = keyPlace(row)
                    ck_add(dk.floats + place, dk.floats + place, block.dkeys + slot * width, width)
                    ck_add(dv.floats + place, dv.floats + place, block.dvalues + slot * width, width)
                }
            }
        }
    }

    /// Keys and values of 32 positions as the kernel takes them, and their gradients.
    private final class KeyBlock {
        private let memory: Tensor
        private let (page, width): (Int, Int)
        /// How many positions there are.
        private(set) var count = 0
        var keys: UnsafeMutablePointer<Float> { part(0) }
        var keysTurned: UnsafeMutablePointer<Float> { part(1) }
        var valuesTurned: UnsafeMutablePointer<Float> { part(2) }
        var dkeys: UnsafeMutablePointer<Float> { part(3) }
        var dvalues: UnsafeMutablePointer<Float> { part(4) }

        init(page: Int, width: Int) {
            (self.page, self.width) = (page, width)
            memory = Tensor(shape: [6, page * width])
        }

        private func part(_ index: Int) -> UnsafeMutablePointer<Float> { memory.floats + index * page * width }

        func load(_ rows: [(key: UnsafeMutablePointer<Float>, value: UnsafeMutablePointer<Float>)]) {
            count = rows.count
            memory.floats.update(repeating: 0, count: memory.count)
            for (slot, row) in rows.enumerated() {
                (keys + slot * width).update(from: row.key, count: width)
                (part(5) + slot * width).update(from: row.value, count: width)
            }
            ck_transpose_f32(keysTurned, keys, page, width)
            ck_transpose_f32(valuesTurned, part(5), page, width)
        }
    }

    private func keyPlace(_ row: Int) -> Int { (row * call.keyHeads + keyHead) * call.width }
}
