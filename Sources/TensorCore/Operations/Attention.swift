import CKernels

/// Causal attention with grouped heads over paged keys and values.
///
///     s[i,j] = scale · q[i]·k[j]  for j ≤ i, and i − j < window     p = softmax(s)     y = p v
///     ds = p (dy·vᵀ − Σ dy·y)     dq = scale · ds k     dk = scale · dsᵀ q     dv = pᵀ dy
///
/// Each row goes through the blocks of 32 keys from its sequence's first to its own, with one running maximum (online
/// softmax), so its bits depend on its own prefix alone. No matrix of scores is kept; the backward pass computes the
/// probabilities again from the saved log-sum-exp.
///
/// Source: Milakov & Gimelshein 2018, arXiv:1805.02867; Dao et al. 2022, arXiv:2205.14135.
/// - Parameter q: Queries after the rotary embedding, `[N, H · D]`.
/// - Parameter k: Keys after the rotary embedding, rounded as the pages store them, `[N, Hkv · D]`.
/// - Parameter v: Values, rounded likewise, `[N, Hkv · D]`.
/// - Parameter window: Keys that a row sees at most, itself included; 0 for all.
/// - Parameter pages: Where keys and values are written, and read from.
/// - Returns: `[N, H · D]`.
public func attention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, headWidth: Int, window: Int, layout: SequenceLayout, pages: KeyValuePages,
    layer: Int
) -> Tensor {
    precondition(
        q.shape[0] == layout.count && k.shape == [layout.count, pages.heads * headWidth] && v.shape == k.shape
            && q.shape[1] % (pages.heads * headWidth) == 0 && pages.width == KeyValuePages.paddedWidth(headWidth),
        "attention: q \(q.shape), k \(k.shape), v \(v.shape), \(pages.heads) heads of \(headWidth)")
    let call = AttentionCall(
        heads: q.shape[1] / headWidth, keyHeads: pages.heads, headWidth: headWidth,
        window: min(window, Int(Int32.max)), layout: layout)
    let (queries, keys, values) = (call.padded(q), call.padded(k), call.padded(v))
    call.store(keys, values, pages: pages, layer: layer)
    let (output, logSumExp) = call.forward(queries, pages: pages, layer: layer)
    return record(call.unpadded(output), from: q, k, v) { dy in
        let (dq, dk, dv) = call.backward(call.padded(dy), output, logSumExp, queries, keys, values)
        return [call.unpadded(dq), call.unpadded(dk), call.unpadded(dv)]
    }
}

/// The sizes of one call and its passes, on heads padded to a multiple of 16.
private struct AttentionCall: Sendable {
    let heads: Int
    let keyHeads: Int
    let headWidth: Int
    let window: Int
    let layout: SequenceLayout

    var width: Int { KeyValuePages.paddedWidth(headWidth) }
    var group: Int { heads / keyHeads }
    var scale: Float { 1 / Float(headWidth).squareRoot() }
    static let page = KeyValuePages.pageSize
    static let queryLimit = Int(CK_QUERIES)

    /// Heads widened with zeros, `[N, heads · D]` → `[N, heads · width]`; the tensor itself where nothing is to do.
    func padded(_ x: Tensor) -> Tensor {
        guard width != headWidth else { return x.detached }
        let y = Tensor.zeros([x.shape[0], x.shape[1] / headWidth * width])
        copyHeads(from: x, headWidth, to: y, width)
        return y
    }

    func unpadded(_ x: Tensor) -> Tensor {
        guard width != headWidth else { return x }
        let y = Tensor(shape: [x.shape[0], x.shape[1] / width * headWidth])
        copyHeads(from: x, width, to: y, headWidth)
        return y
    }

    private func copyHeads(from x: Tensor, _ sourceWidth: Int, to y: Tensor, _ targetWidth: Int) {
        for head in 0..<x.count / sourceWidth {
            (y.floats + head * targetWidth).update(from: x.floats + head * sourceWidth, count: headWidth)
        }
    }

    /// Writes all rows into their pages; a segment that continues another gets a copy of the page they part in.
    func store(_ keys: Tensor, _ values: Tensor, pages: KeyValuePages, layer: Int) {
        let stride = keyHeads * width
        func write(row: Int, position: Int, segment: SequenceLayout.Segment) {
            for head in 0..<keyHeads {
                pages.store(
                    layer: layer, page: Int(segment.pages[position / Self.page]), head: head,
                    slot: position % Self.page, key: keys.floats + row * stride + head * width,
                    value: values.floats + row * stride + head * width)
            }
        }
        parallelFor(layout.tiles.count, pieces: 16) { range in
            for tile in layout.tiles[range] {
                for row in tile.rows {
                    write(row: row, position: Int(layout.positions[row]), segment: layout.segments[tile.segment])
                }
            }
        }
        parallelFor(layout.continuations.count) { index in
            let (number, parent) = layout.continuations[index]
            let segment = layout.segments[number]
            let start = segment.firstPosition / Self.page * Self.page
            for position in start..<segment.firstPosition {
                write(row: layout.segments[parent].rows.lowerBound + position, position: position, segment: segment)
            }
        }
    }

    func forward(_ q: Tensor, pages: KeyValuePages, layer: Int) -> (output: Tensor, logSumExp: Tensor) {
        let output = Tensor(shape: q.shape)
        let logSumExp = Tensor(shape: [q.shape[0], heads])
        parallelFor(layout.tiles.count * keyHeads) { task in
            // The last rows of a sequence see the most: they go first, so that no thread is left with them.
            let tile = layout.tiles[layout.tiles.count - 1 - task / keyHeads]
            let keyHead = task % keyHeads
            let seen = layout.segments[tile.segment].pages.prefix(
                Int(layout.positions[tile.rows.upperBound - 1]) / Self.page + 1)
            let addresses = pages.addresses(layer: layer, head: keyHead, pages: seen)
            let scratch = Tensor(shape: [Self.queryLimit * (Self.page + width) + width * Self.page])
            for entries in entries(rows: tile.rows, keyHead: keyHead) {
                var queries = entries.map { UnsafePointer<Float>?(q.floats + $0 * width) }
                var outputs = entries.map { UnsafeMutablePointer<Float>?(output.floats + $0 * width) }
                var positions = entries.map { layout.positions[$0 / heads] }
                var sums = [Float](repeating: 0, count: entries.count)
                if pages.type == .bfloat16 {
                    var keyPages = addresses.keys.map { $0?.assumingMemoryBound(to: UInt16.self) }
                    var valuePages = addresses.values.map { $0?.assumingMemoryBound(to: UInt16.self) }
                    ck_attention_bf16(
                        &outputs, &sums, &queries, &positions, entries.count, &keyPages, &valuePages, width, scale,
                        window,
                        scratch.floats)
                } else {
                    var keyPages = addresses.keys.map { $0?.assumingMemoryBound(to: Float.self) }
                    var valuePages = addresses.values.map { $0?.assumingMemoryBound(to: Float.self) }
                    ck_attention_f32(
                        &outputs, &sums, &queries, &positions, entries.count, &keyPages, &valuePages, width, scale,
                        window,
                        scratch.floats)
                }
                for (entry, sum) in zip(entries, sums) { logSumExp.floats[entry] = sum }
            }
        }
        return (output, logSumExp)
    }

    /// The (row, head) pairs, numbered row · H + head, that share a head of keys; as many at a time as a kernel takes.
    func entries(rows: Range<Int>, keyHead: Int) -> [ArraySlice<Int>] {
        let all = rows.flatMap { row in (0..<group).map { row * heads + keyHead * group + $0 } }
        return stride(from: 0, to: all.count, by: Self.queryLimit).map { all[$0...].prefix(Self.queryLimit) }
    }

    func backward(
        _ dy: Tensor, _ output: Tensor, _ logSumExp: Tensor, _ q: Tensor, _ k: Tensor, _ v: Tensor
    ) -> (dq: Tensor, dk: Tensor, dv: Tensor) {
        let (dq, dk, dv) = (Tensor.zeros(q.shape), Tensor.zeros(k.shape), Tensor.zeros(v.shape))
        let delta = Tensor(shape: logSumExp.shape)
        parallelFor(delta.count, pieces: 256) { range in
            for entry in range {
                delta.floats[entry] = ck_dot(dy.floats + entry * width, output.floats + entry * width, width)
            }
        }
        parallelFor(layout.families.count * keyHeads) { task in
            let pass = AttentionHeadBackward(
                call: self, keyHead: task % keyHeads, dy: dy, logSumExp: logSumExp, delta: delta, q: q, k: k, v: v,
                dq: dq, dk: dk, dv: dv)
            for segment in layout.families[task / keyHeads] { pass.run(layout.segments[segment]) }
        }
        return (dq, dk, dv)
    }
}

/// The backward pass of one head of keys and values over one family of segments.
private struct AttentionHeadBackward {
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
