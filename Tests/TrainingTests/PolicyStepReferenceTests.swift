import Foundation
import ModelFiles
import OrderedJSON
import QwenModel
import TensorCore
import Testing

@testable import Training

/// Whole optimizer steps against TRL: log-probabilities, loss, gradient of the first step, norms, and parameters after.
@Suite(
    "Policy steps against TRL",
    .enabled(if: ReferenceData.has("grpo/steps"), "reference data beside the package is missing"))
struct PolicyStepReferenceTests {
    static let cases = [
        "lora_dapo_temperature", "full_grpo_beta", "onpolicy_bnpo", "lora_gspo_kl", "lora_cispo", "lora_dr_grpo_dora",
    ]

    @Test("steps on fixed rollouts follow TRL's", arguments: cases)
    func steps(name: String) throws {
        let reference = try ReferenceSteps(name)
        let update = reference.update()
        let parameters = try reference.parameters()
        let set = parameters.set
        var adapter = parameters.install()
        // TRL's reference model is the policy as it was when training began, its adapter included.
        let referencePolicy = ReferencePolicy(
            model: try QwenModel(reference.source, precision: .float32), adapter: adapter)
        let groups = try referencePolicy.annotated(
            reference.groups, adapter: referencePolicy.install(), temperature: update.temperature,
            limits: PassLimits(tokens: 31),
            signal: StopSignal())
        let optimizer = reference.optimizer
        var state = OptimizerState()
        let norms = reference.json["grad_norms"]?.doubles ?? []
        var losses: [Double] = []
        for step in 0..<3 {
            losses.append(try update.accumulate(groups, adapter: adapter, parameters: set).loss)
            if step == 0 { try checkGradients(set, reference) }
            let norm = try optimizer.advance(set, state: &state, step: step)
            #expect(abs(norm - norms[step]) < 2e-4 * norms[step], "norm \(norm), expected \(norms[step])")
            adapter = parameters.install()
        }
        losses.append(try update.accumulate(groups, adapter: adapter, parameters: set).loss)
        let expected = reference.json["losses"]?.doubles ?? []
        #expect(worstError(losses, expected) < 1e-4, "losses \(losses), expected \(expected)")
        try checkParameters(set, reference)
    }

    @Test("log-probabilities before the first step are the reference's", arguments: cases)
    func logProbs(name: String) throws {
        let reference = try ReferenceSteps(name)
        let adapter = try reference.parameters().install()
        let expected = try ReferenceData.floats("grpo/steps/\(name)/batch.safetensors")["step0.per_token_logps"] ?? []
        let batch = MicroBatch(reference.groups.map(\.unit), adapter: adapter, model: reference.model)
        let output = batch.tokenLogProbs(
            reference.model, temperature: reference.temperature, parameters: nil, limits: PassLimits(tokens: 4096))
        var row = 0
        for (index, sample) in reference.groups.flatMap(\.samples).enumerated() {
            for token in sample.tokens.indices {
                let gap = abs(output.floats[2 * row] - expected[index * reference.width + token])
                // The reference computes masked completions without attention to themselves.
                #expect(sample.isMasked || gap < 5e-5, "completion \(index), token \(token)")
                row += 1
            }
        }
    }

    private func checkGradients(_ set: ParameterSet, _ reference: ReferenceSteps) throws {
        let expected = try reference.tensors("grads0", of: set)
        let largest = expected.values.joined().map(abs).max() ?? 0
        for entry in set.entries {
            let wanted = try #require(expected[entry.name], "\(entry.name) has no reference")
            let bound = 2e-5 * largest
            let worst = zip(set.gradient(entry).toArray(), wanted).map { abs($0 - $1) }.max() ?? .infinity
            #expect(worst <= bound, "gradient of \(entry.name): off by \(worst), allowed \(bound)")
        }
    }

    private func checkParameters(_ set: ParameterSet, _ reference: ReferenceSteps) throws {
        let expected = try reference.tensors("params_after", of: set)
        let gaps = try set.entries.flatMap { entry in
            zip(set.value(entry).toArray(), try #require(expected[entry.name])).map { abs($0 - $1) }
        }
        let share = Double(gaps.count { $0 > 2e-5 }) / Double(gaps.count)
        #expect(share <= 0.005, "\(share) of the parameters are off by more than 2e-5")
        #expect((gaps.max() ?? .infinity) <= 6e-3)
    }
}

/// One of the reference runs.
struct ReferenceSteps {
    let name: String
    let json: JSONValue
    let model: QwenModel
    let source: HuggingFaceFolder
    let groups: [PolicyGroup]
    /// Columns of the reference's padded tensors.
    let width: Int

    init(_ name: String) throws {
        self.name = name
        json = try ReferenceData.json("grpo/steps/\(name)/case.json")
        let folder = json["model"]?.stringValue ?? ""
        source = try HuggingFaceFolder(path: ReferenceData.root.appendingPathComponent("models/\(folder)").path)
        model = try QwenModel(source, precision: .float32)
        let batch = try ReferenceData.floats("grpo/steps/\(name)/batch.safetensors")
        let completions = (json["completions"]?.arrayValue ?? []).map { $0.doubles.map { Int($0) } }
        let width = completions.map(\.count).max() ?? 0
        self.width = width
        let isOnPolicy = json["loss_arguments"]?["num_iterations"] == 1
        let masks = json["loss_arguments"]?["mask_truncated_completions"]?.boolValue ?? false
        let samples = completions.enumerated().map { index, tokens in
            PolicySample(
                tokens: tokens,
                oldLogProbs: isOnPolicy
                    ? nil
                    : batch["old_per_token_logps"].map { Array($0[index * width..<index * width + tokens.count]) },
                advantage: batch["advantages"]?[index] ?? .nan, isMasked: masks && tokens.last != 368)
        }
        let size = json["num_generations"]?.intValue ?? 1
        groups = (json["prompts"]?.arrayValue ?? []).enumerated().map { index, prompt in
            PolicyGroup(
                prompt: prompt.doubles.map { Int($0) }, samples: Array(samples[index * size..<(index + 1) * size]))
        }
    }

    var temperature: Float { Float(json["loss_arguments"]?["temperature"]?.doubleValue ?? 1) }

    var optimizer: ParameterOptimizer {
        ParameterOptimizer(
            rule: AdamW(weightDecay: json["optimizer"]?["weight_decay"]?.doubleValue ?? 0),
            schedule: LearningRateSchedule(
                kind: .constant, baseRate: json["learning_rate"]?.doubleValue ?? 0, totalSteps: 3),
            maxGradientNorm: json["max_grad_norm"]?.doubleValue)
    }

    func update() -> PolicyUpdate {
        PolicyUpdate(
            objective: objective, model: model, temperature: temperature, limits: PassLimits(tokens: 48),
            maxCompletionLength: json["max_completion_length"]?.intValue ?? 0)
    }

    private var objective: PolicyObjective {
        let arguments = json["loss_arguments"] ?? .null
        let low = arguments["epsilon"]?.doubleValue ?? 0.2
        let clip = ClippedSurrogate(low: low, high: arguments["epsilon_high"]?.doubleValue ?? low)
        let kl = KLPenalty(
            coefficient: arguments["beta"]?.doubleValue ?? 0,
            isRatioCorrected: arguments["use_bias_correction_kl"]?.boolValue ?? true)
        let level: RatioLevel = arguments["importance_sampling_level"] == "sequence" ? .sequence : .token
        switch arguments["loss_type"]?.stringValue {
        case "dapo": return .dapo(clip: clip, ratioLevel: level, kl: kl)
        case "cispo": return .cispo(surrogate: CISPOSurrogate(cap: clip.high), ratioLevel: level, kl: kl)
        case "dr_grpo": return .drGRPO(clip: clip, ratioLevel: level, kl: kl)
        case "bnpo":
            var objective = PolicyObjective.bnpo(clip: clip, ratioLevel: level, kl: kl)
            objective.normalization = .stepTokens
            return objective
        default: return .grpo(clip: clip, ratioLevel: level, kl: kl)
        }
    }

    func parameters() throws -> TrainedParameters {
        guard let adapter = json["adapter"]?.stringValue else {
            return .all(try FullParameters(model: model, source: source))
        }
        return .adapter(
            try TrainableAdapter(
                continuing: AdapterFolder(path: "\(source.path)/adapters/\(adapter)"), model: model))
    }

    /// A file's tensors under the names of the parameters.
    func tensors(_ file: String, of set: ParameterSet) throws -> [String: [Float]] {
        let tensors = try ReferenceData.floats("grpo/steps/\(name)/\(file).safetensors")
        return Dictionary(
            uniqueKeysWithValues: set.entries.compactMap { entry in
                (tensors[entry.name] ?? tensors["base_model.model." + entry.name]).map { (entry.name, $0) }
            })
    }
}
