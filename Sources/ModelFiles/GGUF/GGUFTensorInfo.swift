/// A tensor as the head of a GGUF file lists it, not yet checked against the file's end.
struct GGUFTensorInfo {
    /// ggml's `GGML_MAX_DIMS`.
    static let maximumDimensions = 4

    let name: String
    /// Outermost first; the file has them innermost first.
    let shape: [Int]
    let type: StoredType
    /// Bytes from the start of the data section.
    let offset: UInt64
    private let byteCount: Int

    /// Reads name, dimensions, type and offset, and checks that the size is a number of whole blocks without overflow.
    init(reading reader: inout GGUFReader, index: Int, count: Int) throws(ModelFileError) {
        reader.place = "tensor \(index + 1) of \(count)"
        let name = try reader.string()
        reader.place = "tensor '\(name.prefix(100))'"
        let dimensionCount = try reader.integer(UInt32.self)
        guard dimensionCount <= Self.maximumDimensions else {
            throw reader.malformed("\(dimensionCount) dimensions, expected at most \(Self.maximumDimensions)")
        }
        var dimensions: [Int] = []
        var elements = 1
        for _ in 0..<dimensionCount {
            let size = try reader.integer(UInt64.self)
            let (product, overflow) = elements.multipliedReportingOverflow(by: Int(truncatingIfNeeded: size))
            guard size > 0, size <= UInt64(Int.max), !overflow else {
                throw reader.malformed(
                    "dimensions \(dimensions.map { UInt64($0) } + [size]) (innermost first) make no sense")
            }
            dimensions.append(Int(size))
            elements = product
        }
        let number = try reader.integer(UInt32.self)
        guard let type = GGMLType.numbered(number)?.stored else {
            let spelling = GGMLType.numbered(number).map(\.name) ?? "number \(number), unknown to this version"
            let known = StoredType.allCases.map(\.rawValue).joined(separator: ", ")
            throw ModelFileError(
                .unsupported,
                "\(reader.file.path): tensor '\(name.prefix(100))' has type \(spelling), expected one of \(known); "
                    + "use a file quantised to one of these")
        }
        let perBlock = type.elementsPerBlock
        guard (dimensions.first ?? 1) % perBlock == 0 else {
            throw reader.malformed(
                "rows of \(dimensions.first ?? 1) numbers, expected a multiple of \(perBlock) for \(type.rawValue)")
        }
        let (byteCount, overflow) = (elements / perBlock).multipliedReportingOverflow(by: type.bytesPerBlock)
        guard !overflow else {
            throw reader.malformed("dimensions \(dimensions) (innermost first) make more bytes than can be addressed")
        }
        offset = try reader.integer(UInt64.self)
        self.name = name
        self.shape = dimensions.reversed()
        self.type = type
        self.byteCount = byteCount
    }

    /// The tensor, once its bytes are known to lie inside the file.
    func tensor(in file: MappedFile, dataStart: Int, alignment: Int) throws(ModelFileError) -> StoredTensor {
        guard offset % UInt64(alignment) == 0 else {
            throw ModelFileError(
                .malformed,
                "\(file.path): tensor '\(name.prefix(100))' starts \(offset) bytes into the data, expected a multiple "
                    + "of the alignment, \(alignment)")
        }
        let available = max(0, file.bytes.count - dataStart)
        guard offset <= UInt64(available), byteCount <= available - Int(offset) else {
            throw ModelFileError(
                .malformed,
                "\(file.path): tensor '\(name.prefix(100))' takes \(byteCount) bytes from byte \(offset) of the data, "
                    + "but there are only \(available); the file is damaged or was not downloaded completely")
        }
        return StoredTensor(name: name, shape: shape, type: type, file: file, offset: dataStart + Int(offset))
    }
}
