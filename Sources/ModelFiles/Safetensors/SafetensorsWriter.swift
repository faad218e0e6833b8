import OrderedJSON

/// A tensor to be written: its description, and its bytes when they are asked for.
public struct SafetensorsEntry {
    /// Its name.
    public private(set) var name: String
    /// Its shape.
    public let shape: [Int]
    /// How its numbers are written; one of F32, F16, BF16, I64, I32.
    public let type: StoredType
    fileprivate let write: (WritableFile, Int) throws(ModelFileError) -> Void

    /// A tensor whose bytes (little-endian, row-major) a closure makes; it is called once, when their turn has come, so that
    /// one tensor at a time is in memory.
    public init(
        name: String, shape: [Int], type: StoredType, bytes: @escaping () throws(ModelFileError) -> [UInt8]
    ) {
        self.name = name
        self.shape = shape
        self.type = type
        write = { (file, byteCount) throws(ModelFileError) in
            let bytes = try bytes()
            guard bytes.count == byteCount else {
                throw ModelFileError(
                    .mismatched,
                    "\(file.path): tensor \(quoted(name)) of shape \(shape) got \(bytes.count) bytes; expected \(byteCount)"
                )
            }
            try file.write(bytes)
        }
    }

    /// A copy of a stored tensor, under another name if one is given.
    public init(_ tensor: StoredTensor, name: String? = nil) {
        self.name = name ?? tensor.name
        shape = tensor.shape
        type = tensor.type
        write = { (file, _) throws(ModelFileError) in try file.write(tensor.bytes) }
    }

    /// A tensor of numbers, rounded to the nearest if the type is a half one.
    ///
    /// - Parameter type: `float32`, `float16` or `bfloat16`.
    public init(name: String, shape: [Int], floats: [Float], type: StoredType = .float32) {
        self.init(name: name, shape: shape, type: type) { () throws(ModelFileError) in
            switch type {
            case .float32: return floats.withUnsafeBytes(Array.init)
            case .float16: return floats.map { Float16($0) }.withUnsafeBytes(Array.init)
            case .bfloat16: return floats.map(bfloat16).withUnsafeBytes(Array.init)
            default:
                throw ModelFileError(
                    .unsupported, "tensor \(quoted(name)): floats can't be written as \(type.rawValue)")
            }
        }
    }
}

extension SafetensorsEntry {
    /// The same tensor under another name.
    func renamed(_ name: String) -> SafetensorsEntry {
        var copy = self
        copy.name = name
        return copy
    }
}

/// The upper half of a number, rounded to the nearest, ties to even.
private func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
}

/// Writes safetensors files: the same tensors give the same bytes, and they are those of the reference implementation.
///
/// Order: I64, F32, I32, BF16, F16 (so that every tensor is aligned), within a type by the bytes of the name. The header
/// holds `__metadata__` first, its keys sorted, and is padded with spaces to a multiple of eight bytes.
public enum SafetensorsWriter {
    /// Writes a file, whole or not at all.
    ///
    /// - Parameter metadata: Texts for `__metadata__`; other libraries expect `format` to be `pt`.
    /// - Throws: `ModelFileError`: `unwritable`, `mismatched`, `unsupported`, or what an entry's closure throws.
    public static func write(
        _ entries: [SafetensorsEntry], metadata: [String: String] = ["format": "pt"], to path: String
    ) throws(ModelFileError) {
        let (header, sorted, byteCounts) = try layout(entries, metadata: metadata, path: path)
        try AtomicFile.write(to: path) { file throws(ModelFileError) in
            try file.write(withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header)
            for (entry, byteCount) in zip(sorted, byteCounts) { try entry.write(file, byteCount) }
        }
    }

    private static func layout(
        _ entries: [SafetensorsEntry], metadata: [String: String], path: String
    ) throws(ModelFileError) -> (header: [UInt8], sorted: [SafetensorsEntry], byteCounts: [Int]) {
        var ranked: [(rank: Int, entry: SafetensorsEntry)] = []
        for entry in entries {
            guard let rank = [StoredType.int64, .float32, .int32, .bfloat16, .float16].firstIndex(of: entry.type) else {
                throw ModelFileError(
                    .unsupported,
                    "\(path): tensor \(quoted(entry.name)) is of type \(entry.type.rawValue), which safetensors has not"
                )
            }
            ranked.append((rank, entry))
        }
        ranked.sort { ($0.rank, SortedByBytes($0.entry.name)) < ($1.rank, SortedByBytes($1.entry.name)) }

        var object = JSONObject()
        if !metadata.isEmpty {
            let keys = metadata.keys.sorted { SortedByBytes($0) < SortedByBytes($1) }
            object["__metadata__"] = .object(JSONObject(keys.map { ($0, .string(metadata[$0] ?? "")) }))
        }
        var end = 0
        var byteCounts: [Int] = []
        for (_, entry) in ranked {
            let byteCount = try byteCount(of: entry, path: path)
            let (next, overflow) = end.addingReportingOverflow(byteCount)
            guard !overflow, entry.name != "__metadata__", object[entry.name] == nil else {
                throw ModelFileError(
                    .mismatched,
                    "\(path): the tensor name \(quoted(entry.name)) is used twice or reserved, or all is too large")
            }
            object[entry.name] = [
                "dtype": .string(entry.type.rawValue), "shape": .array(entry.shape.map { .integer($0) }),
                "data_offsets": [.integer(end), .integer(next)],
            ]
            end = next
            byteCounts.append(byteCount)
        }
        var header = Array(JSONValue.object(object).text().utf8)
        header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
        guard header.count <= SafetensorsHeader.maximumByteCount else {
            throw ModelFileError(
                .mismatched, "\(path): the header would have \(header.count) bytes; write fewer tensors")
        }
        return (header, ranked.map(\.entry), byteCounts)
    }

    private static func byteCount(of entry: SafetensorsEntry, path: String) throws(ModelFileError) -> Int {
        var count = entry.type.bytesPerBlock
        for dimension in entry.shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            guard dimension >= 0, !overflow else {
                throw ModelFileError(
                    .mismatched, "\(path): tensor \(quoted(entry.name)) can't have the shape \(entry.shape)")
            }
            count = product
        }
        return count
    }
}

/// A text that is compared by its UTF-8 bytes, as other languages do.
struct SortedByBytes: Comparable {
    private let text: String
    init(_ text: String) { self.text = text }
    static func == (left: SortedByBytes, right: SortedByBytes) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }
    static func < (left: SortedByBytes, right: SortedByBytes) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }
}
