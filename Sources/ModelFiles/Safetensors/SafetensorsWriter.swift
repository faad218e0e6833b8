import OrderedJSON

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
        _ entries: [WritableTensor], metadata: [String: String] = ["format": "pt"], to path: String
    ) throws(ModelFileError) {
        let (header, sorted) = try layout(entries, metadata: metadata, path: path)
        try AtomicFile.write(to: path) { file throws(ModelFileError) in
            try file.write(withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header)
            for entry in sorted { try entry.write(to: file) }
        }
    }

    private static func layout(
        _ entries: [WritableTensor], metadata: [String: String], path: String
    ) throws(ModelFileError) -> (header: [UInt8], sorted: [WritableTensor]) {
        var ranked: [(rank: Int, entry: WritableTensor)] = []
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
        for (_, entry) in ranked {
            let byteCount = try entry.byteCount(for: path)
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
        }
        var header = Array(JSONValue.object(object).text().utf8)
        header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
        guard header.count <= SafetensorsHeader.maximumByteCount else {
            throw ModelFileError(
                .mismatched, "\(path): the header would have \(header.count) bytes; write fewer tensors")
        }
        return (header, ranked.map(\.entry))
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
