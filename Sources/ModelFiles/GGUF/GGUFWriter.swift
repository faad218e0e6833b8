/// Writes GGUF files (version 3, little-endian), whole or not at all: equal content gives equal bytes.
///
/// Source: the GGUF specification, `docs/gguf.md` of ggml.
public enum GGUFWriter {
    /// What the tensors' offsets are multiples of, in bytes; the format's default.
    static let alignment = 32

    /// Writes a file.
    ///
    /// - Parameter metadata: The key–value pairs, in their order. `general.alignment`, if there, must be 32.
    /// - Parameter tensors: In the order in which they are to lie in the file; block types as they are.
    /// - Throws: `ModelFileError`: `mismatched` for names that occur twice or shapes that a type can't hold,
    ///   `unsupported`, `unwritable`, or what a tensor's closure throws.
    public static func write(
        metadata: GGUFMetadata, tensors: [WritableTensor], to path: String
    ) throws(ModelFileError) {
        var head = GGUFBytes()
        head.append("GGUF".utf8)
        head.integer(UInt32(3))
        head.integer(UInt64(tensors.count))
        head.integer(UInt64(metadata.keys.count))
        for key in metadata.keys {
            guard let value = metadata[key] else { continue }
            guard key != "general.alignment" || value.intValue == alignment else {
                throw ModelFileError(
                    .unsupported, "\(path): general.alignment is \(value.summary), expected \(alignment)")
            }
            head.string(key)
            head.value(value)
        }
        var offset = 0
        var names: Set<String> = []
        for tensor in tensors {
            guard names.insert(tensor.name).inserted else {
                throw ModelFileError(.mismatched, "\(path): the tensor name \(quoted(tensor.name)) is used twice")
            }
            try head.tensor(tensor, offset: offset, path: path)
            let (end, overflow) = offset.addingReportingOverflow(try tensor.byteCount(for: path))
            guard !overflow, end < Int.max - alignment else {
                throw ModelFileError(.mismatched, "\(path): all tensors together are too large for a file")
            }
            offset = padded(end)
        }
        try AtomicFile.write(to: path) { file throws(ModelFileError) in
            try file.write(head.bytes)
            for tensor in tensors {
                try pad(file)
                try tensor.write(to: file)
            }
            try pad(file)
        }
    }

    private static func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }

    private static func pad(_ file: WritableFile) throws(ModelFileError) {
        try file.write([UInt8](repeating: 0, count: padded(file.byteCount) - file.byteCount))
    }
}

/// The head of a GGUF file while it is put together.
private struct GGUFBytes {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

    mutating func integer(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func string(_ text: String) {
        integer(UInt64(text.utf8.count))
        append(text.utf8)
    }

    /// Name, dimensions (innermost first), type and offset of a tensor.
    mutating func tensor(_ tensor: WritableTensor, offset: Int, path: String) throws(ModelFileError) {
        guard tensor.shape.count <= GGUFTensorInfo.maximumDimensions, !tensor.shape.contains(where: { $0 < 1 }) else {
            throw ModelFileError(
                .unsupported,
                "\(path): tensor \(quoted(tensor.name)) has the shape \(tensor.shape); GGUF has at most "
                    + "\(GGUFTensorInfo.maximumDimensions) dimensions of at least 1")
        }
        guard let number = GGMLType.number(of: tensor.type) else {
            throw ModelFileError(
                .unsupported,
                "\(path): tensor \(quoted(tensor.name)) is of type \(tensor.type.rawValue), which GGUF has not")
        }
        string(tensor.name)
        integer(UInt32(tensor.shape.count))
        for dimension in tensor.shape.reversed() { integer(UInt64(dimension)) }
        integer(number)
        integer(UInt64(offset))
    }

    /// The type's number and the value.
    mutating func value(_ value: GGUFValue) {
        integer(value.type.rawValue)
        switch value {
        case .uint8(let value): integer(value)
        case .int8(let value): integer(value)
        case .uint16(let value): integer(value)
        case .int16(let value): integer(value)
        case .uint32(let value): integer(value)
        case .int32(let value): integer(value)
        case .float32(let value): integer(value.bitPattern)
        case .bool(let value): integer(UInt8(value ? 1 : 0))
        case .string(let value): string(value)
        case .array(let value): array(value)
        case .uint64(let value): integer(value)
        case .int64(let value): integer(value)
        case .float64(let value): integer(value.bitPattern)
        }
    }

    private mutating func array(_ array: GGUFArray) {
        integer(array.elementType.rawValue)
        switch array {
        case .uint8(let values): elements(values) { $0.integer($1) }
        case .int8(let values): elements(values) { $0.integer($1) }
        case .uint16(let values): elements(values) { $0.integer($1) }
        case .int16(let values): elements(values) { $0.integer($1) }
        case .uint32(let values): elements(values) { $0.integer($1) }
        case .int32(let values): elements(values) { $0.integer($1) }
        case .float32(let values): elements(values) { $0.integer($1.bitPattern) }
        case .bool(let values): elements(values) { $0.integer(UInt8($1 ? 1 : 0)) }
        case .string(let values): elements(values) { $0.string($1) }
        case .array(let values): elements(values) { $0.array($1) }
        case .uint64(let values): elements(values) { $0.integer($1) }
        case .int64(let values): elements(values) { $0.integer($1) }
        case .float64(let values): elements(values) { $0.integer($1.bitPattern) }
        }
    }

    private mutating func elements<Element>(_ values: [Element], _ append: (inout GGUFBytes, Element) -> Void) {
        integer(UInt64(values.count))
        for value in values { append(&self, value) }
    }
}
