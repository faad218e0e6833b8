import ModelFiles
import Testing

@Suite("GGUF files")
struct GGUFFileTests {
    typealias Value = GGUFBuilder.Value
    typealias Tensor = GGUFBuilder.Tensor

    @Test("every type of value is read as written, in order", arguments: [2, 3] as [UInt32])
    func values(version: UInt32) throws {
        var builder = GGUFBuilder()
        builder.version = version
        builder.metadata = [
            ("z.u8", Value(type: 0, bytes: [255])), ("y.i8", Value(type: 1, bytes: [255])),
            ("u16", Value(type: 2, bytes: [1, 2])), ("i16", Value(type: 3, bytes: [0xFE, 0xFF])),
            ("u32", .uint32(.max)), ("i32", Value(type: 5, bytes: [0xFD, 0xFF, 0xFF, 0xFF])),
            ("f32", .float32(1e-6)), ("bool", .bool(true)), ("string", .string("Ġé 🙂")), ("u64", .uint64(.max)),
            ("i64", Value(type: 11, bytes: [UInt8](repeating: 255, count: 8))), ("f64", .float64(.pi)),
            ("empty", .strings([])), ("bools", .array([.bool(true), .bool(false)])),
            ("nested", .array([.strings(["a"]), .array([.float32(2)])])),
        ]
        let metadata = try builder.open().metadata
        #expect(metadata.keys == builder.metadata.map(\.0))
        let expected: [GGUFValue] = [
            .uint8(255), .int8(-1), .uint16(513), .int16(-2), .uint32(.max), .int32(-3), .float32(1e-6), .bool(true),
            .string("Ġé 🙂"), .uint64(.max), .int64(-1), .float64(.pi), .array(.string([])),
            .array(.bool([true, false])), .array(.array([.string(["a"]), .float32([2])])),
        ]
        #expect(metadata.keys.map { metadata[$0] } == expected)
        #expect(metadata["f32"]?.doubleValue == 1e-6)
        #expect(metadata["u64"]?.intValue == nil)
    }

    @Test("tensors keep their order, shapes turn round, alignment is the file's")
    func tensors() throws {
        var builder = GGUFBuilder()
        builder.alignment = 128
        builder["general.alignment"] = .uint32(128)
        builder.tensors = [
            Tensor("b", [3, 2], data: (0..<6).flatMap { GGUFBuilder.littleEndian(Float($0).bitPattern) }),
            Tensor("a", [2], type: 26, data: [UInt8](repeating: 1, count: 8)), Tensor("scalar", []),
        ]
        let file = try builder.open()
        #expect(file.tensorNames == ["b", "a", "scalar"])
        #expect(file.alignment == 128)
        let tensor = try #require(file.tensors["b"])
        #expect(tensor.shape == [2, 3])
        #expect(try tensor.floats() == [0, 1, 2, 3, 4, 5])
        #expect(tensor.offset % 128 == 0)
        #expect(file.tensors["a"]?.type == .int32)
        #expect(file.tensors["scalar"]?.count == 1)
    }

    /// A wrong file, and the error it must give.
    struct Fault: Sendable, CustomTestStringConvertible {
        let name: String
        let code: ModelFileError.Code
        let message: String
        let change: @Sendable (inout GGUFBuilder) -> Void
        var testDescription: String { name }

        init(
            _ name: String, _ code: ModelFileError.Code, _ message: String,
            _ change: @escaping @Sendable (inout GGUFBuilder) -> Void
        ) {
            (self.name, self.code, self.message, self.change) = (name, code, message, change)
        }
    }

    static let damaged = "the file is damaged or was not downloaded completely"
    static let supported =
        "F32, F16, BF16, I64, I32, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K; use a file quantised to "
        + "one of these"

    static let faults: [Fault] = [
        Fault("magic", .malformed, "not a GGUF file: it starts with the bytes [80 75 3 4], expected 'GGUF'") {
            $0.magic = [80, 75, 3, 4]
        },
        Fault("version", .unsupported, "GGUF version 1, expected 2 or 3; convert the model anew") { $0.version = 1 },
        Fault(
            "big-endian", .unsupported,
            "a big-endian GGUF file; convert it with gguf-py's gguf_convert_endian.py"
        ) { $0.version = UInt32(3).byteSwapped },
        Fault(
            "tensor count", .malformed,
            "the number of tensors, byte 16: \(UInt64.max) tensors can't fit into the 16 bytes that follow; \(damaged)"
        ) { $0.tensorCount = .max },
        Fault(
            "key count", .malformed,
            "the number of metadata keys, byte 24: 9223372036854775808 metadata keys can't fit into the 8 bytes that "
                + "follow; \(damaged)"
        ) { $0.keyCount = 1 << 63 },
        Fault(
            "string length", .malformed,
            "metadata key 'k', byte 45: \(UInt64.max) bytes of text can't fit into the 19 bytes that follow; \(damaged)"
        ) { $0["k"] = Value(type: 8, bytes: [UInt8](repeating: 255, count: 8)) },
        Fault("UTF-8", .malformed, "metadata key 'k', byte 45: a text is not valid UTF-8") {
            $0["k"] = Value(type: 8, bytes: [1, 0, 0, 0, 0, 0, 0, 0, 255])
        },
        Fault(
            "array length", .malformed,
            "metadata key 'k', byte 49: 1099511627776 elements can't fit into the 15 bytes that follow; \(damaged)"
        ) { $0["k"] = .array([], type: 0, count: 1 << 40) },
        Fault("value type", .malformed, "metadata key 'k', byte 37: unknown value type 13, expected 0 to 12") {
            $0["k"] = Value(type: 13, bytes: [])
        },
        Fault(
            "element type", .malformed,
            "metadata key 'k', byte 41: unknown element type 13 of an array, expected 0 to 12"
        ) { $0["k"] = .array([], type: 13) },
        Fault("depth", .malformed, "metadata key 'k', byte 133: arrays nested deeper than 8 levels") {
            $0["k"] = (0..<9).reduce(.uint32(1)) { value, _ in .array([value]) }
        },
        Fault("same key", .malformed, "metadata key 'k', byte 58: the key is there twice") {
            $0.metadata = [("k", .uint32(1)), ("k", .uint32(1))]
        },
        Fault(
            "alignment 0", .malformed, "general.alignment is 0 (uint32), expected a power of two (uint32)"
        ) { $0["general.alignment"] = .uint32(0) },
        Fault(
            "alignment's type", .malformed, "general.alignment is 32 (uint64), expected a power of two (uint32)"
        ) { $0["general.alignment"] = .uint64(32) },
        Fault("dimension count", .malformed, "tensor 't', byte 37: 5 dimensions, expected at most 4") {
            $0.tensors = [Tensor("t", [1, 1, 1, 1, 1])]
        },
        Fault("zero", .malformed, "tensor 't', byte 53: dimensions [4, 0] (innermost first) make no sense") {
            $0.tensors = [Tensor("t", [4, 0])]
        },
        Fault(
            "overflowing dimensions", .malformed,
            "tensor 't', byte 53: dimensions [4294967296, 4294967296] (innermost first) make no sense"
        ) { $0.tensors = [Tensor("t", [1 << 32, 1 << 32, 1])] },
        Fault(
            "overflowing bytes", .malformed,
            "tensor 't', byte 57: dimensions [4611686018427387904, 1] (innermost first) make more bytes than can be "
                + "addressed"
        ) { $0.tensors = [Tensor("t", [1 << 62, 1])] },
        Fault(
            "known type", .unsupported, "tensor 't' has type IQ4_NL, expected one of \(supported)"
        ) { $0.tensors = [Tensor("t", [32], type: 20)] },
        Fault(
            "unknown type", .unsupported,
            "tensor 't' has type number 99, unknown to this version, expected one of \(supported)"
        ) { $0.tensors = [Tensor("t", [32], type: 99)] },
        Fault(
            "rows of part blocks", .malformed,
            "tensor 't', byte 57: rows of 128 numbers, expected a multiple of 256 for Q4_K"
        ) { $0.tensors = [Tensor("t", [128, 2], type: 12)] },
        Fault(
            "misaligned", .malformed,
            "tensor 't' starts 16 bytes into the data, expected a multiple of the alignment, 32"
        ) { $0.tensors = [Tensor("t", [8], offset: 16)] },
        Fault(
            "past the end", .malformed,
            "tensor 't' takes 32 bytes from byte 18446744073709551584 of the data, but there are only 32; \(damaged)"
        ) { $0.tensors = [Tensor("t", [8], offset: UInt64.max - 31)] },
        Fault(
            "too long", .malformed,
            "tensor 't' takes 36 bytes from byte 0 of the data, but there are only 32; \(damaged)"
        ) { $0.tensors = [Tensor("t", [9], data: [UInt8](repeating: 0, count: 32))] },
        Fault("same tensor", .malformed, "tensor 't' is listed twice") {
            $0.tensors = [Tensor("t", [8]), Tensor("t", [8])]
        },
        Fault("overlap", .malformed, "tensors 'a' and 'b' overlap at byte 128; the file is damaged") {
            $0.tensors = [Tensor("a", [9]), Tensor("b", [9], offset: 32)]
        },
    ]

    @Test("each fault is an error that names it", arguments: faults)
    func eachFault(fault: Fault) throws {
        var builder = GGUFBuilder()
        fault.change(&builder)
        let error = #expect(throws: ModelFileError.self) { try builder.open() }
        #expect(error?.code == fault.code)
        #expect(error?.message == "m.gguf: " + fault.message)
    }

    @Test("a missing file is unreadable, an empty one malformed")
    func missing() throws {
        let error = #expect(throws: ModelFileError.self) { try GGUFFile(path: "/nowhere/m.gguf") }
        #expect(error?.code == .unreadable)
        let empty = #expect(throws: ModelFileError.self) { try GGUFFile(MappedFile(copying: [], path: "m.gguf")) }
        #expect(empty?.message == "m.gguf: not a GGUF file: it starts with the bytes [], expected 'GGUF'")
    }
}
