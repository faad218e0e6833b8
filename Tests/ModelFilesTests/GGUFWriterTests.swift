import FileTesting
import Foundation
import Testing

@testable import ModelFiles

@Suite("GGUF writer")
struct GGUFWriterTests {
    @Test(
        "a file of gguf-py, read and written again, has the same bytes",
        .enabled(if: ReferenceFile.isPresent, "reference data ../shared/fixtures/gguf is missing"),
        arguments: ["qwen2-f16", "qwen2-mixed", "qwen3-bf16-q8", "qwen3moe"])
    func identity(name: String) throws {
        let source = "\(ReferenceFile.folder)/\(name).gguf"
        let file = try GGUFFile(path: source)
        let folder = try TemporaryFolder()
        let tensors = file.tensorNames.compactMap { file.tensors[$0] }.map { WritableTensor($0) }
        try GGUFWriter.write(metadata: file.metadata, tensors: tensors, to: folder.path + "/copy.gguf")
        let copy = try folder.bytes("copy.gguf")
        #expect(copy == [UInt8](try Data(contentsOf: URL(filePath: source))))
        #expect(folder.names == ["copy.gguf"])
    }

    @Test("every type of metadata comes back as it was written")
    func metadata() throws {
        var metadata = GGUFMetadata()
        let values: [GGUFValue] = [
            .uint8(255), .int8(-128), .uint16(65535), .int16(-32768), .uint32(.max), .int32(.min), .float32(-0.1),
            .bool(true), .string("Grüße 🙂"), .uint64(.max), .int64(.min), .float64(1e-300),
            .array(.string(["", "a\nb"])), .array(.int32([1, -1])), .array(.bool([true, false])),
            .array(.array([.uint8([1]), .float64([])])), .array(.float32([])), .array(.uint64([.max])),
        ]
        for (index, value) in values.enumerated() { metadata.set("key.\(index)", value) }
        let folder = try TemporaryFolder()
        try GGUFWriter.write(metadata: metadata, tensors: [], to: folder.path + "/m.gguf")
        let read = try GGUFFile(path: folder.path + "/m.gguf").metadata
        #expect(read.keys == metadata.keys)
        for (index, value) in values.enumerated() { #expect(read["key.\(index)"] == value) }
    }

    @Test("numbers are made in pieces and rounded to the nearest, ties to even")
    func rounding() throws {
        let folder = try TemporaryFolder()
        let height = 5000
        let width = 1000
        let expected: (Int) -> Float = { Float($0 % 9973) * 0.001 - 3 }
        let tensors = [StoredType.float32, .float16, .bfloat16].map { type in
            WritableTensor(name: type.rawValue, shape: [height, width], type: type) { rows, buffer in
                for place in 0..<rows.count * width { buffer[place] = expected(rows.lowerBound * width + place) }
            }
        }
        try GGUFWriter.write(metadata: GGUFMetadata(), tensors: tensors, to: folder.path + "/r.gguf")
        let file = try GGUFFile(path: folder.path + "/r.gguf")
        for (type, unit) in [(StoredType.float32, Float(0)), (.float16, 0x1p-11), (.bfloat16, 0x1p-8)] {
            let values = try #require(file.tensors[type.rawValue]).floats()
            let worst = values.indices.map { abs(values[$0] - expected($0)) / max(1e-30, abs(expected($0))) }.max() ?? 1
            #expect(worst <= unit * 1.001, "\(type): \(worst)")
        }
        let ties: [Float] = [1 + 0x1p-8, 1 + 0x3p-8]
        try GGUFWriter.write(
            metadata: GGUFMetadata(),
            tensors: [WritableTensor(name: "t", shape: [2], floats: ties, type: .bfloat16)],
            to: folder.path + "/t.gguf")
        #expect(try GGUFFile(path: folder.path + "/t.gguf").tensors["t"]?.floats() == [1, 1 + 0x1p-6])
    }

    @Test("what GGUF can't hold is refused, and nothing is left behind")
    func faults() throws {
        func failure(_ tensors: [WritableTensor], _ metadata: GGUFMetadata = GGUFMetadata()) throws -> String {
            let folder = try TemporaryFolder()
            var message = "no error"
            do { try GGUFWriter.write(metadata: metadata, tensors: tensors, to: folder.path + "/x.gguf") } catch {
                message = error.message.replacingOccurrences(of: folder.path + "/", with: "")
            }
            #expect(folder.names.isEmpty)
            return message
        }
        let one = WritableTensor(name: "a", shape: [1], floats: [1])
        #expect(try failure([one, one]) == "x.gguf: the tensor name \"a\" is used twice")
        #expect(
            try failure([WritableTensor(name: "q", shape: [2, 31], type: .q8x0) { () in [] }])
                == "x.gguf: tensor \"q\" has rows of 31 numbers; Q8_0 needs a multiple of 32")
        #expect(
            try failure([WritableTensor(name: "q", shape: [2, 32], type: .q8x0) { () in [1, 2] }])
                == "x.gguf: tensor \"q\" of shape [2, 32] got 2 bytes; expected 68")
        #expect(
            try failure([WritableTensor(name: "d", shape: [1, 1, 1, 1, 1], floats: [1])])
                == "x.gguf: tensor \"d\" has the shape [1, 1, 1, 1, 1]; GGUF has at most 4 dimensions of at least 1")
        var metadata = GGUFMetadata()
        metadata.set("general.alignment", .uint32(64))
        #expect(
            try failure([one], metadata) == "x.gguf: general.alignment is 64 (uint32), expected 32")
    }
}
