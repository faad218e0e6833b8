import FileTesting
import ModelFiles
import OrderedJSON
import QwenModel
import TensorCore
import Testing
import Training

/// Compares every gradient of a set with a file; the file's names may carry PEFT's prefix.
func expectGradients(_ parameters: ParameterSet, equal expected: ReferenceTensors, _ what: String) throws {
    let prefix = "base_model.model."
    let names = expected.names.map { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0 }
    #expect(Set(names) == Set(parameters.entries.map(\.name)), "\(what)")
    let values = try expected.names.map { try expected.floats($0) }
    let largestOfModel = values.map(largest).max() ?? 0
    for (name, value) in zip(names, values) {
        guard let entry = parameters.entry(named: name) else { continue }
        expectClose(
            parameters.gradient(entry).toArray(), value,
            within: min(Tolerance.gradient * largest(value), Tolerance.gradientOfModel * largestOfModel),
            "\(what) gradient of \(name)")
    }
}

/// Three steps of AdamW, compared with losses, gradient norms and parameters of torch's.
func expectAdamW(
    _ parameters: ParameterSet, equal expected: ReferenceTensors, settings: JSONValue, _ what: String,
    loss: () -> Float, install: () -> Void
) throws {
    let setting = try #require(settings["optimizer"])
    let optimizer = AdamW(
        beta1: try #require(setting["betas"]?[0]?.doubleValue), beta2: try #require(setting["betas"]?[1]?.doubleValue),
        epsilon: try #require(setting["eps"]?.doubleValue),
        weightDecay: try #require(setting["weight_decay"]?.doubleValue))
    let losses = try #require(settings["adamw_losses_before_each_step_and_after"]).doubles
    let norms = try #require(settings["adamw_grad_norms"]).doubles
    let learningRate = try #require(setting["lr"]?.doubleValue)
    var state = OptimizerState()
    for step in 0..<3 {
        parameters.clearGradients()
        expectClose([loss()], [Float(losses[step])], within: 2e-5, "\(what) loss before step \(step)")
        let gradients = UnsafeBufferPointer(start: parameters.gradients.floats, count: parameters.count)
        var norm = GradientNorm()
        norm.add(gradients)
        #expect(abs(norm.value - norms[step]) <= 1e-5 * norms[step], "\(what) gradient norm of step \(step)")
        state.advance(
            optimizer,
            parameters: UnsafeMutableBufferPointer(start: parameters.values.floats, count: parameters.count),
            gradients: gradients, learningRate: learningRate)
        install()
    }
    expectClose([loss()], [Float(losses[3])], within: 2e-5, "\(what) loss after the steps")

    let prefix = "base_model.model."
    var (far, worst) = (0, Float(0))
    for name in expected.names {
        let entry = try #require(
            parameters.entry(named: name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name), "\(name)")
        let value = try expected.floats(name)
        let actual = parameters.value(entry).toArray()
        worst = max(worst, worstDifference(actual, value).error)
        far += zip(actual, value).count { abs($0 - $1) > 1e-5 }
    }
    let share = Double(far) / Double(parameters.count)
    #expect(share <= 0.002 && worst <= 3e-3, "\(what): \(share) of the parameters differ, worst by \(worst)")
}

extension QwenTests {
    @Suite("Gradients", .enabled(if: ReferenceData.isPresent, "\(ReferenceData.absence)"))
    struct GradientReference {
        @Test(
            "every weight's gradient equals torch's, the same bits with and without recomputation",
            arguments: ReferenceData.all.filter { $0.has("grads.safetensors") })
        func allWeights(reference: ReferenceModel) throws {
            let model = try reference.load()
            let full = try FullParameters(model: model, source: HuggingFaceFolder(path: reference.path))
            let data = try ReferenceSequences(try reference.tensors())
            let loss = data.meanLoss(model, parameters: full.parameters)
            expectClose([loss], [try reference.tensors().scalar("loss")], within: Tolerance.loss, "loss")
            try expectGradients(full.parameters, equal: try reference.tensors("grads.safetensors"), reference.name)
            let gradients = full.parameters.gradients.toArray()
            full.parameters.clearGradients()
            let again = data.meanLoss(model, parameters: full.parameters, recomputation: .blocks)
            expectSameBits([again], [loss], "loss")
            expectSameBits(full.parameters.gradients.toArray(), gradients, "\(reference.name) gradients")
        }

        @Test(
            "three AdamW steps on all weights end where torch's do",
            arguments: ReferenceData.all.filter { $0.has("adamw3.safetensors") })
        func allWeightsOptimizer(reference: ReferenceModel) throws {
            let model = try reference.load()
            let full = try FullParameters(model: model, source: HuggingFaceFolder(path: reference.path))
            let data = try ReferenceSequences(try reference.tensors())
            try expectAdamW(
                full.parameters, equal: try reference.tensors("adamw3.safetensors"),
                settings: try reference.json("fixtures.json"), reference.name
            ) {
                data.meanLoss(model, parameters: full.parameters, recomputation: .blocks)
            } install: {
                full.install()
            }
        }

        @Test(
            "losses and gradient norms follow torch's over three AdamW steps on all weights",
            arguments: ReferenceData.all)
        func losses(reference: ReferenceModel) throws {
            let settings = try reference.json("fixtures.json")
            let model = try reference.load()
            let full = try FullParameters(model: model, source: HuggingFaceFolder(path: reference.path))
            let data = try ReferenceSequences(try reference.tensors())
            let none = try TemporaryFolder()
            try SafetensorsWriter.write([], to: none.path + "/none.safetensors")
            try expectAdamW(
                full.parameters, equal: try ReferenceTensors(path: none.path + "/none.safetensors"), settings: settings,
                reference.name
            ) {
                data.meanLoss(model, parameters: full.parameters)
            } install: {
                full.install()
            }
        }

        @Test(
            "every factor's gradient equals PEFT's, the same bits with and without recomputation",
            arguments: ReferenceData.plainAdapters)
        func adapters(reference: ReferenceAdapter) throws {
            let model = try reference.model.load()
            let trainable = try TrainableAdapter(continuing: reference.folder(), model: model)
            let adapter = trainable.snapshot()
            let data = try ReferenceSequences(try reference.model.tensors())
            let loss = data.meanLoss(model, adapter: adapter, parameters: trainable.parameters)
            expectClose([loss], [try reference.tensors().scalar("loss")], within: Tolerance.loss, "loss")
            try expectGradients(
                trainable.parameters, equal: try reference.tensors("grads.safetensors"), reference.testDescription)
            let gradients = trainable.parameters.gradients.toArray()
            trainable.parameters.clearGradients()
            let again = data.meanLoss(
                model, adapter: adapter, parameters: trainable.parameters, recomputation: .blocks)
            expectSameBits([again], [loss], "loss")
            expectSameBits(
                trainable.parameters.gradients.toArray(), gradients, "\(reference.testDescription) gradients")
        }

        @Test(
            "three AdamW steps on an adapter end where torch's do",
            arguments: ReferenceData.plainAdapters.filter { $0.has("adamw3.safetensors") })
        func adapterOptimizer(reference: ReferenceAdapter) throws {
            let model = try reference.model.load()
            let trainable = try TrainableAdapter(continuing: reference.folder(), model: model)
            let data = try ReferenceSequences(try reference.model.tensors())
            try expectAdamW(
                trainable.parameters, equal: try reference.tensors("adamw3.safetensors"),
                settings: try reference.json("fixtures.json"), reference.testDescription
            ) {
                data.meanLoss(model, adapter: trainable.snapshot(), parameters: trainable.parameters)
            } install: {
            }
        }
    }
}
