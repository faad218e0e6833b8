import FileTesting
import Foundation
import OrderedJSON
import Testing

/// A safetensors file to be damaged: its tensors as bytes.
struct TensorFile {
    struct Entry {
        var name: String
        var type: String
        var shape: [Int]
        var bytes: Data
    }

    var entries: [Entry]

    init(_ path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try #require(try JSONValue(parsing: data[8..<8 + length]).objectValue)
        entries = try header.filter { $0.key != "__metadata__" }.map { name, value in
            let offsets = try #require(value["data_offsets"]?.arrayValue).compactMap(\.intValue)
            return Entry(
                name: name, type: try #require(value["dtype"]?.stringValue),
                shape: try #require(value["shape"]?.arrayValue).compactMap(\.intValue),
                bytes: Data(data[(8 + length + offsets[0])..<(8 + length + offsets[1])]))
        }
    }

    /// The first module's factor A or B.
    subscript(part: String) -> Entry {
        get { entries.first { $0.name.hasSuffix("q_proj.\(part).weight") } ?? entries[0] }
        set {
            if let place = entries.firstIndex(where: { $0.name.hasSuffix("q_proj.\(part).weight") }) {
                entries[place] = newValue
            }
        }
    }

    /// The header, and the numbers behind it.
    var parts: (header: String, numbers: Data) {
        var (fields, numbers): ([String], Data) = ([], Data())
        for entry in entries {
            let value: JSONValue = [
                "dtype": .string(entry.type), "shape": .array(entry.shape.map { .integer($0) }),
                "data_offsets": [.integer(numbers.count), .integer(numbers.count + entry.bytes.count)],
            ]
            fields.append("\(JSONValue.string(entry.name).text()):\(value.text())")
            numbers += entry.bytes
        }
        return ("{" + fields.joined(separator: ",") + "}", numbers)
    }

    var data: Data { Self.join(parts.header, parts.numbers) }

    static func join(_ header: String, _ numbers: Data) -> Data {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8) + numbers
    }
}

/// One thing that is wrong with an adapter, and what is said of it.
struct AdapterFault: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let text: String
    let configuration: JSONObject
    let weights: @Sendable (inout TensorFile) -> Data

    init(
        _ name: String, _ text: String, _ configuration: JSONObject = [:],
        _ weights: @escaping @Sendable (inout TensorFile) -> Data = { $0.data }
    ) {
        (testDescription, self.text, self.configuration, self.weights) = (name, text, configuration, weights)
    }

    /// A file whose tensors are changed.
    init(_ name: String, _ text: String, change: @escaping @Sendable (inout TensorFile) -> Void) {
        self.init(name, text, [:]) { file in
            change(&file)
            return file.data
        }
    }

    private static func number(_ value: Float) -> Data {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { Data($0) }
    }

    static let all: [AdapterFault] = [
        AdapterFault("NaN", "holds NaN or infinite numbers") {
            $0["lora_A"].bytes.replaceSubrange(0..<4, with: number(.nan))
        },
        AdapterFault("infinity", "holds NaN or infinite numbers") {
            $0["lora_B"].bytes.replaceSubrange(0..<4, with: number(.infinity))
        },
        AdapterFault("no A", "has lora_B or a magnitude but no lora_A") { file in
            let name = file["lora_A"].name
            file.entries.removeAll { $0.name == name }
        },
        AdapterFault("no B", "has lora_A but no lora_B") { file in
            let name = file["lora_B"].name
            file.entries.removeAll { $0.name == name }
        },
        AdapterFault("nothing", "has no LoRA weights") { $0.entries = [] },
        AdapterFault("wider", "another base?") { file in
            let rank = file["lora_A"].shape[0]
            file["lora_A"].shape[1] += 1
            file["lora_A"].bytes += Data(count: 4 * rank)
        },
        AdapterFault("taller", "another base?") { file in
            let rank = file["lora_B"].shape[1]
            file["lora_B"].shape[0] += 1
            file["lora_B"].bytes += Data(count: 4 * rank)
        },
        AdapterFault("another layer", "another base?") { file in
            for part in ["lora_A", "lora_B"] {
                let name = file[part].name
                file[part].name = name.replacingOccurrences(of: "layers.0.", with: "layers.77.")
            }
        },
        AdapterFault("integers", "is of type I32") { $0["lora_A"].type = "I32" },
        AdapterFault("8-bit numbers", "is of type") { file in
            let bytes = file["lora_A"].bytes
            file["lora_A"].type = "F8_E4M3"
            file["lora_A"].bytes = bytes.prefix(bytes.count / 4)
        },
        AdapterFault("two adapters in a file", "are for the same module") { file in
            var other = file["lora_A"]
            other.name = other.name.replacingOccurrences(of: ".weight", with: ".other.weight")
            file.entries.append(other)
        },
        AdapterFault("a saved weight of another size", "model.norm.weight") { file in
            file.entries.append(
                .init(name: "base_model.model.model.norm.weight", type: "F32", shape: [2], bytes: Data(count: 8)))
        },
        AdapterFault("a key twice", "twice") { file in
            let (header, numbers) = file.parts
            let key = JSONValue.string(file["lora_A"].name).text()
            return TensorFile.join(
                header.dropLast() + ",\(key):{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", numbers)
        },
        AdapterFault("tensors that overlap", "overlap") { file in
            let (header, numbers) = file.parts
            return TensorFile.join(
                header.dropLast() + ",\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", numbers)
        },
        AdapterFault("a shape that overflows", "shape") { file in
            let (header, numbers) = file.parts
            let shape = JSONValue.array(file["lora_A"].shape.map { .integer($0) }).text()
            return TensorFile.join(
                header.replacingOccurrences(of: "\"shape\":\(shape)", with: "\"shape\":[4611686018427387904,4]"),
                numbers)
        },
        AdapterFault("cut short", "adapter_model.safetensors") { $0.data.dropLast(10) },
        AdapterFault("too long", "adapter_model.safetensors") { $0.data + Data(count: 3) },
        AdapterFault("a header of half the address space", "header") { file in
            var data = file.data
            data[7] = 0x7F
            return data
        },
        AdapterFault("an empty file", "adapter_model.safetensors") { _ in Data() },
        AdapterFault("another rank", "adapter_config.json says 3", ["r": 3]),
        AdapterFault("no rank", "r is 0; expected a rank from 1", ["r": 0]),
        AdapterFault("a huge rank", "expected a rank from 1", ["r": .integer(.max)]),
        AdapterFault("a huge alpha", "too large", ["lora_alpha": .double(1e300)]),
        AdapterFault("another method", "only \"LORA\" is supported", ["peft_type": "IA3"]),
        AdapterFault("a changed base", "pissa", ["init_lora_weights": "pissa"]),
        AdapterFault("biases in the products", "lora_bias", ["lora_bias": true]),
        AdapterFault("no magnitudes", "has no magnitude vector but use_dora is true", ["use_dora": true]),
        AdapterFault("a saved weight that is not there", "modules_to_save names", ["modules_to_save": ["lm_head"]]),
        AdapterFault("a bad expression", "invalid regular expression", ["rank_pattern": ["(": 3]]),
        AdapterFault(
            "a list of parameters that is too long", "target_parameters has 5000 entries",
            ["target_parameters": .array(Array(repeating: "x", count: 5000))]),
    ]
}

@Suite("Adapters that are not what they say", .enabled(if: Reference.isPresent, Reference.missing))
struct HostileAdapterTests {
    @Test(
        "no command takes a faulty adapter: one line says what is wrong, and nothing is left behind",
        arguments: AdapterFault.all)
    func refused(fault: AdapterFault) throws {
        let base = Reference.path("fixtures/models/qwen2_tied")
        let source = base + "/adapters/lora"
        let folder = try TemporaryFolder()
        var file = try TensorFile(source + "/adapter_model.safetensors")
        let configuration = try JSONValue(
            parsing: Data(contentsOf: URL(fileURLWithPath: source + "/adapter_config.json")))
        var fields = try #require(configuration.objectValue)
        for (key, value) in fault.configuration { fields[key] = value }
        let adapter = folder.path("bad")
        try folder.write(JSONValue.object(fields).text(), "bad/adapter_config.json")
        try fault.weights(&file).write(to: URL(fileURLWithPath: adapter + "/adapter_model.safetensors"))
        let before = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        for command in [
            ["merge", base, "--adapter", adapter, "--output", folder.path("out")],
            ["merge", base, "--adapter", adapter, "--output", folder.path("out.gguf")],
            ["export", adapter, "--base", base, "--output", folder.path("out.gguf")],
            ["generate", base, "--adapter", adapter, "--prompt", "a", "--max-new-tokens", "1", "--quiet"],
        ] {
            let outcome = try Program.run(command)
            #expect(outcome.status == 1, "\(command[0]): status \(outcome.status) \(outcome.messages)")
            #expect(outcome.messages.split(separator: "\n").count == 1, "\(command[0]): \(outcome.messages)")
            #expect(outcome.messages.contains(fault.text), "\(command[0]): \(outcome.messages)")
            #expect(outcome.output.isEmpty)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == before)
    }
}
