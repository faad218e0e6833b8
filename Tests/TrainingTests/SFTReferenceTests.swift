import Foundation
import ModelFiles
import OrderedJSON
import QwenModel
import TensorCore
import Testing

@testable import Training

/// Supervised training against transformers and PEFT: loss, gradient, and three AdamW steps.
@Suite(
    "Supervised training against the reference",
    .enabled(if: TestModel.isThere, "reference data beside the package is missing"))
struct SFTReferenceTests {
    static let models = ["qwen2_tied", "qwen2_untied_gqa", "qwen3_tied", "qwen3_untied"]

    @Test("every parameter follows the reference's three steps", arguments: models)
    func full(name: String) throws {
        let folder = try HuggingFaceFolder(path: path(name))
        let model = try QwenModel(folder, precision: .float32)
        let parameters = TrainedParameters.all(try FullParameters(model: model, source: folder))
        try check("models/\(name)", name, model: model, parameters: parameters)
    }

    @Test("an adapter follows the reference's three steps", arguments: models)
    func adapter(name: String) throws {
        let place = "models/\(name)/adapters/lora"
        guard ReferenceData.has(place + "/fixtures.json") else { return }
        let model = try QwenModel(try HuggingFaceFolder(path: path(name)), precision: .float32)
        let saved = try AdapterFolder(path: ReferenceData.root.appendingPathComponent(place).path)
        let parameters = TrainedParameters.adapter(try TrainableAdapter(continuing: saved, model: model))
        try check(place, name, model: model, parameters: parameters)
    }

    @Test("the token budget does not change a bit of an adapter's gradient")
    func budget() throws {
        let model = try QwenModel(try HuggingFaceFolder(path: path("qwen3_tied")), precision: .float32)
        let saved = try AdapterFolder(path: path("qwen3_tied") + "/adapters/lora")
        let units = try units("qwen3_tied")
        var bits: [[UInt32]] = []
        for budget in [1, 40, 4096] {
            let parameters = TrainedParameters.adapter(try TrainableAdapter(continuing: saved, model: model))
            let loss = CrossEntropy(model: model, limits: PassLimits(tokens: budget))
            _ = try loss(units, adapter: parameters.install(), parameters: parameters.set)
            bits.append(parameters.set.gradientBits)
        }
        #expect(bits[0].contains { $0 << 1 != 0 })
        #expect(bits[0] == bits[1] && bits[1] == bits[2])
    }

    private func path(_ name: String) -> String { ReferenceData.root.appendingPathComponent("models/\(name)").path }

    private func check(_ place: String, _ name: String, model: QwenModel, parameters: TrainedParameters) throws {
        let json = try ReferenceData.json(place + "/fixtures.json")
        let units = try units(name)
        let set = parameters.set
        let loss = CrossEntropy(model: model, limits: PassLimits(tokens: 30))
        let optimizer = ParameterOptimizer(
            rule: AdamW(weightDecay: 0.01), schedule: .init(kind: .constant, baseRate: 1e-3, totalSteps: 3),
            maxGradientNorm: nil)
        var state = OptimizerState()
        var adapter = parameters.install()
        let expected = json["adamw_losses_before_each_step_and_after"]?.doubles ?? []
        var (losses, norms): ([Double], [Double]) = ([], [])
        if expected.isEmpty {
            losses.append(try loss(units, adapter: adapter, parameters: set).loss)
            try checkGradients(set, place)
            #expect(worstError(losses, [json["loss"]?.doubleValue ?? .nan]) < 5e-6)
            return
        }
        for step in 0..<3 {
            losses.append(try loss(units, adapter: adapter, parameters: set).loss)
            if step == 0 { try checkGradients(set, place) }
            norms.append(try optimizer.advance(set, state: &state, step: step))
            adapter = parameters.install()
        }
        losses.append(try loss(units, adapter: adapter, parameters: nil).loss)
        #expect(worstError(losses, expected) < 2e-5, "\(losses), expected \(expected)")
        #expect(worstError(norms, json["adamw_grad_norms"]?.doubles ?? norms) < 1e-4, "\(norms)")
    }

    private func checkGradients(_ set: ParameterSet, _ place: String) throws {
        guard ReferenceData.has(place + "/grads.safetensors") else { return }
        let tensors = try ReferenceData.floats(place + "/grads.safetensors")
        let largest = tensors.values.joined().map(abs).max() ?? 0
        for entry in set.entries {
            let wanted = try #require(
                tensors[entry.name] ?? tensors["base_model.model." + entry.name], "\(entry.name) has no reference")
            let bound = max(1e-4 * (wanted.map(abs).max() ?? 0), 1e-5 * largest)
            let worst = zip(set.gradient(entry).toArray(), wanted).map { abs($0 - $1) }.max() ?? .infinity
            #expect(worst <= bound, "gradient of \(entry.name): off by \(worst), allowed \(bound)")
        }
    }

    /// The fixture's rows, learned where the labels are not −100.
    private func units(_ name: String) throws -> [TrainingUnit] {
        let tensors = try ReferenceData.integers("models/\(name)/fixtures.safetensors")
        let (ids, labels) = (try #require(tensors["input_ids"]), try #require(tensors["labels"]))
        let mask = try #require(tensors["attention_mask"])
        let width = ids.count / 3
        return (0..<3).map { row in
            let range = row * width..<row * width + mask[row * width..<(row + 1) * width].reduce(0, +)
            return TrainingUnit(
                group: .init(prompt: [ids[range.lowerBound]], completions: [Array(ids[range.dropFirst()])]),
                learned: [labels[range].dropFirst().map { $0 != -100 }])
        }
    }
}
