/// Walks over the head of a GGUF file. Whatever the bytes are, it reads only inside them, and what it allocates is a
/// small multiple of what it has read.
struct GGUFReader {
    /// Arrays inside one another that are still accepted; no known file nests them at all.
    static let maximumDepth = 8
    /// How many elements room is made for before they have been read; a count alone allocates no more.
    static let maximumReserve = 1 << 18

    let file: MappedFile
    /// Where the next value starts, in bytes from the start of the file.
    private(set) var position = 0
    /// What is being read, for messages: "the number of tensors", "metadata key 'x'".
    var place = "the header"

    init(_ file: MappedFile) { self.file = file }

    /// The bytes after `position`.
    var remaining: Int { file.bytes.count - position }

    func malformed(_ problem: String) -> ModelFileError {
        ModelFileError(.malformed, "\(file.path): \(place), byte \(position): \(problem)")
    }

    private func need(_ count: Int, for what: String) throws(ModelFileError) {
        guard count <= remaining else {
            throw malformed(
                "\(what) needs \(count) bytes, but the file ends after \(remaining); it is damaged or was not "
                    + "downloaded completely")
        }
    }

    /// The next little-endian integer.
    mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(ModelFileError) -> T {
        try need(MemoryLayout<T>.size, for: "a number")
        let value = file.bytes.loadUnaligned(fromByteOffset: position, as: T.self)
        position += MemoryLayout<T>.size
        return T(littleEndian: value)
    }

    /// A 64-bit count of things that take at least `size` bytes each, which therefore can't be more than fit.
    mutating func count(of things: String, size: Int) throws(ModelFileError) -> Int {
        let value = try integer(UInt64.self)
        guard value <= UInt64(remaining / size) else {
            throw malformed(
                "\(value) \(things) can't fit into the \(remaining) bytes that follow; the file is damaged or was not "
                    + "downloaded completely")
        }
        return Int(value)
    }

    /// A text: its length in 64 bits, then UTF-8.
    mutating func string() throws(ModelFileError) -> String {
        let length = try count(of: "bytes of text", size: 1)
        let utf8 = UnsafeRawBufferPointer(rebasing: file.bytes[position..<position + length])
        guard let text = String(validating: utf8, as: UTF8.self) else { throw malformed("a text is not valid UTF-8") }
        position += length
        return text
    }

    /// A metadata value: its type in 32 bits, then the value.
    mutating func value() throws(ModelFileError) -> GGUFValue {
        let number = try integer(UInt32.self)
        guard let type = GGUFValueType(rawValue: number) else {
            throw malformed("unknown value type \(number), expected 0 to \(GGUFValueType.allCases.count - 1)")
        }
        switch type {
        case .uint8: return .uint8(try integer())
        case .int8: return .int8(try integer())
        case .uint16: return .uint16(try integer())
        case .int16: return .int16(try integer())
        case .uint32: return .uint32(try integer())
        case .int32: return .int32(try integer())
        case .float32: return .float32(Float(bitPattern: try integer()))
        case .bool: return .bool(try integer(UInt8.self) != 0)
        case .string: return .string(try string())
        case .array: return .array(try array(depth: 1))
        case .uint64: return .uint64(try integer())
        case .int64: return .int64(try integer())
        case .float64: return .float64(Double(bitPattern: try integer()))
        }
    }

    /// An array: the type of its elements in 32 bits, their number in 64, then the elements.
    private mutating func array(depth: Int) throws(ModelFileError) -> GGUFArray {
        guard depth <= Self.maximumDepth else {
            throw malformed("arrays nested deeper than \(Self.maximumDepth) levels")
        }
        let number = try integer(UInt32.self)
        guard let type = GGUFValueType(rawValue: number) else {
            throw malformed(
                "unknown element type \(number) of an array, expected 0 to \(GGUFValueType.allCases.count - 1)")
        }
        switch type {
        case .uint8: return .uint8(try integers())
        case .int8: return .int8(try integers())
        case .uint16: return .uint16(try integers())
        case .int16: return .int16(try integers())
        case .uint32: return .uint32(try integers())
        case .int32: return .int32(try integers())
        case .float32: return .float32(try integers().map(Float.init(bitPattern:)))
        case .bool: return .bool(try integers(of: UInt8.self).map { $0 != 0 })
        case .string: return .string(try elements(size: 8) { (reader) throws(ModelFileError) in try reader.string() })
        case .array:
            return .array(
                try elements(size: 12) { (reader) throws(ModelFileError) in try reader.array(depth: depth + 1) })
        case .uint64: return .uint64(try integers())
        case .int64: return .int64(try integers())
        case .float64: return .float64(try integers().map(Double.init(bitPattern:)))
        }
    }

    private mutating func integers<T: FixedWidthInteger>(of type: T.Type = T.self) throws(ModelFileError) -> [T] {
        let size = MemoryLayout<T>.size
        let count = try count(of: "elements", size: size)
        let bytes = file.bytes
        let start = position
        position += count * size
        return [T](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count {
                let value = bytes.loadUnaligned(fromByteOffset: start + index * size, as: T.self)
                buffer.initializeElement(at: index, to: T(littleEndian: value))
            }
            initialized = count
        }
    }

    private mutating func elements<Element>(
        size: Int, _ read: (inout GGUFReader) throws(ModelFileError) -> Element
    ) throws(ModelFileError) -> [Element] {
        let count = try count(of: "elements", size: size)
        var elements: [Element] = []
        elements.reserveCapacity(min(count, Self.maximumReserve))
        for _ in 0..<count { elements.append(try read(&self)) }
        return elements
    }
}
