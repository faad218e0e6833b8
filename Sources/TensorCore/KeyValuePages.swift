import CKernels

/// Keys and values of many sequences in pages of 32 positions, for each layer. A sequence's positions 32b…32b+31 lie in
/// the page that its table names at b, so block boundaries are the same however a sequence was computed.
public final class KeyValuePages: @unchecked Sendable {
    /// Positions a page holds.
    public static let pageSize = Int(CK_PAGE)
    /// Layers.
    public let layers: Int
    /// How many pages there are.
    public let pages: Int
    /// Heads of keys and values.
    public let heads: Int
    /// Width of a head, rounded up to a multiple of 16.
    public let width: Int
    /// `float32` or `bfloat16`.
    public let type: ElementType
    private let keys: [Tensor]
    private let values: [Tensor]

    /// Pages of zeros.
    public init(layers: Int, pages: Int, heads: Int, headWidth: Int, type: ElementType) {
        (self.layers, self.pages, self.heads, self.type) = (layers, pages, heads, type)
        width = Self.paddedWidth(headWidth)
        let shape = [pages, heads, width * Self.pageSize]
        keys = (0..<layers).map { _ in .zeros(shape, type: type) }
        values = (0..<layers).map { _ in .zeros(shape, type: type) }
    }

    /// The width that kernels work with.
    public static func paddedWidth(_ width: Int) -> Int { (width + 15) & ~15 }

    /// Bytes of one page over all layers.
    public static func pageBytes(layers: Int, heads: Int, headWidth: Int, type: ElementType) -> Int {
        2 * layers * heads * paddedWidth(headWidth) * pageSize * type.byteCount
    }

    private func place(_ page: Int, _ head: Int) -> Int { (page * heads + head) * width * Self.pageSize }

    /// Writes the key and value of one head at one position.
    func store(layer: Int, page: Int, head: Int, slot: Int, key: UnsafePointer<Float>, value: UnsafePointer<Float>) {
        let place = place(page, head)
        if type == .bfloat16 {
            ck_store_key_value_bf16(keys[layer].halves + place, values[layer].halves + place, key, value, slot, width)
        } else {
            ck_store_key_value_f32(keys[layer].floats + place, values[layer].floats + place, key, value, slot, width)
        }
    }

    /// The addresses of a head's pages in a layer.
    func addresses(layer: Int, head: Int, pages: [Int32]) -> (
        keys: [UnsafeRawPointer?], values: [UnsafeRawPointer?]
    ) {
        let bytes = type.byteCount
        let (keyBase, valueBase) = (keys[layer].storage.pointer, values[layer].storage.pointer)
        return (
            pages.map { UnsafeRawPointer(keyBase + place(Int($0), head) * bytes) },
            pages.map { UnsafeRawPointer(valueBase + place(Int($0), head) * bytes) }
        )
    }

    /// Copies a whole page in every layer: two sequences part in the middle of it.
    public func copyPage(from source: Int, to target: Int) {
        let count = heads * width * Self.pageSize * type.byteCount
        for tensor in keys + values {
            let base = tensor.storage.pointer
            (base + target * count).copyMemory(from: base + source * count, byteCount: count)
        }
    }
}
