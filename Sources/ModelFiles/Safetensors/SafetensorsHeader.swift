import OrderedJSON

/// The checked header of a safetensors file.
struct SafetensorsHeader {
    /// One tensor as the header describes it.
    struct Entry {
        var name: String
        /// The type as the file spells it.
        var type: String
        var shape: [Int]
        /// Its bytes, counted from the end of the header.
        var range: Range<Int>
    }

    /// The longest header, in bytes; the reference implementation's limit.
    static let maximumByteCount = 100_000_000
    /// The most dimensions a tensor may have.
    static let maximumDimensions = 64

    /// The tensors in the order of their bytes.
    private(set) var entries: [Entry] = []
    /// The texts of `__metadata__`.
    private(set) var metadata: [String: String] = [:]
    /// Where the tensors' bytes begin in the file.
    let dataStart: Int
    private let path: String

    /// Reads and checks the header of a file.
    init(_ file: MappedFile) throws(ModelFileError) {
        path = file.path
        let bytes = file.bytes
        guard bytes.count >= 8 else {
            throw ModelFileError(
                .malformed, "\(path) has \(bytes.count) bytes; a safetensors file has at least 8 and a header")
        }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= Self.maximumByteCount else {
            throw ModelFileError(
                .malformed,
                "\(path): the header claims \(length) bytes; expected at most \(Self.maximumByteCount). "
                    + "This is not a safetensors file, or it is damaged")
        }
        guard Int(length) <= bytes.count - 8 else {
            throw ModelFileError(
                .malformed,
                "\(path): the header claims \(length) bytes but the file has only \(bytes.count - 8) after its length; "
                    + "it is cut off or not a safetensors file")
        }
        dataStart = 8 + Int(length)
        let header = UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart])
        guard header.first == UInt8(ascii: "{") else {
            throw fault("the header does not begin with '{'")
        }
        let object = try JSONFile.object(parsing: header, of: "\(path): header")
        for (name, value) in object {
            if name == "__metadata__" {
                metadata = try texts(value)
            } else {
                entries.append(try entry(name, value))
            }
        }
        entries.sort {
            ($0.range.lowerBound, $0.range.upperBound, $0.name) < ($1.range.lowerBound, $1.range.upperBound, $1.name)
        }
        try checkExtents(byteCount: bytes.count - dataStart)
    }

    private func fault(_ message: String) -> ModelFileError { ModelFileError(.malformed, "\(path): \(message)") }

    private func texts(_ value: JSONValue) throws(ModelFileError) -> [String: String] {
        guard let object = value.objectValue else { throw fault("__metadata__ is not an object of texts") }
        var texts: [String: String] = [:]
        for (key, value) in object {
            guard let text = value.stringValue else {
                throw fault("__metadata__ has \(quoted(value.text())) under \(quoted(key)); expected a text")
            }
            texts[key] = text
        }
        return texts
    }

    private func entry(_ name: String, _ value: JSONValue) throws(ModelFileError) -> Entry {
        let tensor = "tensor \(quoted(name))"
        guard let object = value.objectValue else { throw fault("\(tensor) is not described by an object") }
        for key in object.keys where !["dtype", "shape", "data_offsets"].contains(key) {
            throw fault("\(tensor) has the key \(quoted(key)); expected dtype, shape and data_offsets only")
        }
        guard let type = object["dtype"]?.stringValue else { throw fault("\(tensor) has no dtype") }
        guard let shape = sizes(object["shape"]), shape.count <= Self.maximumDimensions else {
            throw fault(
                "\(tensor) has the shape \(quoted(object["shape"]?.text() ?? "none")); expected at most "
                    + "\(Self.maximumDimensions) integers that are not negative")
        }
        guard let offsets = sizes(object["data_offsets"]), offsets.count == 2, offsets[0] <= offsets[1] else {
            throw fault(
                "\(tensor) has the data_offsets \(quoted(object["data_offsets"]?.text() ?? "none")); expected "
                    + "[begin, end] with 0 ≤ begin ≤ end")
        }
        return Entry(name: name, type: type, shape: shape, range: offsets[0]..<offsets[1])
    }

    /// An array of integers that are not negative and were written as integers.
    private func sizes(_ value: JSONValue?) -> [Int]? {
        guard let elements = value?.arrayValue else { return nil }
        var sizes: [Int] = []
        for element in elements {
            guard case .integer(let size) = element, size >= 0 else { return nil }
            sizes.append(size)
        }
        return sizes
    }

    /// Refuses gaps, overlaps, bytes left over, and a shape that does not fill its bytes exactly.
    private func checkExtents(byteCount: Int) throws(ModelFileError) {
        var end = 0
        for entry in entries {
            let tensor = "tensor \(quoted(entry.name))"
            let (begin, stop) = (entry.range.lowerBound, entry.range.upperBound)
            guard begin == end else {
                let lie = begin < end ? "overlaps the tensor before it" : "leaves a hole before it"
                throw fault("\(tensor) begins at byte \(begin) and \(lie); expected \(end)")
            }
            guard stop <= byteCount else {
                throw fault("\(tensor) ends at byte \(stop) but there are only \(byteCount); the file is cut off")
            }
            end = stop
            guard let bits = Self.bitsOfType[entry.type] else { continue }
            var size = (partialValue: bits, overflow: false)
            var count = (partialValue: 1, overflow: false)
            for dimension in entry.shape where !size.overflow && !count.overflow {
                count = count.partialValue.multipliedReportingOverflow(by: dimension)
                size = size.partialValue.multipliedReportingOverflow(by: dimension)
            }
            guard !size.overflow, !count.overflow, size.partialValue % 8 == 0, size.partialValue / 8 == stop - begin
            else {
                throw fault(
                    "\(tensor) of type \(entry.type) and shape \(entry.shape) does not fill its \(stop - begin) bytes exactly"
                )
            }
        }
        guard end == byteCount else {
            throw fault("the tensors end at byte \(end) but the file has \(byteCount) bytes of data")
        }
    }

    /// The type under the names of this library, if its numbers can be read.
    static func storedType(_ name: String) -> StoredType? {
        switch name {
        case "F32": .float32
        case "F16": .float16
        case "BF16": .bfloat16
        case "I64": .int64
        case "I32": .int32
        default: nil
        }
    }

    /// How many bits a number of each type of the format takes (safetensors 0.8).
    private static let bitsOfType = [
        "BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "I32": 32, "U32": 32, "I64": 64, "U64": 64,
        "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E5M2FNUZ": 8,
        "F8_E4M3FNUZ": 8,
        "F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64,
    ]
}
