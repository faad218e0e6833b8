import Foundation
import InferenceCore
import OrderedJSON
import QwenModel
import Recipes
import TensorCore
import Testing

@testable import Training

/// What must hold for each step of a GRPO run.
@Suite("GRPO trainer", .enabled(if: TestModel.isThere, "reference data beside the package is missing"), .serialized)
struct GRPOTrainerTests {
    @Test("the reward rises where the policy can earn it")
    func reward() async throws {
        let trainer = try TestModel.trainer(try TestModel.recipe())
        var rewards: [Double] = []
        for _ in 0..<30 { rewards.append(try await trainer.step().metrics["rewards/even/mean"]?.doubleValue ?? .nan) }
        let (first, last) = (rewards.prefix(5).reduce(0, +) / 5, rewards.suffix(5).reduce(0, +) / 5)
        #expect(last > first + 0.2, "\(rewards)")
    }

    @Test(
        "the trainer's log-probabilities are those of the rollout, bit for bit, at every step",
        arguments: [ElementType.float32, .bfloat16])
    func gap(precision: ElementType) async throws {
        let recipe = try TestModel.recipe(["rollout.temperature=0.8", "batch.tokens=90"])
        let trainer = try TestModel.trainer(recipe, precision: precision)
        for _ in 0..<4 {
            let metrics = try await trainer.step().metrics
            #expect(metrics["rollout_logprob_gap"] == .double(0))
            #expect(metrics["clip_ratio/region_mean"] == .double(0))
            #expect(metrics["grad_norm"]?.doubleValue ?? 0 > 0)
        }
    }

    @Test("a trainer that computes other log-probabilities than the rollout recorded stops and moves nothing")
    func mismatch() async throws {
        let sound = try TestModel.trainer(try TestModel.recipe())
        var parts = sound.parts
        parts.update.temperature = 0.9
        let trainer = GRPOTrainer(parts, parameters: sound.parameters)
        let before = trainer.parameters.set.valueBits
        let error = await #expect(throws: TrainingError.self) { try await trainer.step() }
        #expect(error?.code == .mismatch)
        #expect(error?.message.hasPrefix("step 1: log-probabilities differ by up to 0.") == true)
        #expect(trainer.parameters.set.valueBits == before && trainer.state.step == 0)
        #expect(trainer.parameters.set.gradientBits.allSatisfy { $0 == 0 })
    }

    @Test("the same recipe gives the same bits with one thread and with two")
    func threads() async throws {
        let threads = ComputeDevice.threadCount
        defer { ComputeDevice.threadCount = threads }
        var runs: [[String]] = []
        var bits: [[UInt32]] = []
        for count in [1, 2, 2] {
            ComputeDevice.threadCount = count
            let trainer = try TestModel.trainer(try TestModel.recipe(["algorithm.kl.coefficient=0.05"]))
            var lines: [String] = []
            for _ in 0..<2 {
                let result = try await trainer.step()
                lines.append(
                    text(JSONObject(result.metrics.filter { !TrainingRun.isTime($0.key) }.map { ($0.key, $0.value) })))
                lines += result.completions.map(text)
            }
            runs.append(lines)
            bits.append(trainer.parameters.set.valueBits)
        }
        #expect(runs[0] == runs[1] && runs[1] == runs[2])
        #expect(bits[0] == bits[1] && bits[1] == bits[2])
    }

    @Test("the token budget of a micro-batch does not change a bit of the gradient")
    func budget() async throws {
        let sampled = try await rollout()
        var bits: [[UInt32]] = []
        for budget in [60, 120, 4096] {
            let trainer = try TestModel.trainer(try TestModel.recipe())
            let groups = try ReferencePolicy(model: trainer.parts.update.model).annotated(
                sampled, adapter: nil, temperature: 1, limits: PassLimits(tokens: budget), signal: StopSignal())
            var update = trainer.parts.update
            update.objective = .dapo(kl: KLPenalty(coefficient: 0.1))
            update.limits.tokens = budget
            #expect(groups.allSatisfy { $0.unit.tokenCount <= budget })
            _ = try update.accumulate(groups, adapter: trainer.adapter, parameters: trainer.parameters.set)
            bits.append(trainer.parameters.set.gradientBits)
        }
        #expect(bits[0].contains { $0 << 1 != 0 })
        #expect(bits[0] == bits[1] && bits[1] == bits[2])
    }

    @Test("a group above the budget is cut between its samples, and the gradient stays the same within rounding")
    func cutting() async throws {
        let groups = try await rollout()
        #expect(groups[0].units(budget: 20).count > 1)
        var gradients: [[Float]] = []
        for budget in [20, 4096] {
            let trainer = try TestModel.trainer(try TestModel.recipe())
            var update = trainer.parts.update
            update.limits.tokens = budget
            _ = try update.accumulate(groups, adapter: trainer.adapter, parameters: trainer.parameters.set)
            gradients.append(trainer.parameters.set.gradients.toArray())
        }
        let largest = gradients[1].map(abs).max() ?? 0
        #expect(zip(gradients[0], gradients[1]).allSatisfy { abs($0 - $1) <= 1e-5 * largest })
    }

    @Test("groups without advantages don't move the gradient, and are not computed")
    func silence() async throws {
        var groups = try await rollout()
        let trainer = try TestModel.trainer(try TestModel.recipe())
        let (update, set) = (trainer.parts.update, trainer.parameters.set)
        for index in groups[1].samples.indices { groups[1].samples[index].advantage = 0 }
        _ = try update.accumulate(groups, adapter: trainer.adapter, parameters: set)
        let bits = set.gradientBits
        set.clearGradients()
        // A group that is left out may even hold tokens that can't be computed.
        groups[1].samples[0].oldLogProbs = groups[1].samples[0].tokens.map { _ in .nan }
        let result = try update.accumulate(groups, adapter: trainer.adapter, parameters: set)
        #expect(set.gradientBits == bits)
        #expect(result.logProbGap == 0)
    }

    @Test("later updates of a rollout clip and move on; the gap is the first one's")
    func updates() async throws {
        let recipe = try TestModel.recipe(["algorithm.updates_per_rollout=3", "optimizer.learning_rate=0.02"])
        let metrics = try await TestModel.trainer(recipe).step().metrics
        #expect(metrics["rollout_logprob_gap"] == .double(0))
        #expect(metrics["clip_ratio/region_mean"]?.doubleValue ?? 0 > 0)
    }

    @Test("truncated completions are left out of the loss when the recipe says so")
    func truncation() async throws {
        let recipe = try TestModel.recipe(["algorithm.mask_truncated=true", "rollout.max_new_tokens=2"])
        let trainer = try TestModel.trainer(recipe)
        let metrics = try await trainer.step().metrics
        #expect(metrics["completions/clipped_ratio"]?.doubleValue ?? 0 > 0.5)
        #expect(metrics["loss"]?.doubleValue != nil)
    }

    @Test("a stop before or during a step leaves everything as it was")
    func interruption() async throws {
        let signal = StopSignal()
        let trainer = try TestModel.trainer(try TestModel.recipe(), signal: signal)
        _ = try await trainer.step()
        let (state, bits) = (trainer.state, trainer.parameters.set.valueBits)
        signal.set()
        let error = await #expect(throws: TrainingError.self) { try await trainer.step() }
        #expect(error?.code == .interrupted)
        #expect(trainer.state == state)
        #expect(trainer.parameters.set.valueBits == bits)
        #expect(trainer.parameters.set.gradientBits.allSatisfy { $0 == 0 })
    }

    @Test("a gradient that is not finite stops the step and says so")
    func notFinite() throws {
        let trainer = try TestModel.trainer(try TestModel.recipe())
        let set = trainer.parameters.set
        let bits = set.valueBits
        set.gradients.floats[3] = .nan
        var state = OptimizerState()
        let error = #expect(throws: TrainingError.self) {
            try trainer.parts.optimizer.advance(set, state: &state, step: 4)
        }
        #expect(error?.code == .notFinite)
        #expect(
            error?.message.hasPrefix("step 5: the gradient norm is nan (first in model.layers.0.self_attn.q_proj")
                == true)
        #expect(set.valueBits == bits)
    }

    private func text(_ object: JSONObject) -> String { JSONValue.object(object).text() }

    /// Groups of a real rollout, their advantages made up.
    private func rollout() async throws -> [PolicyGroup] {
        let trainer = try TestModel.trainer(try TestModel.recipe())
        var (position, curriculum) = (0, Curriculum?.none)
        let prompts = try trainer.parts.prompts.next(4, step: 0, from: &position, curriculum: &curriculum).prompts
        let requests = trainer.parts.sampler.requests(prompts, step: 0, adapter: trainer.adapter, signal: StopSignal())
        let engine = Engine(model: trainer.parts.update.model)
        let completions = try engine.generate(requests)
        return prompts.indices.map { index in
            PolicyGroup(
                prompt: prompts[index].tokens,
                samples: completions.filter { $0.request == index }.map {
                    PolicySample(
                        tokens: $0.tokens, oldLogProbs: $0.logProbs, advantage: Float($0.sample) - 1.5)
                })
        }
    }
}
