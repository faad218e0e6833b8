import ModelFiles
import Testing

@Suite("Reading stored tensors")
struct StoredTensorReadingTests {
    /// A tensor over bytes that start `shift` bytes into the file, so nothing is aligned.
    static func tensor(_ type: StoredType, _ bytes: [UInt8], shift: Int = 0) -> StoredTensor {
        let count = bytes.count / type.bytesPerBlock * type.elementsPerBlock
        return StoredTensor(
            name: "t", shape: [count], type: type,
            file: MappedFile(copying: [UInt8](repeating: 0xAA, count: shift) + bytes, path: "memory"), offset: shift)
    }

    static func pseudorandomBytes(_ count: Int) -> [UInt8] {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }

    static let realTypes = StoredType.allCases.filter { $0 != .int32 && $0 != .int64 }

    @Test(
        "every reference block decodes to the reference's bits",
        .enabled(if: ReferenceFile.isPresent, "no reference data beside the package"), arguments: realTypes)
    func blocks(type: StoredType) throws {
        let reference = try ReferenceTensors("blocks.safetensors")
        let cases = reference.names.filter { $0.hasPrefix(type.rawValue + ".") && $0.hasSuffix("bytes") }
        #expect(!cases.isEmpty)
        for name in cases {
            let bytes = try #require(reference.bytes(name))
            let expected = try #require(reference.floats(name.dropLast("bytes".count) + "values"))
            for shift in [0, 1] {
                let values = try Self.tensor(type, bytes, shift: shift).floats()
                #expect(bits(values) == bits(expected), "\(name), starting at byte \(shift)")
            }
        }
    }

    @Test("all 65,536 half-precision numbers are read exactly")
    func halves() throws {
        let bytes = (0...UInt16.max).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        let values = try Self.tensor(.float16, bytes, shift: 1).floats()
        #expect(bits(values) == bits((0...UInt16.max).map { Float(Float16(bitPattern: $0)) }))
    }

    @Test("all 65,536 bfloat16 numbers are the upper halves of floats")
    func bfloats() throws {
        let bytes = (0...UInt16.max).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        let values = try Self.tensor(.bfloat16, bytes, shift: 1).floats()
        #expect(values.map(\.bitPattern) == (0...UInt16.max).map { UInt32($0) << 16 })
    }

    @Test("any range equals that part of the whole, at any block edge", arguments: realTypes)
    func ranges(type: StoredType) throws {
        let tensor = Self.tensor(type, Self.pseudorandomBytes(3 * type.bytesPerBlock * (256 / type.elementsPerBlock)))
        let whole = bits(try tensor.floats())
        let size = type.elementsPerBlock
        let edges = Set([0, 1, 5, size - 1, size, size + 1, 2 * size - 1, 2 * size, 700, 767, 768]).sorted()
        for start in edges {
            for end in edges where end >= start {
                var part = [Float](repeating: -7, count: end - start + 1)
                try part.withUnsafeMutableBufferPointer { try tensor.readFloats(start..<end, into: $0) }
                #expect(bits(part.dropLast()) == Array(whole[start..<end]), "\(type.rawValue) \(start)..<\(end)")
                #expect(part.last == -7, "nothing is written past the range")
            }
        }
    }

    @Test("threads may read different parts at once")
    func threads() async throws {
        let tensor = Self.tensor(.q5k, Self.pseudorandomBytes(64 * 176))
        let whole = bits(try tensor.floats())
        let parts = try await withThrowingTaskGroup(of: (Int, [UInt32]).self) { group in
            for index in 0..<64 {
                group.addTask {
                    var part = [Float](repeating: 0, count: 256)
                    try part.withUnsafeMutableBufferPointer {
                        try tensor.readFloats(index * 256..<(index + 1) * 256, into: $0)
                    }
                    return (index, bits(part))
                }
            }
            return try await group.reduce(into: [Int: [UInt32]]()) { $0[$1.0] = $1.1 }
        }
        #expect((0..<64).flatMap { parts[$0] ?? [] } == whole)
    }

    @Test("integers are refused", arguments: [StoredType.int32, .int64])
    func integers(type: StoredType) throws {
        let tensor = Self.tensor(type, [UInt8](repeating: 1, count: 16))
        let error = #expect(throws: ModelFileError.self) { try tensor.floats() }
        #expect(error?.code == .unsupported)
        #expect(
            error?.message
                == "memory: tensor 't' holds integers (\(type.rawValue)) where real numbers were expected")
    }
}
