import FileTesting
import ModelFiles
import OrderedJSON
import QwenModel
import TensorCore
import Testing

extension QwenTests {
    @Suite("Adapters", .enabled(if: ReferenceData.isPresent, "\(ReferenceData.absence)"))
    struct Adapters {
        @Test(
            "logits, log-probabilities and scaling of PEFT folders equal PEFT's",
            arguments: ReferenceData.adapters)
        func values(reference: ReferenceAdapter) throws {
            let model = try reference.model.load()
            let adapter = try Adapter(reference.folder(), model: model)
            let expected = try reference.tensors()
            let data = try ReferenceSequences(try reference.model.tensors())
            let run = Sequences(data.sequences, model: model, adapters: [adapter])
            expectClose(
                run.logits(model), data.unpadded(try expected.floats("logits")), within: Tolerance.activations,
                "\(reference.testDescription) logits")
            let successors: [Int32] = data.sequences.flatMap { $0.dropFirst().map { Int32($0) } + [0] }
            let y = run.logProbs(model, targets: successors)
            expectClose(
                run.rows.flatMap { $0.dropLast().map { y[2 * $0] } },
                data.unpaddedTransitions(try expected.floats("logprobs")), within: Tolerance.activations, "logprobs")
            let scaling = try #require(reference.json("fixtures.json")["scaling"]?.objectValue)
            if reference.isFused { return }
            #expect(Set(scaling.keys) == Set(adapter.factors.keys))
            for (module, factors) in adapter.factors {
                #expect(scaling[module]?.doubleValue.map { Float($0) } == factors.scaling, "\(module)")
            }
        }

        @Test(
            "an adapter that is continued, written and read again keeps its bits, and equal adapters equal bytes",
            arguments: ReferenceData.plainAdapters)
        func roundTrip(reference: ReferenceAdapter) throws {
            let model = try reference.model.load()
            let folder = try reference.folder()
            let trainable = try TrainableAdapter(continuing: folder, model: model)
            let temporary = try TemporaryFolder()
            for name in ["a", "b", "b"] { try trainable.write(to: temporary.path + "/" + name) }
            for name in ["adapter_model.safetensors", "adapter_config.json", "README.md"] {
                #expect(try temporary.bytes("a/" + name) == temporary.bytes("b/" + name))
            }
            let again = try AdapterFolder(path: temporary.path + "/a")
            #expect(again.moduleNames == folder.moduleNames)
            #expect(again.configuration.json == folder.configuration.json)
            let snapshot = trainable.snapshot()
            #expect(Set(snapshot.factors.keys) == Set(folder.moduleNames))
            for module in folder.moduleNames {
                let (old, new) = (try #require(folder.adapters[module]), try #require(again.adapters[module]))
                let factors = try #require(snapshot.factors[module])
                expectSameBits(try new.loraA.floats(), try old.loraA.floats(), "\(module) A")
                expectSameBits(try new.loraB.floats(), try old.loraB.floats(), "\(module) B")
                expectSameBits(factors.a.toArray(), try old.loraA.floats(), "\(module) A in use")
                expectSameBits(factors.b.toArray(), try old.loraB.floats(), "\(module) B in use")
            }
        }

        @Test("a snapshot does not follow later training")
        func snapshot() throws {
            let model = try ReferenceData.model("qwen2_tied").load()
            let trainable = try TrainableAdapter(
                AdapterConfiguration(r: 2, targetModules: .allLinear), model: model, seed: 1)
            let snapshot = trainable.snapshot()
            let before = snapshot.factors.mapValues { $0.a.toArray() }
            trainable.parameters.values.floats.update(repeating: 7, count: trainable.parameters.count)
            #expect(snapshot.factors.mapValues { $0.a.toArray() } == before)
        }

        @Test(
            "a fresh adapter leaves the base's logits bit for bit, with B zero and A within ±1/√in",
            arguments: ReferenceData.dense)
        func fresh(reference: ReferenceModel) throws {
            let model = try reference.load()
            let configuration = AdapterConfiguration(r: 4, loraAlpha: 8, targetModules: .allLinear)
            let trainable = try TrainableAdapter(configuration, model: model, seed: 11)
            let other = try TrainableAdapter(configuration, model: model, seed: 12)
            let same = try TrainableAdapter(configuration, model: model, seed: 11)
            expectSameBits(same.parameters.values.toArray(), trainable.parameters.values.toArray(), "same seed")
            #expect(other.parameters.values.toArray() != trainable.parameters.values.toArray())
            #expect(trainable.parameters.entries.count == 14 * model.configuration.hiddenLayers)
            for (module, factors) in trainable.snapshot().factors {
                let bound = 1 / Float(factors.a.shape[1]).squareRoot()
                let values = factors.a.toArray()
                #expect(factors.b.toArray().allSatisfy { $0 == 0 } && factors.scaling == 2, "\(module)")
                #expect(largest(values) <= bound && largest(values) > 0.9 * bound, "\(module)")
                let mean = values.reduce(0, +) / Float(values.count)
                #expect(abs(mean) < 5 * bound / Float(3 * values.count).squareRoot(), "\(module) mean \(mean)")
            }
            let sequences = try ReferenceSequences(try reference.tensors()).sequences
            let adapted = Sequences(sequences, model: model, adapters: [trainable.snapshot()]).logits(model)
            expectSameBits(adapted, Sequences(sequences, model: model).logits(model), "logits")
        }

        @Test("rules for layers and names choose the fresh modules")
        func layers() throws {
            let model = try ReferenceData.model("qwen2_tied").load()
            var configuration = AdapterConfiguration(r: 2, targetModules: .names(["k_proj", "up_proj", "down_proj"]))
            configuration.layersToTransform = [1]
            configuration.excludeModules = .names(["down_proj"])
            let chosen = try TrainableAdapter(configuration, model: model, seed: 1).snapshot().factors.keys
            #expect(chosen.sorted() == ["model.layers.1.mlp.up_proj", "model.layers.1.self_attn.k_proj"])
            let family = try TrainableAdapter(AdapterConfiguration(r: 2), model: model, seed: 1).snapshot().factors.keys
            #expect(family.allSatisfy { $0.hasSuffix(".q_proj") || $0.hasSuffix(".v_proj") } && family.count == 4)
        }

        @Test("a fresh adapter that is written is one that can be continued")
        func freshFolder() throws {
            let model = try ReferenceData.model("qwen3_untied").load()
            var configuration = AdapterConfiguration(r: 3, loraAlpha: 5, targetModules: .names(["q_proj", "lm_head"]))
            configuration.rankPattern = [.init(expression: "q_proj", value: 2)]
            configuration.useRslora = true
            let trainable = try TrainableAdapter(configuration, model: model, seed: 3)
            #expect(trainable.parameters.entries.last?.name == "lm_head.lora_B.weight")
            let temporary = try TemporaryFolder()
            try trainable.write(to: temporary.path + "/a")
            let again = try TrainableAdapter(continuing: AdapterFolder(path: temporary.path + "/a"), model: model)
            #expect(again.parameters.entries.map(\.name) == trainable.parameters.entries.map(\.name))
            #expect(again.parameters.entries.map(\.shape) == trainable.parameters.entries.map(\.shape))
            expectSameBits(again.parameters.values.toArray(), trainable.parameters.values.toArray(), "values")
            let scaling = again.snapshot().factors.mapValues(\.scaling)
            #expect(scaling["lm_head"] == Float(5 / 3.0.squareRoot()))
            #expect(scaling["model.layers.1.self_attn.q_proj"] == Float(5 / 2.0.squareRoot()))
        }
    }
}
