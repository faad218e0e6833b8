import Distribution
import Foundation
import InferenceCore
import OrderedJSON
import QwenModel
import Recipes
import Testing

@testable import Training

/// Completions by an engine whose log-probabilities are not the trainer's.
@Suite("Correcting rollouts", .enabled(if: TestModel.isThere, "reference data beside the package is missing"))
struct RolloutCorrectionTests {
    private static let logProbs: [Float] = [-1, -2, -0.5]
    /// Gaps of ln 2, −ln 4 and 0.
    private static let sampling: [Float] = [-1 - Float(log(2.0)), -2 + Float(log(4.0)), -0.5]

    @Test("token and sequence weights are clamped or masked as TRL does")
    func weights() {
        for (correction, expected) in [
            (RolloutCorrection(level: .token, masks: false, high: 3), [2, 0.25, 1]),
            (RolloutCorrection(level: .token, masks: false, low: 0.5, high: 1.5), [1.5, 0.5, 1]),
            (RolloutCorrection(level: .token, masks: true, low: 0.5, high: 1.5), [0, 0, 1]),
            (RolloutCorrection(level: .sequence, masks: false, high: 3), [0.5, 0.5, 0.5]),
            (RolloutCorrection(level: .sequence, masks: false, low: 0.75), [0.75, 0.75, 0.75]),
            (RolloutCorrection(level: .sequence, masks: true, low: 0.75, high: nil), [0, 0, 0]),
            (RolloutCorrection(level: .sequence, masks: true, low: nil, high: 0.4), [0, 0, 0]),
            (RolloutCorrection(level: .sequence, masks: true), [0.5, 0.5, 0.5]),
        ] as [(RolloutCorrection, [Float])] {
            let weights = correction.weights(logProbs: Self.logProbs, sampling: Self.sampling).weights
            #expect(zip(weights, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(correction): \(weights)")
        }
    }

    @Test("tokens that don't count weigh nothing in a sequence, and keep weight 1; extremes stay finite")
    func extremes() {
        let correction = RolloutCorrection(level: .sequence, masks: false, high: nil)
        let some = correction.weights(logProbs: Self.logProbs, sampling: Self.sampling) { $0 != 1 }
        #expect(abs(some.weights[0] - 2) < 1e-6 && some.weights[1] == 1 && some.ratios.count == 1)
        #expect(correction.weights(logProbs: [], sampling: []).ratios.isEmpty)
        let far = correction.weights(logProbs: [0, 0], sampling: [-9000, -9000]).weights.reduce(0, +)
        #expect(far.isFinite)
        let least = correction.weights(logProbs: [-9000], sampling: [0]).weights
        #expect(least == [0])
    }

    @Test("an engine that tells the trainer's own log-probabilities trains the same bits, corrected or not")
    func exact() async throws {
        for correction in ["none", "token_truncate", "sequence_mask"] {
            let own = try await parameters(offset: nil, correction)
            let other = try await parameters(offset: 0, correction)
            #expect(own.values == other.values, "\(correction)")
            #expect(other.metrics["sampling/sampling_logp_difference/max"] == 0.0)
            #expect(own.metrics["sampling/sampling_logp_difference/max"] == nil)
        }
    }

    @Test("weights are factors of the gradient, and what is masked has none")
    func gradient() async throws {
        let offset = -Float(log(2.0))
        let plain = try await parameters(offset: offset, "none")
        let doubled = try await parameters(offset: offset, "token_truncate")
        let norms = [plain, doubled].map { $0.metrics["grad_norm"]?.doubleValue ?? 0 }
        #expect(norms[0] > 0 && abs(norms[1] / norms[0] - 2) < 1e-3)
        #expect(plain.metrics["sampling/importance_sampling_ratio/mean"] == nil)
        #expect(abs((plain.metrics["sampling/sampling_logp_difference/mean"]?.doubleValue ?? 0) - log(2)) < 1e-5)
        let masked = try await parameters(offset: offset, "token_mask", max: 1.5)
        #expect(masked.metrics["grad_norm"] == 0.0)
        #expect(masked.metrics["sampling/importance_sampling_ratio/bounded"] == 1.0)
        #expect(masked.warnings.contains { $0.contains("--logprobs-mode processed_logprobs") })
        // What is computed again is exact, whatever the sampler says.
        #expect(masked.metrics["rollout_logprob_gap"] == 0.0)
    }

    /// The parameters after two steps, and what the first one said.
    ///
    /// - Parameter offset: What the engine's log-probabilities are off by; `nil` takes the trainer's own engine.
    private func parameters(
        offset: Float?, _ correction: String, max: Double = 3
    ) async throws -> (values: [UInt32], metrics: JSONObject, warnings: [String]) {
        let recipe = try TestModel.recipe([
            "rollout.engine={kind: openai, urls: ['http://a'], publish: vllm}", "optimizer.max_gradient_norm=null",
            "rollout.engine.correction={mode: \(correction), max: \(max)}",
        ])
        let model = try TestModel.load()
        let parts = GRPOTrainer.Parts(
            recipe, model: model, data: try DataSet.load(recipe).train, rewards: try TestModel.rewards())
        let engine = offset.map { OffsetEngine(Engine(model: model.model, maxBatch: 16), by: $0) }
        let trainer = GRPOTrainer(
            parts, parameters: try TrainedParameters(recipe, model: model), engine: engine)
        let first = try await trainer.step()
        _ = try await trainer.step()
        return (trainer.parameters.set.valueBits, first.metrics, first.warnings)
    }
}

/// The trainer's own engine with log-probabilities that are off by some nats.
private final class OffsetEngine: RolloutEngine {
    private let engine: Engine
    private let offset: Float
    let tellsOwnLogProbs = false
    var times: EngineTimes { engine.times }

    init(_ engine: Engine, by offset: Float) { (self.engine, self.offset) = (engine, offset) }

    func adopt(_ policy: TrainedParameters, adapter: Adapter?, step: Int) {}

    nonisolated(nonsending) func generate(
        _ requests: [GenerationRequest], lengths: [Double], ranks: RankGroup, signal: StopSignal,
        onCompletion: (Completion) -> Void
    ) async throws {
        let offset = offset
        try await engine.generate(requests, lengths: lengths, ranks: ranks, signal: signal) { completion in
            var completion = completion
            completion.logProbs = completion.logProbs.map { $0 + offset }
            onCompletion(completion)
        }
    }

    nonisolated(nonsending) func close() async {}
}
