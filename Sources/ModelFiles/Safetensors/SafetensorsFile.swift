/// A safetensors file, opened read-only: its header has been checked completely, its numbers are read when asked for.
///
/// The format is eight bytes with the length of a JSON header (little-endian), the header, and the tensors' bytes without
/// gap or overlap. Source: github.com/huggingface/safetensors, README "Format". Whatever contradicts itself is refused.
public struct SafetensorsFile: Sendable {
    /// The mapped file.
    public let file: MappedFile
    /// The names of all tensors, those of unsupported types too, in the order of their bytes in the file.
    public let names: [String]
    /// The tensors whose numbers can be read (F32, F16, BF16, I64, I32), by name.
    public let tensors: [String: StoredTensor]
    /// The tensors of other types: name to the type as the file spells it.
    public let unsupportedTypes: [String: String]
    /// The header's `__metadata__`.
    public let metadata: [String: String]

    /// Opens a file and checks its header.
    ///
    /// - Throws: `ModelFileError`: `unreadable`, or `malformed` for a header that is not sound.
    public init(path: String) throws(ModelFileError) {
        try self.init(try MappedFile(path: path))
    }

    /// Checks the header of a file that is already mapped or in memory.
    ///
    /// - Throws: `ModelFileError` (`malformed`).
    public init(_ file: MappedFile) throws(ModelFileError) {
        let header = try SafetensorsHeader(file)
        self.file = file
        metadata = header.metadata
        names = header.entries.map(\.name)
        var tensors: [String: StoredTensor] = [:]
        var unsupportedTypes: [String: String] = [:]
        for entry in header.entries {
            if let type = SafetensorsHeader.storedType(entry.type) {
                tensors[entry.name] = StoredTensor(
                    name: entry.name, shape: entry.shape, type: type, file: file,
                    offset: header.dataStart + entry.range.lowerBound)
            } else {
                unsupportedTypes[entry.name] = entry.type
            }
        }
        self.tensors = tensors
        self.unsupportedTypes = unsupportedTypes
    }

    /// The tensor of a name, or `nil` if the file has none.
    ///
    /// - Throws: `ModelFileError` (`unsupported`) if it is there but its numbers are of a type that can't be read.
    public func tensor(named name: String) throws(ModelFileError) -> StoredTensor? {
        if let type = unsupportedTypes[name] {
            throw ModelFileError(
                .unsupported,
                "\(file.path): tensor \(quoted(name)) is of type \(quoted(type)); expected F32, F16, BF16, I64 or I32. "
                    + "Convert the file first")
        }
        return tensors[name]
    }
}
