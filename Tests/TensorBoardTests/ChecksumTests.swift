import Testing

@testable import TensorBoard

@Suite("Record framing")
struct ChecksumTests {
    @Test(
        "the checksum gives the values of RFC 3720, appendix B.4",
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
            ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E),
            (Array((0..<32).reversed()), 0x113F_DB5C),
            (Array("123456789".utf8), 0xE306_9283),
        ] as [([UInt8], UInt32)])
    func vectors(bytes: [UInt8], expected: UInt32) {
        #expect(CRC32C.of(bytes) == expected)
    }

    @Test("the mask turns by 15 bits and adds a constant, and comes off again")
    func mask() {
        let bytes = Array("foo".utf8)
        let rotated = CRC32C.masked(bytes) &- 0xA282_EAD8
        #expect(rotated >> 17 | rotated << 15 == CRC32C.of(bytes))
        #expect(CRC32C.masked(bytes) != CRC32C.of(bytes))
    }

    @Test("an empty record is framed by lengths and checksums alone")
    func empty() {
        // The masked checksums of eight zero bytes and of nothing.
        let framed = RecordFraming.framed([])
        #expect(framed.count == RecordFraming.overhead)
        #expect(Array(framed[..<8]) == [UInt8](repeating: 0, count: 8))
        #expect(Array(framed[12...]) == [0xD8, 0xEA, 0x82, 0xA2])
    }
}
