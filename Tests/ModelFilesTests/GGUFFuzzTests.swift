import ModelFiles
import Testing

@Suite("Hostile GGUF files")
struct GGUFFuzzTests {
    /// Opens bytes and reads all there is; damage may only show as a `ModelFileError`.
    @discardableResult
    static func readAll(_ bytes: [UInt8]) throws(ModelFileError) -> Int {
        let file = try GGUFFile(MappedFile(copying: bytes, path: "m.gguf"))
        var numbers = 0
        for tensor in file.tensors.values where tensor.type != .int32 && tensor.type != .int64 {
            numbers += try tensor.floats().count
        }
        _ = try GGUFModel(file)
        _ = try GGUFTokenizer(file)
        return numbers
    }

    @Test("a file cut off at any byte is an error")
    func truncation() throws {
        let whole = GGUFBuilder.tinyModel().bytes
        #expect(try Self.readAll(whole) > 0)
        for length in whole.indices {
            #expect(throws: ModelFileError.self, "\(length) of \(whole.count) bytes") {
                try Self.readAll(Array(whole[..<length]))
            }
        }
    }

    @Test("100,000 mutations give a model or an error")
    func mutations() {
        let whole = GGUFBuilder.tinyModel().bytes
        var state: UInt64 = 1
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let words: [UInt64] = [0, 1, 31, 1 << 31, 1 << 32, 1 << 40, 1 << 62, 1 << 63, .max, .max - 31]
        var refused = 0
        for _ in 0..<100_000 {
            var bytes = whole
            for _ in 0...next(4) {
                let place = next(bytes.count)
                switch next(4) {
                case 0: bytes[place] = UInt8(next(256))
                case 1: bytes[place] ^= 1 << UInt8(next(8))
                case 2: bytes.replaceSubrange(place..<min(place + next(12), bytes.count), with: [])
                default:
                    let word = GGUFBuilder.littleEndian(words[next(words.count)])
                    for (index, byte) in word.enumerated() where place + index < bytes.count {
                        bytes[place + index] = byte
                    }
                }
            }
            do { try Self.readAll(bytes) } catch { refused += 1 }
        }
        #expect(refused > 50_000)
        #expect(refused < 100_000, "some mutations are harmless")
    }
}
