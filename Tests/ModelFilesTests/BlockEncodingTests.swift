import FileTesting
import Foundation
import ModelFiles
import Testing

@Suite("Quantising into blocks")
struct BlockEncodingTests {
    private func encode(_ type: StoredType, _ numbers: [Float]) -> [UInt8] {
        numbers.withUnsafeBufferPointer { BlockEncoding.encode(type, $0) }
    }

    private func decode(_ type: StoredType, _ bytes: [UInt8]) throws -> [Float] {
        try StoredTensorReadingTests.tensor(type, bytes).floats()
    }

    /// Sums of four uniform numbers: near a bell.
    private func bell(_ count: Int, scale: Float, center: Float = 0) -> [Float] {
        let bytes = StoredTensorReadingTests.pseudorandomBytes(4 * count)
        return (0..<count).map { index in
            let sum = bytes[4 * index..<4 * index + 4].reduce(0) { $0 + Float($1) }
            return center + scale * (sum - 510) / 148
        }
    }

    @Test(
        "simple types come out with the bytes of ggml's own quantiser",
        .enabled(if: ReferenceFile.isPresent, "no reference data beside the package"),
        arguments: [StoredType.q8x0, .q4x0, .q5x0])
    func reference(type: StoredType) throws {
        let reference = try ReferenceTensors("blocks.safetensors")
        let input = try #require(reference.floats("\(type.rawValue).quantize.input"))
        #expect(encode(type, input) == reference.bytes("\(type.rawValue).quantize.bytes"))
    }

    @Test("no number is further off than the format's steps allow", arguments: BlockEncoding.types)
    func bound(type: StoredType) throws {
        for (scale, center) in [(Float(1), Float(0)), (1e-3, 0), (30, 10), (0.02, -0.05), (1e4, 0)] {
            let x = bell(4096, scale: scale, center: center)
            let y = try decode(type, encode(type, x))
            for start in stride(from: 0, to: x.count, by: 32) {
                let group = x[start..<start + 32]
                let (low, high) = (min(0, group.min() ?? 0), max(0, group.max() ?? 0))
                let largest = max(-low, high)
                // Half a step; a whole one at the end that the codes don't reach. Scales are rounded too: to half
                // precision (2⁻²⁵ where they are tiny, times the code), those of Q4_K to a 63rd of the block's largest.
                let block = x[start / 256 * 256..<start / 256 * 256 + 256].map(abs).max() ?? 0
                let allowed: Float
                switch type {
                case .q8x0: allowed = largest * (0.5 / 127 + 0x1p-11) + 127 * 0x1p-25
                case .q4x0: allowed = largest * (1.0 / 8 + 0x1p-10) + 8 * 0x1p-25
                case .q5x0: allowed = largest * (1.0 / 16 + 0x1p-10) + 16 * 0x1p-25
                default: allowed = (high - low) * 1.0 / 15 + block * 2.0 / 63 + 63 * 16 * 0x1p-25
                }
                for index in start..<start + 32 {
                    let error = abs(y[index] - x[index])
                    #expect(error <= allowed, "\(type.rawValue), \(x[index]) became \(y[index])")
                }
            }
        }
    }

    @Test("Q4_K is closer than Q4_0, and what blocks already hold is nearly kept")
    func quality() throws {
        func meanSquare(_ type: StoredType, _ x: [Float]) throws -> Double {
            zip(x, try decode(type, encode(type, x))).reduce(0) { $0 + pow(Double($1.0 - $1.1), 2) } / Double(x.count)
        }
        let x = bell(16384, scale: 1)
        let errors = try BlockEncoding.types.map { try meanSquare($0, x) }
        // Q8_0, Q4_0, Q5_0, Q4_K.
        #expect(errors[0] < errors[2] && errors[2] < errors[3] && errors[3] < errors[1])
        #expect(errors[0] < 5e-5 && errors[3] < 6.5e-3, "\(errors)")
        for type in [StoredType.q8x0, .q4x0, .q5x0] {
            let once = try decode(type, encode(type, x))
            #expect(try meanSquare(type, once) < 1e-6, "\(type.rawValue) twice")
        }
    }

    @Test(
        "a model is quantised with its tokenizer, by the table's types",
        .enabled(if: ReferenceFile.isPresent, "no reference data beside the package"),
        arguments: [(StoredType.q8x0, StoredType.q8x0, 0.02), (.q4x0, .q4x0, 0.3), (.q4k, .q4k, 0.25)])
    func model(asked: StoredType, matrices: StoredType, tolerance: Double) throws {
        let source = try GGUFModel(path: ReferenceFile.folder + "/qwen2-f16.gguf")
        let folder = try TemporaryFolder()
        let path = folder.path + "/small.gguf"
        try ModelContents(.gguf(source)).write(toGGUF: path, type: asked)
        let written = try GGUFModel(path: path)
        #expect(written.tensors.keys.sorted() == source.tensors.keys.sorted())
        #expect(written.file.metadata["tokenizer.ggml.tokens"] != nil)
        #expect(written.file.metadata["general.quantization_version"]?.intValue == 2)
        for (name, tensor) in written.tensors {
            let width = try #require(tensor.shape.last)
            if tensor.shape.count == 1 {
                #expect(tensor.type == .float32)
            } else if name.contains("embed_tokens") || name.contains("lm_head") {
                #expect(tensor.type == (width.isMultiple(of: 32) ? .q8x0 : .float16), "\(name)")
            } else {
                let wanted: StoredType = width.isMultiple(of: matrices.elementsPerBlock) ? matrices : .q5x0
                #expect(tensor.type == (width.isMultiple(of: 32) ? wanted : .float16), "\(name)")
            }
            let (x, y) = (try #require(source.tensors[name]).floats(), try tensor.floats())
            let largest = x.map(abs).max() ?? 0
            let worst = zip(x, y).map { abs($0 - $1) }.max() ?? .infinity
            #expect(Double(worst) <= tolerance * Double(largest), "\(name)")
        }
    }

    @Test("zeros, infinities and NaN never stop it", arguments: BlockEncoding.types)
    func strange(type: StoredType) throws {
        #expect(try decode(type, encode(type, Array(repeating: 0, count: 256))).allSatisfy { $0 == 0 })
        for value in [Float.nan, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude] {
            var x = bell(256, scale: 1)
            x[17] = value
            #expect(encode(type, x).count == 256 / type.elementsPerBlock * type.bytesPerBlock)
            #expect(encode(type, Array(repeating: value, count: 256)).count > 0)
        }
    }
}
