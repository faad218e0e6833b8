import CKernels

/// Keys and values of many sequences in pages of 32 positions, for each layer. A sequence's positions 32b…32b+31 lie in
/// the page that its table names at b, so block boundaries are the same however a sequence was computed.
public final class KeyValuePages: @unchecked Sendable {
    /// Positions a page holds.
    public static let pageSize = Int(CK_PAGE)
    /// Layers.
    public let layers: Int
    /// Heads of keys and values.
    public let heads: Int
    /// Width of a head, rounded up to a multiple of 16.
    public let width: Int
    /// `float32` or `bfloat16`.
    public let type: ElementType
    /// How many pages there are.
    public private(set) var pages = 0
    /// Pages of one block of memory.
    private let blockPages: Int
    /// For each layer its blocks of `[blockPages, heads, width · 32]`.
    private var keys: [[Tensor]]
    private var values: [[Tensor]]

    /// Pages of zeros.
    public init(layers: Int, pages: Int, heads: Int, headWidth: Int, type: ElementType) {
        (self.layers, self.heads, self.type) = (layers, heads, type)
        width = Self.paddedWidth(headWidth)
        blockPages = max(1, pages)
        keys = Array(repeating: [], count: layers)
        values = keys
        grow()
    }

    /// Adds as many pages as it was made with. Nothing may be computing with the pages meanwhile.
    public func grow() {
        let shape = [blockPages, heads, width * Self.pageSize]
        for layer in 0..<layers {
            keys[layer].append(.zeros(shape, type: type))
            values[layer].append(.zeros(shape, type: type))
        }
        pages += blockPages
    }

    /// Gives back all pages but those it was made with. Nobody may be using the others.
    public func shrink() {
        for layer in 0..<layers {
            keys[layer].removeLast(keys[layer].count - 1)
            values[layer].removeLast(values[layer].count - 1)
        }
        pages = blockPages
    }

    /// The width that kernels work with.
    public static func paddedWidth(_ width: Int) -> Int { (width + 15) & ~15 }

    /// Bytes of one page over all layers.
    public var pageBytes: Int { 2 * layers * heads * width * Self.pageSize * type.byteCount }

    /// Where a head's part of a page lies in its block, in elements.
    private func place(_ page: Int, _ head: Int) -> Int { (page % blockPages * heads + head) * width * Self.pageSize }

    /// Writes the key and value of one head at one position.
    func store(layer: Int, page: Int, head: Int, slot: Int, key: UnsafePointer<Float>, value: UnsafePointer<Float>) {
        let place = place(page, head)
        let (keyBlock, valueBlock) = (keys[layer][page / blockPages], values[layer][page / blockPages])
        if type == .bfloat16 {
            ck_store_key_value_bf16(keyBlock.halves + place, valueBlock.halves + place, key, value, slot, width)
        } else {
            ck_store_key_value_f32(keyBlock.floats + place, valueBlock.floats + place, key, value, slot, width)
        }
    }

    /// Writes the addresses of a head's pages in a layer, one for each page.
    func addresses<Number>(
        layer: Int, head: Int, pages: ArraySlice<Int32>, keys: UnsafeMutablePointer<UnsafePointer<Number>?>,
        values: UnsafeMutablePointer<UnsafePointer<Number>?>
    ) {
        func address(_ blocks: [Tensor], _ page: Int) -> UnsafePointer<Number>? {
            let block = blocks[page / blockPages].storage.pointer.assumingMemoryBound(to: Number.self)
            return UnsafePointer<Number>?(block + place(page, head))
        }
        for (index, page) in pages.enumerated() {
            keys[index] = address(self.keys[layer], Int(page))
            values[index] = address(self.values[layer], Int(page))
        }
    }

    /// Copies a whole page in every layer: two sequences part in the middle of it.
    public func copyPage(from source: Int, to target: Int) {
        let count = heads * width * Self.pageSize * type.byteCount
        for blocks in keys + values {
            (blocks[target / blockPages].storage.pointer + target % blockPages * count).copyMemory(
                from: blocks[source / blockPages].storage.pointer + source % blockPages * count, byteCount: count)
        }
    }
}
