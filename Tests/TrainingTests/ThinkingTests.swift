import Foundation
import InferenceCore
import OrderedJSON
import QwenModel
import Recipes
import Rewards
import TensorCore
import Testing
import Tokenization
import Tracking

@testable import Training

/// Prompts that are thought about and others that are not, and thoughts that are ended.
@Suite("Thinking", .enabled(if: TestModel.isThere, "reference data beside the package is missing"))
struct ThinkingTests {
    @Test(
        "recorded log-probabilities are the trainer's, hand-offs included, whatever the objective",
        arguments: [ElementType.float32, .bfloat16])
    func gap(precision: ElementType) async throws {
        for objective in ["grpo", "gspo", "dapo", "dr_grpo", "rloo"] {
            let recipe = try TestModel.recipe(
                TestModel.thinking + [
                    "algorithm.objective=\(objective)", "algorithm.kl.coefficient=0.05",
                    "algorithm.top_entropy_quantile=0.5", "batch.tokens=90",
                ])
            let trainer = try TestModel.trainer(recipe, precision: precision)
            for _ in 0..<2 {
                let metrics = try await trainer.step().metrics
                #expect(metrics["rollout_logprob_gap"] == .double(0), "\(objective)")
                #expect(metrics["grad_norm"]?.doubleValue ?? 0 > 0)
            }
        }
    }

    @Test("a step tells of both modes: shares, lengths, truncation, hand-offs, rewards")
    func metrics() async throws {
        let trainer = try TestModel.trainer(
            try TestModel.recipe(TestModel.thinking + ["rollout.prompts_per_step=8"]))
        let result = try await trainer.step()
        let metrics = result.metrics
        let share = try #require(metrics["thinking/share"]?.doubleValue)
        #expect(share > 0 && share < 1 && (share * 8).rounded() == share * 8)
        #expect(metrics["thinking/max_thought_length"] == 4 && metrics["thinking/max_answer_length"] == 5)
        #expect(
            metrics["thinking/none_ratio"] == .double(0) && metrics["thinking/unfinished_ratio"]?.doubleValue ?? 1 < 0.5
        )
        #expect(metrics["thinking/hand_off_ratio"]?.doubleValue ?? 0 > 0.8)
        // Answers behind a thought are cut off at their own limit, others at that of completions.
        #expect(metrics["thinking/completions/clipped_ratio"]?.doubleValue ?? 0 > 0.5)
        let longest = trainer.parts.sampler.thought.map { 4 + $0.handOff.count + 5 } ?? 0
        #expect(metrics["thinking/completions/max_length"] == .integer(longest))
        #expect(metrics["non_thinking/completions/max_length"] == 20)
        for name in ["thinking/reward", "non_thinking/reward", "thinking/pass_rate", "non_thinking/pass_rate"] {
            #expect(metrics[name] != nil, "\(name)")
        }
        // All completions of a prompt are of one mode, and the records say where the hand-off stands.
        let modes = Dictionary(grouping: result.completions) { $0["group"]?.intValue ?? -1 }
        #expect(modes.count == 8)
        for records in modes.values {
            #expect(Set(records.map { $0["prompt"]?.stringValue?.hasSuffix("<think>") }).count == 1)
            #expect(Set(records.map { $0["thinking"] != nil }).count == 1)
        }
        let handedOff = result.completions.compactMap { $0["thinking"]?["hand_off"]?.arrayValue }
        #expect(handedOff.contains([4, .integer(longest - 5)]))
    }

    @Test("which prompts think is a function of seed, step and prompt, at the recipe's share")
    func modes() {
        let modes = ThinkingModes(share: 0.3, seed: 7)
        let all = (0..<40).map { step in (0..<50).map { modes.thinks(step: step, prompt: $0) } }
        let share = Double(all.joined().count { $0 }) / 2000
        #expect(abs(share - 0.3) < 0.04, "\(share)")
        #expect(Set(all).count == 40 && all[3] == (0..<50).map { modes.thinks(step: 3, prompt: $0) })
        #expect((0..<50).map { ThinkingModes(share: 0.3, seed: 8).thinks(step: 0, prompt: $0) } != all[0])
        #expect((0..<50).allSatisfy { ThinkingModes(share: 1, seed: 7).thinks(step: 1, prompt: $0) })
        #expect((0..<50).allSatisfy { !ThinkingModes(share: 0, seed: 7).thinks(step: 1, prompt: $0) })
    }

    @Test(
        "nothing that is known of inserted tokens moves the gradient, the loss or a metric",
        arguments: Recipe.Algorithm.Objective.allCases)
    func masking(objective: Recipe.Algorithm.Objective) async throws {
        let recipe = try TestModel.recipe([
            "algorithm.objective=\(objective.rawValue)", "algorithm.kl={coefficient: 0.1, place: loss}",
            "algorithm.entropy_coefficient=0.01", "algorithm.top_entropy_quantile=0.6",
        ])
        let trainer = try TestModel.trainer(recipe)
        func outcome(_ garbage: Float?, inserted: Range<Int>) throws -> ([UInt32], Double, [String: Double]) {
            let samples = (0..<3).map { sample in
                let tokens = (0..<9).map { 10 + ($0 * 7 + sample * 3) % 50 }
                var old = tokens.map { -3 - Float($0 % 5) / 4 }
                var reference = old.map { $0 - 0.25 }
                for place in inserted where garbage != nil {
                    old[place] = garbage ?? 0
                    reference[place] = -(garbage ?? 0)
                }
                var made = PolicySample(
                    tokens: tokens, oldLogProbs: old, advantage: Float(sample) - 0.9, inserted: inserted)
                made.referenceLogProbs = reference
                return made
            }
            trainer.parameters.set.clearGradients()
            let result = try trainer.parts.update.accumulate(
                [PolicyGroup(prompt: [3, 4, 5], samples: samples)], adapter: trainer.adapter,
                parameters: trainer.parameters.set)
            return (trainer.parameters.set.gradientBits, result.loss, result.metrics)
        }
        let plain = try outcome(nil, inserted: 3..<6)
        let odd = try outcome(-0.01, inserted: 3..<6)
        #expect(plain.0 == odd.0 && plain.1 == odd.1 && plain.2 == odd.2)
        #expect(plain.0 != (try outcome(nil, inserted: 0..<0)).0)
        trainer.parameters.set.clearGradients()
    }

    @Test("a divergence that is taken from the reward leaves inserted tokens out")
    func rewardPenalty() {
        var sample = PolicySample(tokens: [1, 2, 3], oldLogProbs: [-1, -2, -3], advantage: 0, inserted: 1..<2)
        sample.referenceLogProbs = [-4, -5, -6]
        #expect(sample.chosenLogProbs == ([-1, -3], [-4, -6]))
        #expect(sample.activeTokens == 2 && sample.mask == [true, false, true])
        sample.isMasked = true
        #expect(sample.activeTokens == 0 && sample.mask == [false, false, false])
    }

    @Test("an evaluation asks as it is told: thinking, not thinking, or both ways with figures for each")
    func evaluation() async throws {
        for (setting, names) in [
            ("true", ["eval_accuracy", "eval_thinking/hand_off_ratio"]), ("false", ["eval_accuracy"]),
            (
                "both",
                [
                    "eval_accuracy", "eval_thinking_accuracy", "eval_non_thinking_accuracy",
                    "eval_thinking_thinking/hand_off_ratio",
                ]
            ),
            ("null", ["eval_thinking_accuracy", "eval_non_thinking_accuracy"]),
        ] {
            let recipe = try TestModel.recipe(
                TestModel.thinking + [
                    "evaluation.thinking=\(setting)", "evaluation.samples=1",
                    "data.evaluation={generator: arithmetic, count: 4}",
                ])
            let model = try TestModel.load(template: TestModel.thinkingTemplate)
            let evaluation = try RunEvaluation(
                recipe, model: model, sets: try DataSet.load(recipe).evaluation, rewards: try TestModel.rewards())
            let engine = Engine(model: model.model)
            let (metrics, groups) = try #require(
                try await evaluation(engine, adapter: nil, signal: StopSignal(), ranks: .alone))
            for name in names { #expect(metrics[name] != nil, "\(setting): \(name)") }
            #expect(groups.count == (names.contains("eval_thinking_accuracy") ? 8 : 4))
            #expect(groups.contains(where: \.prompt.thinks) == (setting != "false"))
            #expect(groups.contains { !$0.prompt.thinks } == (setting != "true"))
        }
    }

    @Test(
        "what a model can't do is refused before the run",
        arguments: [
            (
                ["rollout.max_new_tokens=8", "rollout.thinking={share: 1, budget: 4, hand_off: ' so</think> '}"], nil,
                "rollout.max_new_tokens is 8, but a thought of rollout.thinking.budget 4 tokens with its tag, and a hand-off "
                    + "of 4, leave no room for an answer; raise it to 10 at least, lower the budget, or give a shorter "
                    + "hand_off"
            ),
            (
                ["rollout.thinking={share: 0.5}"], "{{ messages[0].content }}",
                "the model's chat template makes the same prompt of enable_thinking true and false, so the two modes are "
                    + "one; leave rollout.thinking.share and evaluation.thinking out"
            ),
        ] as [([String], String?, String)])
    func refusals(overrides: [String], template: String?, message: String) throws {
        let recipe = try TestModel.recipe(["data.format=chat"] + overrides)
        let model = try TestModel.load(template: template ?? TestModel.thinkingTemplate)
        let error = #expect(throws: TrainingError.self) { try ThoughtLimits.check(recipe, model.text) }
        #expect(error?.message == message)
        #expect(error?.code == .unsupported)
    }
}
