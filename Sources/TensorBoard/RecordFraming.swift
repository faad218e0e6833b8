/// The framing of TensorFlow's record files: each record with its length before it, and a checksum of both.
///
///     uint64 length · uint32 masked CRC of the length · bytes · uint32 masked CRC of the bytes      (little-endian)
///
/// Source: tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details".
enum RecordFraming {
    /// Bytes around a record's own.
    static let overhead = 16

    /// A record as it stands in a file.
    static func framed(_ record: [UInt8]) -> [UInt8] {
        let length = bytes(UInt64(record.count))
        return length + bytes(CRC32C.masked(length)) + record + bytes(CRC32C.masked(record))
    }

    private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}

/// The Castagnoli checksum (RFC 3720, appendix B.4), polynomial 0x1EDC6F41.
enum CRC32C {
    /// The checksum of each single byte; bits are reflected.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
    }

    /// The checksum of bytes.
    static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var value = UInt32.max
        for byte in bytes { value = value >> 8 ^ table[Int((value ^ UInt32(byte)) & 0xFF)] }
        return ~value
    }

    /// The checksum turned by 15 bits and moved: a checksum of bytes that hold checksums would otherwise be weak.
    static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let value = of(bytes)
        return (value >> 15 | value << 17) &+ 0xA282_EAD8
    }
}
