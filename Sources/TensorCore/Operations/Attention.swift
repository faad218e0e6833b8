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
struct AttentionCall: Sendable {
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
            let scratch = Tensor(shape: [Self.queryLimit * (Self.page + width) + width * Self.page])
            if pages.type == .bfloat16 {
                forward(
                    tile, keyHead, q, output, logSumExp, scratch, pages, layer, seen, kernel: ck_attention_bf16)
            } else {
                forward(tile, keyHead, q, output, logSumExp, scratch, pages, layer, seen, kernel: ck_attention_f32)
            }
        }
        return (output, logSumExp)
    }

    private typealias Kernel<Number> = (
        UnsafePointer<UnsafeMutablePointer<Float>?>?, UnsafeMutablePointer<Float>?,
        UnsafePointer<UnsafePointer<Float>?>?, UnsafePointer<Int32>?, Int, UnsafePointer<UnsafePointer<Number>?>?,
        UnsafePointer<UnsafePointer<Number>?>?, Int, Float, Int, UnsafeMutablePointer<Float>?
    ) -> Void

    /// One tile and one head of keys.
    private func forward<Number>(
        _ tile: SequenceLayout.Tile, _ keyHead: Int, _ q: Tensor, _ output: Tensor, _ logSumExp: Tensor,
        _ scratch: Tensor, _ pages: KeyValuePages, _ layer: Int, _ seen: ArraySlice<Int32>, kernel: Kernel<Number>
    ) {
        KernelLists<Number>.with(entries: Self.queryLimit, pages: seen.count) { lists in
            pages.addresses(layer: layer, head: keyHead, pages: seen, keys: lists.keys, values: lists.values)
            let count = tile.rows.count * group
            for start in stride(from: 0, to: count, by: Self.queryLimit) {
                let size = min(Self.queryLimit, count - start)
                for index in 0..<size {
                    let entry = entry(start + index, tile.rows, keyHead)
                    lists.queries[index] = UnsafePointer<Float>?(q.floats + entry * width)
                    lists.outputs[index] = UnsafeMutablePointer<Float>?(output.floats + entry * width)
                    lists.positions[index] = layout.positions[entry / heads]
                }
                kernel(
                    lists.outputs, lists.sums, lists.queries, lists.positions, size, lists.keys, lists.values, width,
                    scale, window, scratch.floats)
                for index in 0..<size {
                    logSumExp.floats[entry(start + index, tile.rows, keyHead)] = lists.sums[index]
                }
            }
        }
    }

    /// The (row, head) pair of a number among those that share a head of keys, rows first, as row · H + head.
    private func entry(_ number: Int, _ rows: Range<Int>, _ keyHead: Int) -> Int {
        (rows.lowerBound + number / group) * heads + keyHead * group + number % group
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

/// What one call of the attention kernel takes, in one piece of temporary memory: at each token of a generation there are
/// hundreds of calls.
private struct KernelLists<Number> {
    let queries: UnsafeMutablePointer<UnsafePointer<Float>?>
    let outputs: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
    let keys, values: UnsafeMutablePointer<UnsafePointer<Number>?>
    let positions: UnsafeMutablePointer<Int32>
    let sums: UnsafeMutablePointer<Float>

    static func with(entries: Int, pages: Int, _ body: (KernelLists) -> Void) {
        let pointer = MemoryLayout<UnsafeRawPointer?>.stride
        let bytes = 2 * (entries + pages) * pointer + entries * 8
        withUnsafeTemporaryAllocation(byteCount: bytes, alignment: pointer) { memory in
            guard let start = memory.baseAddress else { return }
            func part<Element>(_ offset: Int, _ count: Int) -> UnsafeMutablePointer<Element> {
                (start + offset).bindMemory(to: Element.self, capacity: count)
            }
            let numbers = 2 * (entries + pages) * pointer
            body(
                KernelLists(
                    queries: part(0, entries), outputs: part(entries * pointer, entries),
                    keys: part(2 * entries * pointer, pages), values: part((2 * entries + pages) * pointer, pages),
                    positions: part(numbers, entries), sums: part(numbers + entries * 4, entries)))
        }
    }
}
