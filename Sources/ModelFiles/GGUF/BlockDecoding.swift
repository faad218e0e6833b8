/// GGUF's block types to single precision, with the products and sums in ggml's order, so that every bit agrees.
///
/// Each type is one function that decodes one block; its doc comment is the block's layout. Multi-byte fields are
/// little-endian, blocks have no alignment, and every bit pattern is a valid block.
enum BlockDecoding {
    /// Decodes whole blocks that lie one after the other.
    ///
    /// - Parameter blocks: `count · type.bytesPerBlock` readable bytes.
    /// - Parameter output: Room for `count · type.elementsPerBlock` numbers.
    static func decode(
        _ type: StoredType, _ blocks: UnsafeRawPointer, count: Int, into output: UnsafeMutablePointer<Float>
    ) {
        switch type {
        case .q8x0: each(type, blocks, count, output) { decodeQ8x0($0, $1) }
        case .q4x0: each(type, blocks, count, output) { decodeQ4x0($0, $1) }
        case .q4x1: each(type, blocks, count, output) { decodeQ4x1($0, $1) }
        case .q5x0: each(type, blocks, count, output) { decodeQ5x0($0, $1) }
        case .q5x1: each(type, blocks, count, output) { decodeQ5x1($0, $1) }
        case .q2k: each(type, blocks, count, output) { decodeQ2K($0, $1) }
        case .q3k: each(type, blocks, count, output) { decodeQ3K($0, $1) }
        case .q4k: each(type, blocks, count, output) { decodeQ4K($0, $1) }
        case .q5k: each(type, blocks, count, output) { decodeQ5K($0, $1) }
        case .q6k: each(type, blocks, count, output) { decodeQ6K($0, $1) }
        case .float32, .float16, .bfloat16, .int64, .int32:
            preconditionFailure("BlockDecoding: \(type.rawValue) is not a block type")
        }
    }

    /// Decodes any range of elements: whole blocks in place, the two edges by way of one block on the stack.
    ///
    /// - Parameter start: The first block of the tensor.
    /// - Parameter range: Elements counted from `start`; the blocks that hold them are readable.
    /// - Parameter output: Room for `range.count` numbers.
    static func decode(
        _ type: StoredType, _ start: UnsafeRawPointer, elements range: Range<Int>,
        into output: UnsafeMutablePointer<Float>
    ) {
        let size = type.elementsPerBlock
        var position = range.lowerBound
        while position < range.upperBound {
            let block = start + position / size * type.bytesPerBlock
            let skipped = position % size
            let target = output + (position - range.lowerBound)
            let remaining = range.upperBound - position
            if skipped == 0, remaining >= size {
                let whole = remaining / size
                decode(type, block, count: whole, into: target)
                position += whole * size
            } else {
                let taken = min(size - skipped, remaining)
                withUnsafeTemporaryAllocation(of: Float.self, capacity: size) { scratch in
                    guard let numbers = scratch.baseAddress else { return }
                    decode(type, block, count: 1, into: numbers)
                    target.update(from: numbers + skipped, count: taken)
                }
                position += taken
            }
        }
    }

    @inline(__always)
    private static func each(
        _ type: StoredType, _ blocks: UnsafeRawPointer, _ count: Int, _ output: UnsafeMutablePointer<Float>,
        _ decodeOne: (UnsafeRawPointer, UnsafeMutablePointer<Float>) -> Void
    ) {
        let bytes = type.bytesPerBlock
        let elements = type.elementsPerBlock
        var block = blocks
        var target = output
        for _ in 0..<count {
            decodeOne(block, target)
            block += bytes
            target += elements
        }
    }
}
