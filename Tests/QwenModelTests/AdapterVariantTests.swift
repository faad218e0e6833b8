import FileTesting
import Foundation
import ModelFiles
import OrderedJSON
import TensorCore
import Testing

@testable import QwenModel

extension QwenTests {
    @Suite("Variants of adapters")
    struct AdapterVariants {
        private func logits(_ model: QwenModel, _ adapter: Adapter?) -> [Float] {
            var dice = Dice(40)
            let sequences = [33, 5].map { dice.tokens($0, below: LawCase.vocabulary) }
            return Sequences(sequences, model: model, adapters: [adapter]).logits(model)
        }

        /// Moves every number a little, as a step would.
        private func train(_ trainable: TrainableAdapter) {
            var dice = Dice(41)
            let values = trainable.parameters.values
            for (place, change) in dice.floats(values.count, 0.05).enumerated() { values.floats[place] += change }
        }

        private static let starts = ["pissa", "olora"].flatMap { name in
            LawCase.Family.allCases.flatMap { family in
                [(false, false), (true, false), (false, true)].map { (name, family, $0.0, $0.1) }
            }
        }

        @Test(
            "an adapter taken from the base starts as the base, and is saved as it computes, bit for bit",
            arguments: starts)
        func takenFromBase(name: String, family: LawCase.Family, rslora: Bool, dora: Bool) throws {
            let model = try LawCase.model(family, .float32)
            var configuration = AdapterConfiguration(r: 4, loraAlpha: 6, targetModules: .allLinear)
            configuration.initLoraWeights = .string(name)
            (configuration.useRslora, configuration.useDora) = (rslora, dora)
            configuration.rankPattern = [.init(expression: "k_proj", value: 3)]
            let trainable = try TrainableAdapter(configuration, model: model, seed: 1)
            #expect(trainable.parameters.gradients.count == trainable.parameters.count)
            let base = logits(model, nil)
            expectClose(
                logits(model, trainable.snapshot()), base, within: 1e-4 * largest(base), "\(name) before training")
            train(trainable)
            let trained = logits(model, trainable.snapshot())
            #expect(worstDifference(trained, base).error > 0.01)
            let place = try TemporaryFolder()
            try trainable.write(to: place.path + "/a")
            let folder = try AdapterFolder(path: place.path + "/a")
            #expect(folder.configuration.initLoraWeights == true)
            for (module, factors) in folder.adapters {
                #expect(factors.rank == (module.hasSuffix("k_proj") ? 6 : 8), "\(module)")
            }
            expectSameBits(logits(model, try Adapter(folder, model: model)), trained, "\(name) from its folder")
        }

        @Test("PiSSA's factors give the closest matrix of their rank, OLoRA's the first columns")
        func factors() throws {
            let model = try LawCase.model(.normalized, .float32)
            for name in ["pissa", "olora"] {
                var configuration = AdapterConfiguration(r: 5, loraAlpha: 10, targetModules: .names(["q_proj"]))
                configuration.initLoraWeights = .string(name)
                let trainable = try TrainableAdapter(configuration, model: model, seed: 1)
                let module = "model.layers.0.self_attn.q_proj"
                let layer = try #require(model.linearLayers.first { $0.name == module })
                let set = trainable.parameters
                let a = set.value(try #require(set.entry(named: Adapter.downName(module))))
                let b = set.value(try #require(set.entry(named: Adapter.upName(module))))
                let product = (0..<layer.outputs).flatMap { row in
                    (0..<layer.inputs).map { column in
                        (0..<5).reduce(Float(0)) {
                            $0 + b.floats[row * 5 + $1] * a.floats[$1 * layer.inputs + column]
                        }
                    }
                }
                let row = Tensor(shape: [layer.inputs])
                var weight: [Float] = []
                for index in 0..<layer.outputs {
                    layer.weight.readRow(index, into: row.floats)
                    weight += row.toArray()
                }
                switch name {
                case "pissa":
                    let parts = SingularVectors(of: layer.weight, count: 5)
                    let all = weight.reduce(0.0) { $0 + Double($1) * Double($1) }
                    let left = zip(weight, product).reduce(0.0) { $0 + pow2(Double($1.0) - 2 * Double($1.1)) }
                    let expected = all - parts.values.reduce(0) { $0 + $1 * $1 }
                    #expect(abs(left - expected) < 1e-4 * all, "scaling · B A leaves \(left), expected \(expected)")
                default:
                    for index in weight.indices where index % layer.inputs < 5 {
                        #expect(abs(product[index] - weight[index]) < 1e-5)
                    }
                }
            }
        }

        private func pow2(_ x: Double) -> Double { x * x }

        @Test(
            "an adapter on another starts as that one, leaves it as it is, and both are saved as one",
            arguments: [false, true])
        func stacked(isContinued: Bool) throws {
            let model = try LawCase.model(.mixture, .float32)
            let place = try TemporaryFolder()
            let lower = try TrainableAdapter(
                AdapterConfiguration(r: 3, loraAlpha: 5, targetModules: .names(["q_proj", "up_proj", "lm_head"])),
                model: model, seed: 2)
            train(lower)
            let beneath = lower.snapshot()
            var configuration = AdapterConfiguration(r: 2, loraAlpha: 7, targetModules: .names(["q_proj", "k_proj"]))
            configuration.useRslora = true
            var upper = try TrainableAdapter(configuration, model: model, seed: 3, beneath: beneath)
            if isContinued {
                try TrainableAdapter(configuration, model: model, seed: 3).write(to: place.path + "/upper")
                upper = try TrainableAdapter(
                    continuing: AdapterFolder(path: place.path + "/upper"), model: model, beneath: beneath)
            }
            let start = logits(model, beneath)
            expectClose(logits(model, upper.snapshot()), start, within: 1e-5 * largest(start), "before training")
            #expect(
                upper.parameters.entries.allSatisfy { !$0.name.contains("up_proj") && !$0.name.contains("lm_head") })
            train(upper)
            try upper.write(to: place.path + "/both")
            let both = try AdapterFolder(path: place.path + "/both")
            expectSameBits(
                logits(model, try Adapter(both, model: model)), logits(model, upper.snapshot()), "from its folder")
            let q = try #require(both.adapters["model.layers.0.self_attn.q_proj"])
            #expect(q.rank == 5 && both.adapters["model.layers.1.mlp.up_proj"]?.rank == 3)
            let factors = try #require(upper.snapshot().factors["model.layers.0.self_attn.q_proj"])
            expectSameBits(
                factors.a.rows(2..<5).toArray(),
                try #require(beneath.factors["model.layers.0.self_attn.q_proj"]).a.toArray(), "A beneath")
        }

        @Test("an adapter with magnitudes or whole weights can't be beneath another")
        func unfit() throws {
            let model = try LawCase.model(.windowed, .float32)
            for adaptation in [LawCase.Adaptation.magnitudes, .weights] {
                let beneath = try LawCase.trainable(model, seed: 1, adaptation).snapshot()
                let error = #expect(throws: QwenModelError.self) {
                    try TrainableAdapter(AdapterConfiguration(r: 2), model: model, seed: 1, beneath: beneath)
                }
                #expect(error?.code == .unsupported && error?.message.hasPrefix("the adapter beneath has") == true)
            }
        }

        @Test("whole weights are chosen by the ends of module names, and a tied head is apart from the embedding")
        func wholeWeights() throws {
            let model = try LawCase.model(.windowed, .float32)
            for (names, expected) in [
                (["lm_head"], ["lm_head.weight"]), (["embed_tokens"], ["model.embed_tokens.weight"]),
                (["model.norm"], ["model.norm.weight"]),
                (
                    ["1.self_attn.k_proj"],
                    ["model.layers.1.self_attn.k_proj.weight", "model.layers.1.self_attn.k_proj.bias"]
                ),
                (
                    ["layers.0.mlp"],
                    ["gate", "up", "down"].map { "model.layers.0.mlp.\($0)_proj.weight" }
                ),
            ] {
                var configuration = AdapterConfiguration(r: 2, targetModules: .names(["q_proj"]))
                configuration.modulesToSave = names
                let trainable = try TrainableAdapter(configuration, model: model, seed: 1)
                let whole = trainable.parameters.entries.map(\.name).filter { !$0.contains("lora") }
                #expect(whole == expected)
                expectSameBits(logits(model, trainable.snapshot()), logits(model, nil), "\(names)")
            }
        }

        @Test("DoRA starts as the base: magnitudes are the norms of the weights", arguments: LawCase.Family.allCases)
        func magnitudes(family: LawCase.Family) throws {
            let model = try LawCase.model(family, .float32)
            var configuration = AdapterConfiguration(r: 4, targetModules: .allLinear)
            configuration.useDora = true
            let adapter = try TrainableAdapter(configuration, model: model, seed: 1).snapshot()
            let base = logits(model, nil)
            expectClose(logits(model, adapter), base, within: 1e-6 * largest(base), "logits")
        }
    }

    @Suite("Dropout on adapters")
    struct Dropout {
        private func gradients(
            _ groups: [TokenBatch.Group], model: QwenModel, _ trainable: TrainableAdapter, rate: Double, step: Int = 1,
            recomputation: QwenModel.Recomputation = .none
        ) -> (values: [Float], gradients: [Float]) {
            trainable.parameters.clearGradients()
            var (batch, pageCount, predictors) = TokenBatch.packing(
                groups, adapter: trainable.snapshot(), groupSize: model.groupSize)
            batch.dropout = RowDropout(rate: rate, seed: 3, step: step, places: batch.places)
            let pass = GradientPass(parameters: trainable.parameters, units: batch.units)
            let hidden = model.hiddenStates(
                batch, pages: model.makePages(pageCount, layers: 1), pass: pass, recomputation: recomputation)
            let targets = groups.flatMap { $0.completions.flatMap { $0.map { Int32($0) } } }
            let y = model.logProbs(
                hidden, rows: predictors.flatMap { $0.flatMap { $0 } }, targets: targets, temperature: 1, batch: batch,
                pass: pass)
            y.backward(seed: Tensor((0..<y.count).map { Float($0 % 5) - 1.5 }, shape: y.shape))
            return (y.toArray(), trainable.parameters.gradients.toArray())
        }

        @Test(
            "the mask is the same alone, in a batch and computed again; another step has another",
            arguments: [
                LawCase.Family.normalized, .mixture,
            ])
        func addressed(family: LawCase.Family) throws {
            let model = try LawCase.model(family, .float32)
            let trainable = try LawCase.trainable(model, seed: 1)
            var dice = Dice(12)
            var groups = lawGroups(&dice)
            for index in groups.indices { groups[index].unit = index + 3 }
            let together = gradients(groups, model: model, trainable, rate: 0.3)
            let again = gradients(groups, model: model, trainable, rate: 0.3, recomputation: .blocks)
            expectSameBits(again.values, together.values, "computed again")
            expectSameBits(again.gradients, together.gradients, "gradients computed again")
            #expect(gradients(groups, model: model, trainable, rate: 0.3, step: 2).values != together.values)
            let dropped = gradients(groups, model: model, trainable, rate: 0)
            #expect(dropped.values != together.values)
            expectSameBits(
                dropped.values, gradients(groups, model: model, trainable, rate: 0, step: 2).values, "without dropout")
            var alone: [Float] = []
            for group in groups.reversed() {
                alone = gradients([group], model: model, trainable, rate: 0.3).values + alone
            }
            expectSameBits(alone, together.values, "alone")
            // A group that is cut between its completions keeps their masks.
            let whole = groups[4]
            var (first, second) = (whole, whole)
            (first, second) = (
                TokenBatch.Group(prompt: whole.prompt, completions: Array(whole.completions[..<1])),
                TokenBatch.Group(prompt: whole.prompt, completions: Array(whole.completions[1...]))
            )
            (first.unit, second.unit, second.firstSample) = (whole.unit, whole.unit, 1)
            let parts = [first, second].flatMap { gradients([$0], model: model, trainable, rate: 0.3).values }
            expectSameBits(parts, gradients([whole], model: model, trainable, rate: 0.3).values, "cut")
        }

        @Test("so many inputs are dropped as said, and the mean is kept")
        func share() {
            let places = (0..<64).map { RowDropout.Place(unit: $0 % 3, sample: $0 % 5, position: $0) }
            let dropout = RowDropout(rate: 0.25, seed: 9, step: 4, places: places)
            let mask = dropout.mask(0..<64, module: "model.layers.0.self_attn.q_proj", width: 1001).toArray()
            let zeros = Double(mask.count { $0 == 0 }) / Double(mask.count)
            #expect(abs(zeros - 0.25) < 0.008 && mask.allSatisfy { $0 == 0 || abs($0 - 4 / 3) < 1e-6 })
            let rows = Set((0..<64).map { Array(mask[$0 * 1001..<($0 + 1) * 1001]) })
            #expect(rows.count == 64)
            let other = dropout.mask(0..<64, module: "model.layers.0.self_attn.k_proj", width: 1001).toArray()
            let same = Double(zip(mask, other).count { $0 == $1 }) / Double(mask.count)
            #expect(abs(same - 0.625) < 0.01, "modules have masks of their own")
        }
    }

    @Suite("Experts")
    struct Experts {
        @Test("a folder with experts in fused tensors has the names and bits of one with single ones")
        func fused() throws {
            let source = try LawCase.source(.mixture)
            let temporary = try TemporaryFolder()
            var (tensors, parts): ([WritableTensor], [String: [Float]]) = ([], [:])
            var shapes: [String: [Int]] = [:]
            for name in source.base.weights.map(\.name) {
                let tensor = try #require(try source.weight(named: name))
                guard let range = name.firstRange(of: ".experts.") else {
                    tensors.append(WritableTensor(tensor, name: name))
                    continue
                }
                let isDown = name.hasSuffix("down_proj.weight")
                let fused = name[..<range.upperBound] + (isDown ? "down_proj" : "gate_up_proj")
                // Expert by expert, gate above up.
                parts[String(fused), default: []] += try tensor.floats()
                shapes[String(fused)] = [5, (isDown ? 1 : 2) * tensor.shape[0], tensor.shape[1]]
            }
            for (name, values) in parts {
                tensors.append(WritableTensor(name: name, shape: shapes[name] ?? [], floats: values))
            }
            try SafetensorsWriter.write(tensors, to: temporary.path + "/model.safetensors")
            try Data(source.configuration.text().utf8).write(to: URL(fileURLWithPath: temporary.path + "/config.json"))
            let folder = try HuggingFaceFolder(path: temporary.path)
            #expect(folder.tensorNames.sorted() == source.base.weights.map(\.name).sorted())
            let model = try QwenModel(folder, precision: .float32)
            var dice = Dice(50)
            let sequence = [dice.tokens(30, below: LawCase.vocabulary)]
            expectSameBits(
                Sequences(sequence, model: model).logits(model),
                Sequences(sequence, model: try LawCase.model(.mixture, .float32)).logits(model), "logits")
            #expect(try folder.tensor(named: "model.layers.1.mlp.experts.5.up_proj.weight") == nil)
        }

        @Test(
            "the load-balancing loss and its gradients equal transformers', with and without recomputation",
            .enabled(if: ReferenceData.isPresent, "\(ReferenceData.absence)"), arguments: ReferenceData.withExperts)
        func balance(reference: ReferenceModel) throws {
            let model = try reference.load()
            let full = try FullParameters(model: model, source: HuggingFaceFolder(path: reference.path))
            let expected = try reference.tensors()
            let run = Sequences(try ReferenceSequences(expected).sequences, model: model)
            for recomputation in [QwenModel.Recomputation.none, .blocks] {
                full.parameters.clearGradients()
                let rows = 0..<run.batch.ids.count
                var batch = TokenBatch(ids: run.batch.ids, layout: run.batch.layout, units: [rows])
                let balance = ExpertBalance(units: [rows], experts: 8, weight: 1)
                batch.balance = balance
                let pass = GradientPass(parameters: full.parameters, units: [rows])
                let hidden = model.hiddenStates(batch, pages: run.pages, pass: pass, recomputation: recomputation)
                expectClose(
                    balance.losses.map { Float($0) }, [try expected.scalar("router_aux_loss")],
                    within: Tolerance.loss, "\(reference.name) loss")
                hidden.backward(seed: .zeros(hidden.shape))
                let prefix = "router_aux_loss.grad."
                let names = expected.names.filter { $0.hasPrefix(prefix) }
                #expect(!names.isEmpty)
                for name in names {
                    let entry = try #require(full.parameters.entry(named: String(name.dropFirst(prefix.count))))
                    let values = try expected.floats(name)
                    expectClose(
                        full.parameters.gradient(entry).toArray(), values,
                        within: Tolerance.gradient * largest(values), "\(reference.name) \(name)")
                }
            }
        }

        @Test("rows are sorted by expert and keep their order; experts without rows have none")
        func order() {
            let order = ExpertOrder([2, 0, 0, 3, 3, 2], perToken: 2, experts: 5)
            #expect(order.ranges == [0..<2, 2..<2, 2..<4, 4..<6, 6..<6])
            #expect(order.rows == [0, 1, 0, 2, 1, 2] && order.slots == [1, 2, 0, 5, 3, 4])
        }

        @Test("sparse blocks are every so many but those named; both spellings of the count are read")
        func configuration() throws {
            var json = try #require(LawCase.configuration(.mixture).objectValue)
            (json["decoder_sparse_step"], json["num_hidden_layers"], json["mlp_only_layers"]) = (2, 6, [3])
            (json["num_experts"], json["num_local_experts"]) = (nil, 7)
            let experts = try #require(try QwenConfiguration(.object(json), path: "c.json").experts)
            #expect(experts.isSparse == [false, true, false, false, false, true])
            #expect(
                experts.count == 7 && experts.perToken == 2 && experts.renormalizes && experts.intermediateSize == 22)
            json["mlp_only_layers"] = ["a"]
            let error = #expect(throws: QwenModelError.self) { try QwenConfiguration(.object(json), path: "c.json") }
            #expect(error?.message == "c.json: mlp_only_layers is [\"a\"], expected a list of layer numbers")
            (json["mlp_only_layers"], json["num_experts_per_tok"]) = ([], 8)
            let tooMany = #expect(throws: QwenModelError.self) { try QwenConfiguration(.object(json), path: "c.json") }
            #expect(tooMany?.message == "c.json: num_experts_per_tok is 8, expected a whole number from 1 to 7")
        }
    }
}
