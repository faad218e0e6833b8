import FileTesting
import Foundation
import ModelFiles
import OrderedJSON
import Testing

@Suite("Adapters of fused experts")
struct FusedAdapterTests {
    static let owner = "model.layers.0.mlp.experts"

    /// Factors with numbers that no other module has.
    private static func weights(_ module: String, rank: Int, inputs: Int, outputs: Int, aOf other: String? = nil)
        -> AdapterWeights
    {
        func numbers(_ count: Int, _ name: String) -> [Float] {
            let start = name.utf8.reduce(7) { ($0 * 31 + Int($1)) % 9973 }
            return (0..<count).map { Float((start + 17 * $0) % 199 - 99) / 64 }
        }
        return AdapterWeights(
            module: module, rank: rank, loraA: numbers(rank * inputs, (other ?? module) + "A"),
            loraB: numbers(outputs * rank, module + "B"))
    }

    /// An adapter of one mixture of 3 experts of [4, 6], with a router, a dense layer and attention.
    private static func mixture(sharesA: Bool = false, down: Bool = true) -> [AdapterWeights] {
        (0..<3).flatMap { expert -> [AdapterWeights] in
            let name = "\(owner).\(expert)"
            let gate = weights(name + ".gate_proj", rank: 2, inputs: 6, outputs: 4)
            let up = weights(
                name + ".up_proj", rank: 2, inputs: 6, outputs: 4, aOf: sharesA ? name + ".gate_proj" : nil)
            return [gate, up] + (down ? [weights(name + ".down_proj", rank: 2, inputs: 4, outputs: 6)] : [])
        }
    }

    private static let others = [
        weights("model.layers.0.mlp.gate", rank: 2, inputs: 6, outputs: 3),
        weights("model.layers.1.mlp.gate_proj", rank: 2, inputs: 6, outputs: 5),
        weights("model.layers.1.self_attn.q_proj", rank: 2, inputs: 6, outputs: 8),
    ]

    private static func folder(
        _ weights: [AdapterWeights], in temporary: TemporaryFolder,
        _ change: (inout AdapterConfiguration) -> Void = { _ in }
    ) throws -> AdapterFolder {
        var configuration = AdapterConfiguration(
            r: 2, loraAlpha: 3, targetModules: .names(["gate", "gate_proj", "up_proj", "down_proj", "q_proj"]))
        configuration.loraDropout = 0.1
        change(&configuration)
        try AdapterFolder.write(configuration: configuration, weights: weights, to: temporary.path + "/separate")
        return try AdapterFolder(path: temporary.path + "/separate")
    }

    /// s · B A of a module.
    private static func update(_ module: String, _ folder: AdapterFolder) throws -> [Double] {
        let stored = try #require(folder.adapters[module])
        let (a, b, rank) = (try stored.loraA.floats(), try stored.loraB.floats(), stored.rank)
        let scaling = try AdapterTargeting(folder.configuration, familyDefaults: []).scaling(of: module)
        let width = a.count / rank
        return (0..<b.count / rank * width).map { place in
            scaling
                * (0..<rank).reduce(0.0) {
                    $0 + Double(b[place / width * rank + $1]) * Double(a[$1 * width + place % width])
                }
        }
    }

    @Test(
        "fused and taken apart again, every layer's update is the same, and so are its factors where A was shared",
        arguments: [true, false], [true, false])
    func roundTrip(sharesA: Bool, rslora: Bool) throws {
        let temporary = try TemporaryFolder()
        let source = try Self.folder(Self.mixture(sharesA: sharesA) + Self.others, in: temporary) {
            $0.useRslora = rslora
        }
        try source.write(to: temporary.path + "/fused", experts: .fused)
        let fused = try AdapterFolder(path: temporary.path + "/fused")
        #expect(fused.fusedExperts == 3 && source.fusedExperts == nil)
        #expect(fused.moduleNames == source.moduleNames)
        for name in source.moduleNames {
            let (before, after) = (try Self.update(name, source), try Self.update(name, fused))
            #expect(zip(before, after).allSatisfy { abs($0 - $1) <= 1e-12 * (1 + abs($0)) }, "\(name)")
            guard sharesA || name.hasSuffix("down_proj") else { continue }
            let (old, new) = (try #require(source.adapters[name]), try #require(fused.adapters[name]))
            #expect(try old.loraA.floats() == new.loraA.floats() && old.loraB.floats() == new.loraB.floats(), "\(name)")
        }
        let file = try SafetensorsFile(path: temporary.path + "/fused/adapter_model.safetensors")
        let prefix = "base_model.model."
        let rank = sharesA ? 2 : 4
        #expect(file.tensors[prefix + Self.owner + ".base_layer.lora_A.weight"]?.shape == [3 * rank, 6])
        #expect(file.tensors[prefix + Self.owner + ".base_layer.lora_B.weight"]?.shape == [8, 3 * rank])
        #expect(file.tensors[prefix + Self.owner + ".lora_A.weight"]?.shape == [6, 4])
        #expect(file.tensors[prefix + Self.owner + ".lora_B.weight"]?.shape == [6, 6])
        let written = try AdapterConfiguration(MappedFile(path: temporary.path + "/fused/adapter_config.json"))
        #expect(written.targetModules == .names(["q_proj"]) && written.loraDropout == 0)
        #expect(
            written.targetParameters == [
                "model.layers.0.mlp.gate.weight", "model.layers.1.mlp.gate_proj.weight", Self.owner + ".gate_up_proj",
                Self.owner + ".down_proj",
            ])
        try fused.write(to: temporary.path + "/again", experts: .separate)
        let again = try AdapterFolder(path: temporary.path + "/again")
        for name in source.moduleNames {
            #expect(try Self.update(name, again) == Self.update(name, fused), "\(name)")
        }
    }

    @Test(
        "an adapter that PEFT wrote with fused experts is written again with the same bits",
        .enabled(if: ReferenceData.isPresent, "\(ReferenceData.absence)"))
    func reference() throws {
        let temporary = try TemporaryFolder()
        let path = try #require(
            ReferenceData.adapterFolders.first { $0.hasSuffix("qwen3_moe/adapters/target_parameters") })
        try AdapterFolder(path: path).write(to: temporary.path + "/a", experts: .fused)
        let theirs = try SafetensorsFile(path: path + "/adapter_model.safetensors")
        let ours = try SafetensorsFile(path: temporary.path + "/a/adapter_model.safetensors")
        #expect(Set(ours.names) == Set(theirs.names))
        for name in theirs.names {
            #expect(try ours.tensors[name]?.floats() == theirs.tensors[name]?.floats(), "\(name)")
        }
        let configuration = try AdapterConfiguration(MappedFile(path: temporary.path + "/a/adapter_config.json"))
        #expect(configuration.rankPattern.isEmpty && configuration.alphaPattern.isEmpty)
        #expect(
            configuration.targetParameters.sorted()
                == [0, 2].flatMap { layer in
                    ["down_proj", "gate_up_proj"].map { "model.layers.\(layer).mlp.experts.\($0)" }
                })
    }

    @Test("ranks and alphas that PEFT gives to fused parameters are those of the experts' layers")
    func patterns() throws {
        let folder = try AdapterFolderTests.open(
            [
                (Self.owner + ".base_layer.lora_A.weight", [12, 6]),
                (Self.owner + ".base_layer.lora_B.weight", [8, 12]), (Self.owner + ".lora_A.weight", [6, 4]),
                (Self.owner + ".lora_B.weight", [6, 6]), ("model.layers.0.mlp.gate.lora_A.weight", [2, 6]),
                ("model.layers.0.mlp.gate.lora_B.weight", [3, 2]),
            ],
            #""r":2,"lora_alpha":8,"target_parameters":["gate_up_proj","down_proj","gate.weight"],"rank_pattern":{".*\\.gate_up_proj":4},"alpha_pattern":{".*\\.gate_up_proj":16}"#
        )
        #expect(folder.fusedExperts == 3 && folder.moduleNames.count == 10)
        let targeting = try AdapterTargeting(folder.configuration, familyDefaults: [])
        for expert in 0..<3 {
            for (layer, rank, scaling, shape) in [
                ("gate_proj", 4, 4.0, [4, 4]), ("up_proj", 4, 4, [4, 4]), ("down_proj", 2, 4, [6, 2]),
            ] {
                let name = "\(Self.owner).\(expert).\(layer)"
                #expect(targeting.rank(of: name) == rank && targeting.scaling(of: name) == scaling, "\(name)")
                #expect(folder.adapters[name]?.loraB.shape == shape && folder.adapters[name]?.rank == rank, "\(name)")
                #expect(targeting.targets(moduleNamed: name))
            }
        }
        #expect(targeting.rank(of: "model.layers.0.mlp.gate") == 2)
    }

    @Test("fused factors that contradict one another or the configuration are refused and told")
    func refusals() throws {
        let (first, second) = (Self.owner + ".base_layer", Self.owner)
        let both = #""r":2,"target_parameters":["experts.gate_up_proj","experts.down_proj"]"#
        let cases: [([(String, [Int])], String, String)] = [
            (
                [(second + ".lora_A.weight", [5, 4]), (second + ".lora_B.weight", [6, 5])], both,
                "expected rank 2 for each expert of \"\(second).down_proj\""
            ),
            (
                [(first + ".lora_A.weight", [6, 6]), (first + ".lora_B.weight", [7, 6])], both,
                "expected rank 2 for each expert of \"\(second).gate_up_proj\""
            ),
            (
                [
                    (first + ".lora_A.weight", [6, 6]), (first + ".lora_B.weight", [8, 6]),
                    (second + ".lora_A.weight", [4, 4]), (second + ".lora_B.weight", [6, 4]),
                ], both, "has factors for 3 experts, others have them for 2"
            ),
            (
                [
                    (second + ".lora_A.weight", [4, 4]), (second + ".lora_B.weight", [6, 4]),
                    (second + ".0.down_proj.lora_A.weight", [2, 4]), (second + ".0.down_proj.lora_B.weight", [6, 2]),
                ], both, "there are two adapters for \"\(second).0.down_proj\""
            ),
            (
                [("m.gate.lora_A.weight", [3, 4]), ("m.gate.lora_B.weight", [6, 3])],
                #""r":2,"target_parameters":["gate.weight"]"#, "has rank 3; adapter_config.json says 2"
            ),
        ]
        for (tensors, fields, complaint) in cases {
            let error = #expect(throws: ModelFileError.self) { try AdapterFolderTests.open(tensors, fields) }
            #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
        }
    }

    @Test("what the fused layout can't hold is refused, and nothing is left behind")
    func unfusable() throws {
        let whole = Self.mixture()
        var magnitudes = [Self.others[2]]
        magnitudes[0].magnitude = Array(repeating: 1, count: 8)
        let cases: [([AdapterWeights], (inout AdapterConfiguration) -> Void, String)] = [
            (magnitudes, { $0.useDora = true }, "DoRA has no fused layout"),
            (Self.others, { _ in }, "has no factors for experts"),
            (whole.filter { $0.module != Self.owner + ".1.up_proj" }, { _ in }, "expert 1 has no factors for up_proj"),
            (
                Self.mixture(down: false) + [Self.weights(Self.owner + ".2.down_proj", rank: 2, inputs: 4, outputs: 6)],
                { _ in }, "expert 0 has no factors for down_proj"
            ),
            (
                whole.filter { $0.module != Self.owner + ".2.down_proj" }
                    + [Self.weights(Self.owner + ".2.down_proj", rank: 2, inputs: 4, outputs: 7)], { _ in },
                "experts 0 and 2 have factors of different shapes"
            ),
            (
                whole, { $0.alphaPattern = [.init(expression: "1.gate_proj", value: 9)] },
                "its factors have different scalings"
            ),
        ]
        for (weights, change, complaint) in cases {
            let temporary = try TemporaryFolder()
            let folder = try Self.folder(weights, in: temporary, change)
            let error = #expect(throws: ModelFileError.self) {
                try folder.write(to: temporary.path + "/fused", experts: .fused)
            }
            #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
            #expect(temporary.names == ["separate"])
        }
    }
}
