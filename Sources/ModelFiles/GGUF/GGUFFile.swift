/// A GGUF file (versions 2 and 3, little-endian): its metadata, and its tensors without their numbers, which are read
/// from the mapped file when they are asked for.
///
/// Everything is checked while opening: a tensor that is listed lies wholly inside the file.
/// Source: the GGUF specification, `docs/gguf.md` of ggml.
public struct GGUFFile: Sendable {
    /// The mapped file.
    public let file: MappedFile
    /// The format's version, 2 or 3.
    public let version: Int
    /// What all tensors' offsets are multiples of, in bytes.
    public let alignment: Int
    /// The key–value pairs at the head of the file.
    public let metadata: GGUFMetadata
    /// The tensors' names in the file's order.
    public let tensorNames: [String]
    /// The tensors by name, shapes with the outermost dimension first.
    public let tensors: [String: StoredTensor]

    /// Opens a file.
    ///
    /// - Throws: `ModelFileError`: `unreadable` if it can't be opened, `malformed` if it is damaged, `unsupported` if it
    ///   has another version or a tensor of a type that can't be read.
    public init(path: String) throws(ModelFileError) {
        try self.init(MappedFile(path: path))
    }

    /// Reads a mapped file.
    ///
    /// - Throws: As `init(path:)` does.
    public init(_ file: MappedFile) throws(ModelFileError) {
        self.file = file
        var reader = GGUFReader(file)
        version = try Self.readVersion(&reader)
        reader.place = "the number of tensors"
        let tensorCount = try reader.count(of: "tensors", size: 24)
        reader.place = "the number of metadata keys"
        let keyCount = try reader.count(of: "metadata keys", size: 13)
        metadata = try Self.readMetadata(&reader, count: keyCount)
        alignment = try Self.alignment(metadata, of: file)

        var listed: [GGUFTensorInfo] = []
        for index in 0..<tensorCount {
            listed.append(try GGUFTensorInfo(reading: &reader, index: index, count: tensorCount))
        }
        let dataStart = (reader.position + alignment - 1) / alignment * alignment
        var names: [String] = []
        var tensors: [String: StoredTensor] = [:]
        names.reserveCapacity(listed.count)
        tensors.reserveCapacity(listed.count)
        for info in listed {
            let tensor = try info.tensor(in: file, dataStart: dataStart, alignment: alignment)
            guard tensors.updateValue(tensor, forKey: info.name) == nil else {
                throw ModelFileError(.malformed, "\(file.path): tensor '\(info.name)' is listed twice")
            }
            names.append(info.name)
        }
        try Self.checkDisjoint(tensors.values, in: file)
        tensorNames = names
        self.tensors = tensors
    }

    private static func readVersion(_ reader: inout GGUFReader) throws(ModelFileError) -> Int {
        let path = reader.file.path
        guard reader.file.bytes.starts(with: "GGUF".utf8) else {
            let start = reader.file.bytes.prefix(4).map { "\($0)" }.joined(separator: " ")
            throw ModelFileError(
                .malformed, "\(path): not a GGUF file: it starts with the bytes [\(start)], expected 'GGUF'")
        }
        _ = try reader.integer(UInt32.self)
        let version = try reader.integer(UInt32.self)
        guard version == 2 || version == 3 else {
            let isSwapped = (1...3).contains(version.byteSwapped)
            throw ModelFileError(
                .unsupported,
                isSwapped
                    ? "\(path): a big-endian GGUF file; convert it with gguf-py's gguf_convert_endian.py"
                    : "\(path): GGUF version \(version), expected 2 or 3; convert the model anew")
        }
        return Int(version)
    }

    private static func readMetadata(
        _ reader: inout GGUFReader, count: Int
    ) throws(ModelFileError) -> GGUFMetadata {
        var metadata = GGUFMetadata()
        for index in 0..<count {
            reader.place = "metadata key \(index + 1) of \(count)"
            let key = try reader.string()
            reader.place = "metadata key '\(key.prefix(100))'"
            guard metadata.append(key, try reader.value()) else { throw reader.malformed("the key is there twice") }
        }
        return metadata
    }

    private static func alignment(
        _ metadata: GGUFMetadata, of file: MappedFile
    ) throws(ModelFileError) -> Int {
        guard let value = metadata["general.alignment"] else { return 32 }
        guard case .uint32(let alignment) = value, alignment.nonzeroBitCount == 1 else {
            throw ModelFileError(
                .malformed,
                "\(file.path): general.alignment is \(value.summary), expected a power of two (uint32)")
        }
        return Int(alignment)
    }

    /// Refuses tensors that share bytes: no writer makes such files, so the offsets are damaged.
    private static func checkDisjoint(
        _ tensors: some Sequence<StoredTensor>, in file: MappedFile
    ) throws(ModelFileError) {
        let ordered = tensors.sorted { $0.offset < $1.offset }
        for (tensor, next) in zip(ordered, ordered.dropFirst()) where tensor.offset + tensor.byteCount > next.offset {
            throw ModelFileError(
                .malformed,
                "\(file.path): tensors '\(tensor.name)' and '\(next.name)' overlap at byte \(next.offset); the file "
                    + "is damaged")
        }
    }
}
