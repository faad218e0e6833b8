import FileTesting
import ModelFiles
import OrderedJSON
import QwenModel
import TensorCore
import Testing

/// A source with one weight left out or replaced.
private struct DamagedWeights: WeightSource {
    let base: any WeightSource
    let name: String
    let replacement: StoredTensor?
    var path: String { base.path }
    var configuration: JSONValue { base.configuration }

    func weight(named name: String) throws(ModelFileError) -> StoredTensor? {
        name == self.name ? replacement : try base.weight(named: name)
    }
}

extension QwenTests {
    @Suite("Weights")
    struct Weights {
        private static func stored(_ name: String, _ shape: [Int], _ type: StoredType = .float32) -> StoredTensor {
            let bytes = [UInt8](repeating: 0, count: shape.reduce(1, *) * type.bytesPerBlock)
            return StoredTensor(
                name: name, shape: shape, type: type, file: MappedFile(copying: bytes, path: "w"), offset: 0)
        }

        static let names = [
            ("model.embed_tokens.weight", [203, 72]), ("model.norm.weight", [72]), ("lm_head.weight", [203, 72]),
            ("model.layers.1.input_layernorm.weight", [72]), ("model.layers.0.self_attn.q_norm.weight", [24]),
            ("model.layers.0.self_attn.q_proj.weight", [96, 72]), ("model.layers.0.self_attn.q_proj.bias", [96]),
            ("model.layers.1.self_attn.k_proj.weight", [24, 72]), ("model.layers.0.self_attn.o_proj.weight", [72, 96]),
            ("model.layers.1.self_attn.o_proj.bias", [72]), ("model.layers.0.mlp.down_proj.weight", [72, 130]),
        ]

        @Test("a weight that is missing, of another shape or of integers is named", arguments: names)
        func damaged(name: String, shape: [Int]) throws {
            let source = try LawCase.source(.normalized)
            let model = try QwenModel(source, precision: .float32)
            let other = shape.dropLast() + [shape.last.map { $0 - 1 } ?? 0]
            let cases: [(StoredTensor?, QwenModelError.Code, String)] = [
                (nil, .missingWeight, "fresh: weight '\(name)' is missing"),
                (
                    Self.stored(name, Array(other)), .mismatched,
                    "fresh: weight '\(name)' is \(Array(other)), the configuration asks for \(shape)"
                ),
                (
                    Self.stored(name, [1] + shape), .mismatched,
                    "fresh: weight '\(name)' is \([1] + shape), the configuration asks for \(shape)"
                ),
                (Self.stored(name, shape, .int32), .mismatched, "fresh: weight '\(name)' holds integers"),
            ]
            for (replacement, code, message) in cases {
                let damaged = DamagedWeights(base: source, name: name, replacement: replacement)
                let error = #expect(throws: QwenModelError.self) { try QwenModel(damaged, precision: .bfloat16) }
                #expect(error?.code == code && error?.message == message)
                let full = #expect(throws: QwenModelError.self) {
                    try FullParameters(model: model, source: damaged)
                }
                #expect(full?.code == code && full?.message == message)
            }
        }

        @Test("full parameters that are written are the model again", arguments: LawCase.Family.allCases)
        func writing(family: LawCase.Family) throws {
            let model = try LawCase.model(family, .float32)
            let full = try FullParameters(model: model, source: LawCase.source(family))
            full.parameters.values.floats[5] += 1
            full.install()
            let folder = try TemporaryFolder()
            try full.write(toFolder: folder.path, type: .float32)
            try LawCase.configuration(family).text()
                .write(toFile: folder.path + "/config.json", atomically: true, encoding: .utf8)
            let again = try QwenModel(HuggingFaceFolder(path: folder.path), precision: .float32)
            let sequence = [Array(1..<40)]
            expectSameBits(
                Sequences(sequence, model: again).logits(again), Sequences(sequence, model: model).logits(model),
                "logits")
        }

        @Test(
            "fresh weights are a function of the seed, with the deviation of the configuration",
            arguments: LawCase.Family.allCases)
        func fresh(family: LawCase.Family) throws {
            let configuration = LawCase.configuration(family)
            func values(_ seed: UInt64, _ name: String) throws -> [Float] {
                let source = try InitializedWeights(configuration: configuration, path: "fresh", seed: seed)
                return try #require(try source.weight(named: name), "\(name)").floats()
            }
            let name = "model.layers.1.mlp.up_proj.weight"
            expectSameBits(try values(1, name), try values(1, name), "same seed")
            #expect(try values(1, name) != values(2, name))
            #expect(try values(1, name) != values(1, "model.layers.1.mlp.gate_proj.weight"))
            for name in [name, "model.embed_tokens.weight"] {
                let numbers = try values(3, name).map(Double.init)
                let mean = numbers.reduce(0, +) / Double(numbers.count)
                let deviation = (numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(numbers.count))
                    .squareRoot()
                let beyond = numbers.count { abs($0) > 0.3 }
                #expect(abs(mean) < 5 * 0.15 / Double(numbers.count).squareRoot() && abs(deviation - 0.15) < 0.006)
                #expect(abs(Double(beyond) / Double(numbers.count) - 0.0455) < 0.01, "two deviations")
            }
            #expect(try values(1, "model.norm.weight").allSatisfy { $0 == 1 })
            if family == .mixture { return }  // it has no bias
            #expect(try values(1, "model.layers.0.self_attn.q_proj.bias").allSatisfy { $0 == 0 })
            let source = try InitializedWeights(configuration: configuration, path: "fresh", seed: 1)
            let isTied = configuration["tie_word_embeddings"]?.boolValue == true
            let head = try source.weight(named: "lm_head.weight")
            #expect((head == nil) == isTied)
            #expect(try source.weight(named: "model.layers.3.mlp.up_proj.weight") == nil)
            let model = try QwenModel(source, precision: .float32)
            #expect(Sequences([[1, 2, 3]], model: model).logits(model).allSatisfy { $0.isFinite })
        }

        @Test(
            "an initializer_range that is no deviation is refused",
            arguments: [-1, 0, .double(.infinity), "x"] as [JSONValue])
        func deviation(value: JSONValue) {
            let configuration = QwenTests.Configurations.changed(["initializer_range": value])
            let error = #expect(throws: QwenModelError.self) {
                try InitializedWeights(configuration: configuration, path: "c.json", seed: 1)
            }
            #expect(error?.message == "c.json: initializer_range is \(value.text()), expected a positive number")
        }
    }

    @Suite("Adapters that do not fit")
    struct UnfitAdapters {
        private static let module = "model.layers.0.self_attn.q_proj"

        private func folder(
            _ module: String, a: [Int], b: [Int], value: Float = 1, alpha: Double = 2, in place: TemporaryFolder,
            change: (inout AdapterConfiguration) -> Void = { _ in }
        ) throws -> AdapterFolder {
            var configuration = AdapterConfiguration(r: a[0], loraAlpha: alpha, targetModules: .names(["q_proj"]))
            change(&configuration)
            func floats(_ shape: [Int]) -> [Float] {
                [value] + [Float](repeating: 1, count: shape.reduce(1, *) - 1)
            }
            try AdapterFolder.write(
                configuration: configuration,
                weights: [AdapterWeights(module: module, rank: a[0], loraA: floats(a), loraB: floats(b))],
                to: place.path + "/a")
            return try AdapterFolder(path: place.path + "/a")
        }

        @Test("another base, NaN and an endless scaling are refused with the module's name")
        func refusals() throws {
            let model = try LawCase.model(.normalized, .float32)
            let name = Self.module
            let cases: [(String, [Int], [Int], Float, Double, String)] = [
                (
                    "model.layers.7.self_attn.q_proj", [2, 72], [96, 2], 1, 2,
                    "the adapter has weights for 'model.layers.7.self_attn.q_proj', which the model does not have; is it "
                        + "for another base?"
                ),
                (
                    name, [2, 64], [96, 2], 1, 2,
                    "the adapter's '\(name)' is B [96, 2] · A [2, 64], the layer is [96, 72]; is it for another base?"
                ),
                (
                    name, [2, 72], [72, 2], 1, 2,
                    "the adapter's '\(name)' is B [72, 2] · A [2, 72], the layer is [96, 72]; is it for another base?"
                ),
                (name, [2, 72], [96, 2], .nan, 2, "the adapter's '\(name)' holds NaN or infinite numbers"),
                (name, [2, 72], [96, 2], .infinity, 2, "the adapter's '\(name)' holds NaN or infinite numbers"),
                (
                    name, [2, 72], [96, 2], 1, 1e60,
                    "the adapter's '\(name)' has alpha 1e+60, too large for its scaling"
                ),
            ]
            for (module, a, b, value, alpha, message) in cases {
                let place = try TemporaryFolder()
                let folder = try folder(module, a: a, b: b, value: value, alpha: alpha, in: place)
                let error = #expect(throws: QwenModelError.self) { try Adapter(folder, model: model) }
                #expect(error?.code == .mismatched && error?.message == message)
                #expect(throws: QwenModelError.self) { try TrainableAdapter(continuing: folder, model: model) }
            }
        }

        @Test("what an adapter asks for and is not computed is named, all at once")
        func features() throws {
            let model = try LawCase.model(.normalized, .float32)
            let place = try TemporaryFolder()
            let folder = try folder(Self.module, a: [2, 72], b: [96, 2], in: place) {
                $0.bias = "all"
                $0.otherKeys["lora_bias"] = true
                $0.otherKeys["ensure_weight_tying"] = true
                $0.modulesToSave = []
            }
            let message = "the adapter uses bias, lora_bias, which this version does not support"
            for attempt in [
                { _ = try Adapter(folder, model: model) },
                { _ = try TrainableAdapter(folder.configuration, model: model, seed: 1) },
            ] {
                let error = #expect(throws: QwenModelError.self) { try attempt() }
                #expect(error?.code == .unsupported && error?.message == message)
            }
        }

        @Test("factors trained beside a base that their initialisation changed are refused")
        func changedBase() throws {
            let model = try LawCase.model(.normalized, .float32)
            for name in ["pissa", "PiSSA_niter_4", "olora", "corda", "loftq", "lora_ga"] {
                let place = try TemporaryFolder()
                let folder = try folder(Self.module, a: [2, 72], b: [96, 2], in: place) {
                    $0.initLoraWeights = .string(name)
                }
                let error = #expect(throws: QwenModelError.self) { try Adapter(folder, model: model) }
                #expect(
                    error?.message
                        == "the adapter was trained beside a base that init_lora_weights '\(name.lowercased())' had "
                        + "changed; save it for the untouched base (PEFT: save_pretrained with "
                        + "path_initial_model_for_weight_conversion)")
            }
        }

        @Test("a fresh adapter without a layer, or with an endless scaling, is refused")
        func fresh() throws {
            let model = try LawCase.model(.normalized, .float32)
            for (names, alpha, message) in [
                (["c_attn"], 1, "the adapter's target_modules match no linear layer of the model"),
                (
                    ["down_proj"], 1e60,
                    "the adapter's 'model.layers.0.mlp.down_proj' has alpha 1e+60, too large for its scaling"
                ),
            ] {
                let error = #expect(throws: QwenModelError.self) {
                    try TrainableAdapter(
                        AdapterConfiguration(r: 2, loraAlpha: alpha, targetModules: .names(names)), model: model,
                        seed: 1)
                }
                #expect(error?.code == .mismatched && error?.message == message)
            }
        }
    }
}
