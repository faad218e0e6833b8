import ModelFiles
import OrderedJSON
import Testing

/// Files that were damaged at random: each is read or refused with a `ModelFileError`; reading never crashes or hangs.
@Suite("Damaged files")
struct FuzzTests {
    /// Calls a reader with many damaged copies of some bytes, and tells how many were refused.
    private static func damage(
        _ original: [UInt8], seed: UInt64, count: Int = 100_000, _ read: ([UInt8]) throws(ModelFileError) -> Void
    ) -> Int {
        var generator = SplitMix(state: seed)
        let pieces = [
            "{", "}", "[", "]", "\"", ":", ",", "0", "-1", "1e9", "99999999999999999999", "null", ".", "(", "\\",
        ].map { Array($0.utf8) }
        var refused = 0
        for _ in 0..<count {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0...bytes.count, using: &generator)
                let end = min(bytes.count, place + Int.random(in: 0...8, using: &generator))
                switch Int.random(in: 0..<6, using: &generator) {
                case 0: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &generator) }
                case 1: if place < bytes.count { bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator) }
                case 2: bytes.removeSubrange(place..<end)
                case 3:
                    bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &generator))
                case 4:
                    bytes.replaceSubrange(
                        place..<end, with: pieces[Int.random(in: 0..<pieces.count, using: &generator)])
                default: if Int.random(in: 0..<4, using: &generator) == 0 { bytes.removeSubrange(place...) }
                }
            }
            do throws(ModelFileError) { try read(bytes) } catch {
                refused += 1
                if error.message.isEmpty || error.message.contains("\n") {
                    Issue.record("a message of one line: \(error)")
                }
            }
        }
        return refused
    }

    /// Touches the first and last byte of each tensor.
    private static func touch(_ tensors: some Sequence<StoredTensor>) -> Int {
        tensors.reduce(0) { sum, tensor in sum + Int(tensor.bytes.first ?? 0) + Int(tensor.bytes.last ?? 0) }
    }

    private static let adapterBytes: [UInt8] = SafetensorsFileTests.bytes(
        "{" + SafetensorsFileTests.entry("base_model.model.m.q.lora_A.weight", "F32", "[2,3]", 0, 24) + ","
            + SafetensorsFileTests.entry("base_model.model.m.q.lora_B.weight", "F32", "[1,2]", 24, 32) + ","
            + #""__metadata__":{"format":"pt"}}"#, data: [UInt8](repeating: 1, count: 32))

    private static let configurationBytes = Array(
        #"{"peft_type":"LORA","r":2,"lora_alpha":4.5,"target_modules":["q"],"rank_pattern":{"a.*b{2,3}":3},"alpha_pattern":{"(a|b)+$":1},"layers_to_transform":[0,1],"layers_pattern":"layers","modules_to_save":null,"bias":"none","exclude_modules":"x.y*","other":{"a":[1,2]}}"#
            .utf8)

    @Test("a damaged safetensors file")
    func safetensors() {
        let refused = Self.damage(Self.adapterBytes, seed: 1) { bytes throws(ModelFileError) in
            let file = try SafetensorsFile(MappedFile(copying: bytes, path: "x"))
            _ = Self.touch(file.tensors.values)
        }
        #expect(refused > 50_000 && refused < 100_000)
    }

    @Test("a damaged index")
    func index() {
        let text =
            #"{"metadata":{"total_size":8},"weight_map":{"a.weight":"m-1.safetensors","b.weight":"m-2.safetensors"}}"#
        let refused = Self.damage(Array(text.utf8), seed: 2) { bytes throws(ModelFileError) in
            let index = try SafetensorsIndex(MappedFile(copying: bytes, path: "x"))
            for shard in index.shardNames where shard.contains("/") || shard.contains("..") { Issue.record("\(shard)") }
        }
        #expect(refused > 50_000 && refused < 100_000)
    }

    @Test("a damaged adapter configuration")
    func adapterConfiguration() {
        let weights = MappedFile(copying: Self.adapterBytes, path: "w")
        let refused = Self.damage(Self.configurationBytes, seed: 3) { bytes throws(ModelFileError) in
            let configuration = try AdapterConfiguration(MappedFile(copying: bytes, path: "c"))
            let targeting = try AdapterTargeting(configuration, familyDefaults: ["q"])
            _ = (targeting.targets(moduleNamed: "model.layers.1.q"), targeting.scaling(of: "model.layers.1.q"))
            _ = configuration.json.text()
            _ = try AdapterFolder(configuration: MappedFile(copying: bytes, path: "c"), weights: weights)
        }
        #expect(refused > 50_000 && refused < 100_000)
    }

    @Test("damaged adapter weights")
    func adapterWeights() {
        let configuration = MappedFile(
            copying: Array(#"{"peft_type":"LORA","r":2,"target_modules":["q"]}"#.utf8), path: "c")
        let refused = Self.damage(Self.adapterBytes, seed: 4) { bytes throws(ModelFileError) in
            let folder = try AdapterFolder(configuration: configuration, weights: MappedFile(copying: bytes, path: "w"))
            _ = Self.touch(folder.adapters.values.flatMap { [$0.loraA, $0.loraB] })
        }
        #expect(refused > 50_000 && refused < 100_000)
    }
}

/// A small generator with a fixed seed.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
