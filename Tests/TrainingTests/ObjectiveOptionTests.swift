import Foundation
import InferenceCore
import OrderedJSON
import QwenModel
import Recipes
import Rewards
import TensorCore
import Testing

@testable import Training

/// A reward that depends on the completion's number in its batch alone, in groups of `scores.count`.
private struct FixedScores: RewardFunction {
    let name = "fixed"
    let scores: [Double?]

    func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        RewardBatch(batch.indices.map { scores[$0 % scores.count].map { .score($0) } ?? .notApplicable })
    }
}

/// What the recipe's objectives and options do to a run.
@Suite(
    "Objectives of a recipe", .enabled(if: TestModel.isThere, "reference data beside the package is missing"),
    .serialized)
struct ObjectiveOptionTests {
    @Test(
        "a step of every objective makes completions with a positive advantage likelier",
        arguments: Recipe.Algorithm.Objective.allCases)
    func objectives(objective: Recipe.Algorithm.Objective) async throws {
        let trainer = try TestModel.trainer(
            try TestModel.recipe([
                "algorithm.objective=\(objective.rawValue)", "algorithm.updates_per_rollout=2",
                "optimizer.learning_rate=1e-4",
            ]))
        #expect(trainer.parts.update.objective.name == objective.rawValue)
        let parts = trainer.parts
        var (position, curriculum) = (0, Curriculum?.none)
        let rollout = try await Engine(model: parts.update.model).rollout(
            parts, step: 0, position: &position, curriculum: &curriculum, adapter: trainer.adapter, signal: StopSignal()
        )
        var advantages = parts.advantages(rollout.groups.rewardTable).values[...]
        let groups = rollout.groups.map { group in
            PolicyGroup(
                prompt: group.prompt.tokens,
                samples: group.completions.map {
                    PolicySample(
                        tokens: $0.tokens, oldLogProbs: $0.logProbs, advantage: advantages.popFirst() ?? 0)
                })
        }
        var updates = RolloutUpdates(parts, parameters: trainer.parameters, step: 0, signal: StopSignal())
        var (adapter, optimizer) = (trainer.adapter, OptimizerState())
        try updates.run(groups, adapter: &adapter, optimizer: &optimizer)
        #expect(updates.records.count == 2 && optimizer.step == 2)
        let after = try ReferencePolicy(model: parts.update.model, adapter: adapter).annotated(
            groups, adapter: adapter, temperature: 1, limits: PassLimits(tokens: 4096), signal: StopSignal())
        let gain = after.flatMap(\.samples).reduce(0) { sum, sample in
            sum + sample.advantage
                * zip(sample.referenceLogProbs ?? [], sample.oldLogProbs ?? []).reduce(0) { $0 + $1.0 - $1.1 }
        }
        #expect(gain > 0.01, "the weighted log-probability rose by \(gain)")
    }

    /// Options whose result could depend on how a step is cut.
    static let cut = [
        [], ["algorithm.objective=bnpo", "algorithm.entropy_coefficient=0.01"],
        ["algorithm.objective=gspo", "algorithm.kl.coefficient=0.1", "algorithm.kl.reference=moving"],
        ["algorithm.objective=dapo", "algorithm.top_entropy_quantile=0.4", "algorithm.off_policy_threshold=0.001"],
        ["algorithm.objective=rloo", "algorithm.kl.coefficient=0.1", "algorithm.whiten_advantages=true"],
        ["algorithm.updates_per_rollout=2", "algorithm.mini_batches=2"],
    ]

    @Test(
        "accumulation over 1, 2, 4 or 8 micro-batches gives the same bits, with one thread and with two",
        arguments: cut)
    func accumulation(options: [String]) async throws {
        let threads = ComputeDevice.threadCount
        defer { ComputeDevice.threadCount = threads }
        var bits: Set<[UInt32]> = []
        var counts: Set<Int> = []
        let limits = [(100_000, 1, 1.0), (100_000, 2, 0.0), (250, 2, 1.0), (135, 1, 0.0), (66, 2, 1.0)]
        for (budget, threads, memory) in limits {
            ComputeDevice.threadCount = threads
            let trainer = try TestModel.trainer(
                try TestModel.recipe(
                    [
                        "rollout.prompts_per_step=8", "rollout.max_new_tokens=14", "batch.tokens=\(budget)",
                        "batch.activation_memory=\(memory)",
                        "algorithm.kl.mixup=0.5", "algorithm.kl.sync_every=1",
                    ] + options))
            for _ in 0..<2 {
                let metrics = try await trainer.step().metrics
                if let count = metrics["micro_batches"]?.intValue { counts.insert(count) }
            }
            bits.insert(trainer.parameters.set.valueBits)
        }
        #expect(bits.count == 1)
        #expect(
            counts.isSuperset(of: options.contains { $0.contains("mini") } ? [4, 8, 16] : [1, 2, 4, 8]), "\(counts)")
    }

    @Test("mini-batches take steps of their own, the later ones off the sampling policy")
    func miniBatches() async throws {
        let recipe = try TestModel.recipe(["algorithm.mini_batches=4", "optimizer.learning_rate=0.05"])
        let trainer = try TestModel.trainer(recipe)
        let metrics = try await trainer.step().metrics
        #expect(trainer.state.optimizer.step == 4 && trainer.state.step == 1)
        #expect(metrics["rollout_logprob_gap"] == .double(0))
        #expect(metrics["clip_ratio/region_mean"]?.doubleValue ?? 0 > 0)
        #expect(RolloutUpdates.cut([1, 2, 3, 4, 5], into: 3) == [[1], [2, 3], [4, 5]])
        #expect(RolloutUpdates.cut([1, 2], into: 3) == [[1], [2]] && RolloutUpdates.cut([Int](), into: 3).isEmpty)
    }

    @Test("with the batch as baseline a single completion a prompt is enough")
    func singleCompletions() async throws {
        let recipe = try TestModel.recipe([
            "algorithm.objective=reinforce_pp", "rollout.completions_per_prompt=1", "rollout.prompts_per_step=8",
        ])
        let metrics = try await TestModel.trainer(recipe).step().metrics
        #expect(metrics["grad_norm"]?.doubleValue ?? 0 > 0 && metrics["groups/learned"] == 8)
    }

    @Test("the reference is the base, the start, or follows the policy")
    func references() async throws {
        func run(_ reference: String, _ more: [String] = []) async throws -> (kl: [Double], state: TrainerState) {
            let trainer = try TestModel.trainer(
                try TestModel.recipe(
                    ["algorithm.kl.coefficient=0.001", "algorithm.kl.reference=\(reference)"] + more))
            var kl: [Double] = []
            for _ in 0..<3 { kl.append(try await trainer.step().metrics["kl"]?.doubleValue ?? .nan) }
            return (kl, trainer.state)
        }
        let base = try await run("base")
        #expect(base.kl[0] == 0 && base.kl[1] > 0 && base.state.reference == nil)
        // A fresh adapter starts as the base.
        let start = try await run("start")
        #expect(start.kl == base.kl && start.state.reference != nil)
        let copied = try await run("moving", ["algorithm.kl.sync_every=1", "algorithm.kl.mixup=1"])
        #expect(copied.kl.allSatisfy { $0 == 0 })
        let half = try await run("moving", ["algorithm.kl.sync_every=2", "algorithm.kl.mixup=0.5"])
        #expect(half.kl[1] == base.kl[1] && half.kl[2] < base.kl[2] && half.kl[2] > 0)
        let saved = ReferenceData.root.appendingPathComponent("models/qwen3_tied/adapters/lora").path
        let other = try await run("adapter", ["algorithm.kl.adapter=\(saved)"])
        #expect(other.kl[0] > 0.001 && other.state.reference == nil)
        // Where every parameter is trained, the reference is a second model.
        let full = ["adapter.kind=none", "optimizer.learning_rate=1e-3"]
        let kept = try await run("base", full)
        #expect(kept.kl[0] == 0 && kept.kl[1] > 0)
        #expect(try await run("start", full).kl == kept.kl)
        let followed = try await run("moving", full + ["algorithm.kl.sync_every=1", "algorithm.kl.mixup=1"])
        #expect(followed.kl.allSatisfy { $0 == 0 })
    }

    @Test("a run with a moving reference goes on from its state as if it had not stopped")
    func resume() async throws {
        let recipe = try TestModel.recipe([
            "algorithm.kl.coefficient=0.1", "algorithm.kl.reference=moving", "algorithm.kl.sync_every=2",
        ])
        let whole = try TestModel.trainer(recipe)
        for _ in 0..<2 { _ = try await whole.step() }
        let (state, values) = (whole.state, whole.parameters.set.values.toArray())
        for _ in 0..<2 { _ = try await whole.step() }

        let sound = try TestModel.trainer(recipe)
        sound.parameters.set.values.floats.update(from: values, count: values.count)
        let resumed = GRPOTrainer(sound.parts, parameters: sound.parameters, state: state)
        for _ in 0..<2 { _ = try await resumed.step() }
        #expect(resumed.parameters.set.valueBits == whole.parameters.set.valueBits)
        #expect(resumed.state == whole.state)
    }

    @Test("a penalty taken from the reward moves advantages and not the loss's own terms")
    func rewardKL() async throws {
        let recipe = try TestModel.recipe([
            "algorithm.objective=rloo", "algorithm.kl.coefficient=0.5", "optimizer.learning_rate=0.02",
        ])
        let trainer = try TestModel.trainer(recipe)
        #expect(trainer.parts.update.objective.kl == nil && trainer.parts.rewardKL?.estimator == .k1)
        let first = try await trainer.step().metrics
        #expect(first["kl"] == .double(0))
        let plain = try TestModel.trainer(
            try TestModel.recipe(["algorithm.objective=rloo", "optimizer.learning_rate=0.02"]))
        _ = try await plain.step()
        #expect(plain.parameters.set.valueBits == trainer.parameters.set.valueBits)
        let (second, other) = (try await trainer.step(), try await plain.step())
        #expect(second.metrics["kl"]?.doubleValue ?? 0 != 0)
        // The reward that is logged is the checker's.
        #expect(second.metrics["reward"] == other.metrics["reward"])
        #expect(second.completions.map { $0["advantage"] } != other.completions.map { $0["advantage"] })
    }

    @Test("dynamic sampling replaces groups without spread, up to its rounds, and logs all of them")
    func dynamicSampling() async throws {
        let options = ["algorithm.dynamic_sampling.enabled=true", "algorithm.dynamic_sampling.max_rounds=3"]
        let uniform = try TestModel.trainer(
            try TestModel.recipe(options), rewards: try RewardSet([.init(FixedScores(scores: [1]))]))
        let result = try await uniform.step()
        #expect(result.metrics["sampling_rounds"] == 3 && result.completions.count == 3 * 16)
        #expect(result.metrics["groups/uniform"] == 12 && result.metrics["groups/learned"] == 0)
        #expect(result.metrics["frac_reward_zero_std"] == .double(1) && result.metrics["grad_norm"] == .double(0))
        #expect(uniform.state.position == 12 && uniform.state.optimizer.step == 0)

        let mixed = try TestModel.trainer(
            try TestModel.recipe(options), rewards: try RewardSet([.init(EvenTokens())]))
        let plain = try TestModel.trainer(try TestModel.recipe(), rewards: try RewardSet([.init(EvenTokens())]))
        let (first, second) = (try await mixed.step(), try await plain.step())
        #expect(first.metrics["sampling_rounds"] == 1)
        #expect(first.completions == second.completions)
        #expect(mixed.parameters.set.valueBits == plain.parameters.set.valueBits)
    }

    @Test("a step that teaches nothing says why")
    func diagnosis() async throws {
        func warning(_ scores: [Double?], _ options: [String] = []) async throws -> (String, JSONObject) {
            let trainer = try TestModel.trainer(
                try TestModel.recipe(options), rewards: try RewardSet([.init(FixedScores(scores: scores))]))
            let result = try await trainer.step()
            return (result.warnings.joined(separator: "\n"), result.metrics)
        }
        let uniform = try await warning([1])
        #expect(
            uniform.0
                == "step 1: the rewards taught nothing: 4 groups with equal rewards for all completions (the task is too "
                + "easy or too hard for the model; take other data, more completions a prompt, or a reward with degrees)"
        )
        #expect(uniform.1["groups/uniform"] == 4 && uniform.1["groups/learned"] == 0)
        let unscorable = try await warning([nil, nil, nil, 1])
        #expect(
            unscorable.0
                == "step 1: the rewards taught nothing: 4 groups without two scored completions (see rewards/*/failed in "
                + "the metrics, and whether the rewards apply)")
        let truncated = try await warning([0, 1], ["algorithm.mask_truncated=true", "rollout.max_new_tokens=1"])
        #expect(
            truncated.0
                == "step 1: the rewards taught nothing: 4 groups with only truncated completions to learn from (raise "
                + "rollout.max_new_tokens above 1, or set algorithm.mask_truncated to false)")
        #expect(truncated.1["groups/truncated"] == 4)
        let sound = try await warning([0, 1])
        #expect(sound.0.isEmpty && sound.1["groups/learned"] == 4)
    }

    @Test("a failed update leaves its batch behind and puts every parameter back")
    func failedBatch() async throws {
        let recipe = try TestModel.recipe([
            "algorithm.updates_per_rollout=3", "optimizer.learning_rate=10", "optimizer.max_gradient_norm=null",
            "optimizer.name=sgd", "algorithm.entropy_coefficient=1e30",
        ])
        let trainer = try TestModel.trainer(recipe)
        let (bits, state) = (trainer.parameters.set.valueBits, trainer.state)
        let error = await #expect(throws: TrainingError.self) { try await trainer.step() }
        #expect(error?.code == .notFinite)
        #expect(trainer.parameters.set.valueBits == bits && trainer.state == state)
        #expect(trainer.parameters.set.gradientBits.allSatisfy { $0 == 0 })
        let batch = try #require(trainer.failedBatch)
        #expect(batch["step"] == 1 && batch["update"]?.intValue ?? 0 >= 1 && batch["objective"] == "grpo")
        #expect(batch["error"]?.stringValue == error?.message)
        let groups = batch["groups"]?.arrayValue ?? []
        #expect(groups.count == 4 && groups[0]["completions"]?[3]?["logprobs"]?.arrayValue?.isEmpty == false)
        #expect(try JSONValue(parsing: Data(JSONValue.object(batch).text().utf8))["step"] == 1)
    }
}
