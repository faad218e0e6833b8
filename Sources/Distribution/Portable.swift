/// A value that travels between ranks: what is read back is the same bits.
public protocol Portable {
    /// Appends the value to a message.
    func write(to message: inout MessageWriter)

    /// Takes the value from a message.
    ///
    /// - Throws: `DistributionError` (`malformed`) for a message that ends early or holds something else.
    init(from message: inout MessageReader) throws(DistributionError)
}

/// Puts values into a message: numbers as 64 bits, little-endian, lists behind their length.
public struct MessageWriter: Sendable {
    /// The message so far.
    public private(set) var bytes: [UInt8] = []

    /// An empty message.
    public init() {}

    /// Appends an integer.
    public mutating func add(_ value: Int) {
        withUnsafeBytes(of: UInt64(bitPattern: Int64(value)).littleEndian) { bytes += $0 }
    }

    /// Appends the bits of a number.
    public mutating func add(_ value: Double) { add(Int(bitPattern: UInt(value.bitPattern))) }

    /// Appends a text.
    public mutating func add(_ value: String) {
        let text = Array(value.utf8)
        add(text.count)
        bytes += text
    }

    /// Appends bytes.
    public mutating func add(octets: [UInt8]) {
        add(octets.count)
        bytes += octets
    }

    /// Appends the bits of single-precision numbers.
    public mutating func add(_ values: [Float]) {
        add(values.count)
        for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 } }
    }

    /// Appends integers.
    public mutating func add(_ values: [Int]) {
        add(values.count)
        for value in values { add(value) }
    }

    /// Appends values, one after the other.
    public mutating func add<Value: Portable>(_ values: [Value]) {
        add(values.count)
        for value in values { value.write(to: &self) }
    }
}

/// Takes values from a message, in the order they were put in.
public struct MessageReader: Sendable {
    private let bytes: [UInt8]
    private var place = 0

    /// A reader at a message's beginning.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Whether everything has been read.
    public var isAtEnd: Bool { place == bytes.count }

    /// The next integer.
    public mutating func integer() throws(DistributionError) -> Int {
        Int(Int64(bitPattern: UInt64(littleEndian: try fixed(UInt64.self))))
    }

    /// The next number.
    public mutating func number() throws(DistributionError) -> Double {
        Double(bitPattern: UInt64(UInt(bitPattern: try integer())))
    }

    /// The next text.
    public mutating func text() throws(DistributionError) -> String {
        let count = try length(of: 1)
        defer { place += count }
        return String(decoding: bytes[place..<place + count], as: UTF8.self)
    }

    /// The next bytes.
    public mutating func octets() throws(DistributionError) -> [UInt8] {
        let count = try length(of: 1)
        defer { place += count }
        return Array(bytes[place..<place + count])
    }

    /// The next single-precision numbers.
    public mutating func floats() throws(DistributionError) -> [Float] {
        var values: [Float] = []
        for _ in 0..<(try length(of: 4)) {
            values.append(Float(bitPattern: UInt32(littleEndian: try fixed(UInt32.self))))
        }
        return values
    }

    /// The next integers.
    public mutating func integers() throws(DistributionError) -> [Int] {
        var values: [Int] = []
        for _ in 0..<(try length(of: 8)) { values.append(try integer()) }
        return values
    }

    /// The next values of a kind.
    public mutating func values<Value: Portable>(_ kind: Value.Type) throws(DistributionError) -> [Value] {
        var values: [Value] = []
        // Each takes a byte at least.
        for _ in 0..<(try length(of: 1)) { values.append(try Value(from: &self)) }
        return values
    }

    /// The length of a list that must still lie within the message.
    private mutating func length(of size: Int) throws(DistributionError) -> Int {
        let count = try integer()
        guard count >= 0, count <= (bytes.count - place) / size else {
            throw DistributionError(
                .malformed,
                "a message of \(bytes.count) bytes announces \(count) values at byte \(place), more than it has")
        }
        return count
    }

    private mutating func fixed<Number: FixedWidthInteger>(_ type: Number.Type) throws(DistributionError) -> Number {
        let size = MemoryLayout<Number>.size
        guard bytes.count - place >= size else {
            throw DistributionError(.malformed, "a message of \(bytes.count) bytes ends early, at byte \(place)")
        }
        defer { place += size }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: Number.self) }
    }
}
