import FileTesting
import Foundation
import ModelFiles
import OrderedJSON
import Testing

@Suite("Adapter configurations")
struct AdapterConfigurationTests {
    static func read(_ text: String) throws(ModelFileError) -> AdapterConfiguration {
        try AdapterConfiguration(MappedFile(copying: Array(text.utf8), path: "adapter_config.json"))
    }

    static func targeting(_ fields: String) throws -> AdapterTargeting {
        try AdapterTargeting(try read(#"{"peft_type":"LORA",\#(fields)}"#), familyDefaults: ["q_proj", "v_proj"])
    }

    static let q3 = "model.layers.3.self_attn.q_proj"

    @Test(
        "targets follow PEFT's rules",
        arguments: [
            (#""target_modules":["q_proj"]"#, q3, true),
            (#""target_modules":["proj"]"#, q3, false),
            (#""target_modules":["self_attn.q_proj"]"#, q3, true),
            (#""target_modules":["model.layers.3.self_attn.q_proj"]"#, q3, true),
            (#""target_modules":["q_proj"]"#, "q_proj", true),
            (#""target_modules":[]"#, q3, false),
            (#""target_modules":null"#, q3, true),
            (#""r":4"#, "model.layers.3.self_attn.k_proj", false),
            (#""target_modules":null,"target_parameters":["mlp.experts.down_proj"]"#, q3, false),
            (#""target_modules":".*q_proj""#, q3, true),
            (#""target_modules":"q_proj""#, q3, false),
            (#""target_modules":"All-Linear""#, q3, true),
            (#""target_modules":"all-linear","exclude_modules":["q_proj"]"#, q3, false),
            (#""target_modules":["q_proj"],"exclude_modules":"model\\.layers\\.[1-3]\\..*""#, q3, false),
            (#""target_modules":["q_proj"],"exclude_modules":["layers.3"]"#, q3, true),
            (#""target_modules":["q_proj"],"modules_to_save":["self_attn"]"#, q3, false),
            (#""target_modules":["q_proj"],"modules_to_save":["q"]"#, q3, true),
            (#""target_modules":["q_proj"],"layers_to_transform":3"#, q3, true),
            (#""target_modules":["q_proj"],"layers_to_transform":[1,2]"#, q3, false),
            (#""target_modules":["q_proj"],"layers_to_transform":[]"#, q3, true),
            (#""target_modules":["q_proj"],"layers_to_transform":[3],"layers_pattern":"layers""#, q3, true),
            (#""target_modules":["q_proj"],"layers_to_transform":[3],"layers_pattern":["h","blocks"]"#, q3, false),
            (#""target_modules":["model.layers.3.self_attn.q_proj"],"layers_to_transform":[1]"#, q3, true),
            (
                #""target_modules":["down_proj"],"layers_to_transform":[5]"#, "model.layers.0.mlp.experts.5.down_proj",
                true
            ),
            (#""target_modules":["lm_head"],"layers_to_transform":[0]"#, "base.lm_head", false),
        ])
    func targets(fields: String, module: String, expected: Bool) throws {
        #expect(try Self.targeting(fields).targets(moduleNamed: module) == expected)
    }

    @Test("all-linear leaves out the output head and what is not linear")
    func allLinear() throws {
        let targeting = try Self.targeting(#""target_modules":"all-linear""#)
        #expect(targeting.targets(moduleNamed: "model.layers.0.mlp.gate", isLinear: true))
        #expect(!targeting.targets(moduleNamed: "model.norm", isLinear: false))
        #expect(!targeting.targets(moduleNamed: "lm_head", isLinear: true, isOutputHead: true))
    }

    @Test("the first pattern that matches gives rank and alpha; scaling is alpha/r or alpha/√r")
    func patterns() throws {
        let rules =
            #""r":4,"lora_alpha":6,"rank_pattern":{"q_proj":8,"layers.3.*":2,"^model.norm":9},"alpha_pattern":{"layers\\.3\\.self_attn\\.(q|k)_proj":1.5}"#
        let plain = try Self.targeting(rules)
        #expect(plain.rank(of: Self.q3) == 8 && plain.rank(of: "model.layers.3.mlp.up_proj") == 2)
        #expect(
            plain.rank(of: "xq_proj") == 4 && plain.rank(of: "model.norm") == 9 && plain.rank(of: "a.model.norm") == 4)
        #expect(plain.alpha(of: Self.q3) == 1.5 && plain.alpha(of: "q_proj") == 6)
        #expect(plain.scaling(of: Self.q3) == 1.5 / 8 && plain.scaling(of: "o_proj") == 1.5)
        let stabilised = try Self.targeting(rules + #","use_rslora":true"#)
        #expect(stabilised.scaling(of: "o_proj") == 3)
    }

    @Test(
        "values out of range and contradictions are refused and told",
        arguments: [
            (#"{}"#, "peft_type is absent; expected \"LORA\""),
            (#"{"peft_type":"IA3"}"#, "peft_type is \"IA3\"; only \"LORA\" is supported"),
            (#"{"peft_type":"LORA","r":0}"#, "r is 0; expected a rank from 1 to 65536"),
            (#"{"peft_type":"LORA","r":-1}"#, "r is -1"), (#"{"peft_type":"LORA","r":1000000000}"#, "r is 1000000000"),
            (#"{"peft_type":"LORA","r":"8"}"#, #"r is "\"8\""; expected an integer"#),
            (#"{"peft_type":"LORA","r":1.5}"#, "expected an integer"),
            (#"{"peft_type":"LORA","lora_alpha":NaN}"#, "invalid JSON"),
            (#"{"peft_type":"LORA","lora_alpha":1e999}"#, "lora_alpha is inf; expected a finite number"),
            (#"{"peft_type":"LORA","lora_dropout":1}"#, "0 ≤ lora_dropout < 1"),
            (#"{"peft_type":"LORA","rank_pattern":{"a":0}}"#, #"rank_pattern "a" is 0"#),
            (#"{"peft_type":"LORA","rank_pattern":{"a":"b"}}"#, "an object with an integer for each expression"),
            (#"{"peft_type":"LORA","rank_pattern":{"a(":1}}"#, #"rank_pattern has "a(": invalid regular expression"#),
            (#"{"peft_type":"LORA","target_modules":"(a)\\1"}"#, "backreferences are not supported"),
            (#"{"peft_type":"LORA","target_modules":[1]}"#, "target_modules is \"[1]\"; expected a list of texts"),
            (#"{"peft_type":"LORA","target_modules":".*","layers_to_transform":[1]}"#, "need a list of target_modules"),
            (#"{"peft_type":"LORA","target_modules":["a"],"layers_pattern":"h"}"#, "without layers_to_transform"),
            (#"{"peft_type":"LORA","bias":"some"}"#, "expected none, all or lora_only"),
            (#"{"peft_type":"LORA","init_lora_weights":3}"#, "expected true, false or a name"),
            (#"{"peft_type":"LORA","use_dora":1}"#, "use_dora is \"1\"; expected true or false"),
            (#"{"peft_type":"LORA","peft_type":"LORA"}"#, "appears twice"), ("[]", "is not a JSON object"),
        ])
    func refusals(text: String, complaint: String) {
        let error = #expect(throws: ModelFileError.self) { try Self.read(text) }
        #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
    }

    @Test("unknown keys are kept, keys and lists are written sorted, and reading gives the same value back")
    func rewriting() throws {
        let configuration = try Self.read(
            #"{"zeta":[1],"peft_type":"LORA","target_modules":["v","q"],"rank_pattern":{"z":1,"a":2},"lora_alpha":1.5,"lora_bias":true,"kasa_config":null}"#
        )
        #expect(
            configuration.otherKeys.keys == ["zeta", "lora_bias", "kasa_config"]
                && configuration.unsupportedFeatures == ["lora_bias"])
        let text = configuration.json.text(.compact)
        #expect(text.contains(#""rank_pattern":{"z":1,"a":2}"#) && text.contains(#""target_modules":["q","v"]"#))
        #expect(text.hasSuffix(#""zeta":[1]}"#))
        let again = try Self.read(text)
        #expect(again.json == configuration.json && again.rankPattern == configuration.rankPattern)
    }

    @Test(
        "the reference configurations keep every key and value",
        .enabled(if: ReferenceData.isPresent, "\(ReferenceData.absence)"))
    func referenceConfigurations() throws {
        for folder in ReferenceData.adapterFolders {
            let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/adapter_config.json"))
            let original = try JSONValue(parsing: data)
            let written = try AdapterConfiguration(MappedFile(path: folder + "/adapter_config.json")).json
            #expect(written.objectValue?.keys == original.objectValue?.keys.sorted(), "\(folder)")
            for key in written.objectValue?.keys ?? [] {
                switch (key, original[key]) {
                case ("layers_pattern", .string(let text)): #expect(written[key] == [.string(text)], "\(folder)")
                case (_, .array([])): #expect(written[key] == .null, "\(folder) \(key)")
                case (_, let value): #expect(written[key] == value, "\(folder) \(key)")
                }
            }
        }
    }
}

@Suite("Adapter folders")
struct AdapterFolderTests {
    static let prefix = "base_model.model."

    /// A small adapter file; tensors are float32 of zeros.
    static func open(_ tensors: [(String, [Int])], _ fields: String = #""r":2"#) throws -> AdapterFolder {
        let folder = try TemporaryFolder()
        try SafetensorsWriter.write(
            tensors.map { name, shape in
                WritableTensor(name: name, shape: shape, floats: [Float](repeating: 0, count: shape.reduce(1, *)))
            }, to: folder.path + "/adapter_model.safetensors")
        try folder.write(#"{"peft_type":"LORA","target_modules":["q"],\#(fields)}"#, "adapter_config.json")
        return try AdapterFolder(path: folder.path)
    }

    @Test(
        "every reference adapter opens with the ranks and modules of its configuration",
        .enabled(if: ReferenceData.isPresent, "\(ReferenceData.absence)"))
    func referenceAdapters() throws {
        #expect(ReferenceData.adapterFolders.count >= 10)
        for path in ReferenceData.adapterFolders {
            let folder = try AdapterFolder(path: path)
            let model = try HuggingFaceFolder(path: path + "/../..")
            let targeting = try AdapterTargeting(folder.configuration, familyDefaults: [])
            #expect(folder.savedTensors.isEmpty == folder.configuration.modulesToSave.isEmpty)
            let linear = try model.tensorNames.filter { name in
                try name.hasSuffix(".weight") && model.tensor(named: name)?.shape.count == 2
            }.map { String($0.dropLast(".weight".count)) }
            let expected = linear.filter { targeting.targets(moduleNamed: $0) && !$0.contains("embed_tokens") }
            #expect(expected.sorted() == folder.moduleNames, "\(path)")
            for (module, adapter) in folder.adapters {
                let weight = try #require(try model.tensor(named: module + ".weight"))
                #expect([adapter.loraB.shape[0], adapter.loraA.shape[1]] == weight.shape, "\(path) \(module)")
            }
        }
    }

    @Test("an adapter's name inside the keys, and a missing prefix, make no difference")
    func names() throws {
        let folder = try Self.open(
            [
                (Self.prefix + "m.q.lora_A.default.weight", [2, 3]),
                (Self.prefix + "m.q.lora_B.default.weight", [5, 2]),
                (Self.prefix + "m.q.lora_magnitude_vector.default.weight", [5]), ("n.q.lora_A.weight", [2, 3]),
                ("n.q.lora_B.weight", [5, 2]), ("n.q.lora_magnitude_vector", [5]),
                (Self.prefix + "lm_head.modules_to_save.default.weight", [4, 3]),
                (Self.prefix + "score.dense.bias", [4]),
            ], #""r":2,"use_dora":true,"modules_to_save":["lm_head","score"]"#)
        #expect(folder.moduleNames == ["m.q", "n.q"] && folder.adapters["m.q"]?.magnitude?.shape == [5])
        #expect(Set(folder.savedTensors.keys) == ["lm_head.weight", "score.dense.bias"])
    }

    @Test("halves that are missing, ranks and shapes that don't fit are refused and told")
    func refusals() throws {
        let (a, b) = ("m.q.lora_A.weight", "m.q.lora_B.weight")
        let cases: [([(String, [Int])], String, String)] = [
            ([(a, [2, 3])], #""r":2"#, #"module "m.q" has lora_A but no lora_B"#),
            ([(b, [3, 2])], #""r":2"#, #"module "m.q" has lora_B or a magnitude but no lora_A"#),
            ([(a, [2, 3]), (b, [5, 3])], #""r":2"#, "has A [2, 3] and B [5, 3]; expected [R, in] and [out, R]"),
            ([(a, [2]), (b, [5, 2])], #""r":2"#, "expected [R, in] and [out, R]"),
            ([(a, [0, 3]), (b, [5, 0])], #""r":2"#, "expected [R, in] and [out, R]"),
            ([(a, [2, 3]), (b, [5, 2])], #""r":4"#, "has rank 2; adapter_config.json says 4"),
            ([(a, [2, 3]), (b, [5, 2])], #""r":2,"use_dora":true"#, "has no magnitude vector but use_dora is true"),
            ([(a, [2, 3]), (b, [5, 2]), ("m.q.lora_magnitude_vector", [5])], #""r":2"#, "but use_dora is false"),
            (
                [(a, [2, 3]), (b, [5, 2]), ("m.q.lora_magnitude_vector", [2])], #""r":2,"use_dora":true"#,
                "magnitude vector [2]; expected [5]"
            ),
            ([(a, [2, 3]), ("m.q.lora_A.other.weight", [2, 3])], #""r":2"#, "are for the same module"),
            ([("m.q.lora_embedding_A", [2, 3])], #""r":2"#, "is of a kind that is not supported"),
            ([("m.q.lora_B.bias", [2])], #""r":2"#, "is of a kind that is not supported"),
            ([("lora_A.weight", [2, 2])], #""r":2"#, "is of a kind that is not supported"),
            ([], #""r":2"#, "has no LoRA weights"),
            (
                [(a, [2, 3]), (b, [5, 2])], #""r":2,"modules_to_save":["lm_head"]"#, #"modules_to_save names "lm_head""#
            ),
        ]
        for (tensors, fields, complaint) in cases {
            let error = #expect(throws: ModelFileError.self) { try Self.open(tensors, fields) }
            #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
        }
    }

    @Test(
        "a folder that is no adapter is told plainly",
        arguments: [
            (
                ["adapter_config.json", "adapter_model.bin"],
                "has its weights only as adapter_model.bin, a PyTorch pickle"
            ),
            (["config.json"], "it is a model, not an adapter"), (["x"], "expected a PEFT adapter folder. It holds x"),
        ])
    func otherFolders(names: [String], complaint: String) throws {
        let folder = try TemporaryFolder()
        for name in names { try folder.write("{}", name) }
        let error = #expect(throws: ModelFileError.self) { try AdapterFolder(path: folder.path) }
        #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
    }

    @Test("a written adapter reads back; the same adapter gives the same bytes; what is wrong leaves nothing behind")
    func writing() throws {
        let folder = try TemporaryFolder()
        var configuration = AdapterConfiguration(r: 2, loraAlpha: 4, targetModules: .names(["v", "q"]))
        configuration.modulesToSave = ["lm_head"]
        configuration.useDora = true
        configuration.baseModelNameOrPath = "Qwen/Qwen3-0.6B"
        let weights = ["m.q", "m.v"].map {
            AdapterWeights(module: $0, rank: 2, loraA: [1, 2, 3, 4, 5, 6], loraB: [1, 2], magnitude: [3])
        }
        let saved = [WritableTensor(name: "lm_head.weight", shape: [1, 2], floats: [1, 2])]
        for (name, weights) in [("a", weights), ("b", weights.reversed())] {
            try AdapterFolder.write(
                configuration: configuration, weights: weights, saved: saved, to: folder.path + "/" + name)
        }
        for name in ["adapter_model.safetensors", "adapter_config.json", "README.md"] {
            #expect(try folder.bytes("a/" + name) == folder.bytes("b/" + name))
        }
        let read = try AdapterFolder(path: folder.path + "/a")
        #expect(read.moduleNames == ["m.q", "m.v"] && read.savedTensors["lm_head.weight"]?.shape == [1, 2])
        #expect(read.adapters["m.q"]?.loraA.shape == [2, 3] && read.adapters["m.q"]?.loraA.type == .float32)
        #expect(read.adapters["m.v"].map { Array($0.loraB.bytes) } == [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40])
        #expect(read.configuration.json == configuration.json)

        configuration.useDora = false
        #expect(throws: ModelFileError.self) {
            try AdapterFolder.write(configuration: configuration, weights: weights, to: folder.path + "/c")
        }
        #expect(folder.names == ["a", "b"])
    }
}
