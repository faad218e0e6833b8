import FileTesting
import Foundation
import InferenceCore
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import Rewards
import TensorCore
import Testing
import Tracking

@testable import Training

/// What a whole run leaves behind.
@Suite("Runs", .enabled(if: TestModel.isThere, "reference data beside the package is missing"))
struct TrainingRunTests {
    @Test("the same recipe gives the same records and adapters, byte by byte, but for times")
    func repetition() async throws {
        let recipe = try TestModel.recipe(Self.evaluated)
        let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
        #expect(try await run(recipe, first) == .finished(step: 3))
        #expect(try await run(recipe, second) == .finished(step: 3))
        #expect(try metrics(first) == metrics(second))
        #expect(try read(first, "completions.jsonl") == read(second, "completions.jsonl"))
        for file in ["adapter_model.safetensors", "adapter_config.json", "README.md"] {
            #expect(try read(first, "adapter/\(file)") == read(second, "adapter/\(file)"))
        }
    }

    @Test("a line a step, evaluated before the first, every second, and after the last")
    func records() async throws {
        let folder = try TemporaryFolder()
        _ = try await run(try TestModel.recipe(Self.evaluated), folder)
        let lines = try metrics(folder)
        #expect(lines.map { $0["step"]?.intValue } == [0, 1, 2, 3])
        #expect(lines.map { $0["eval_accuracy"] != nil } == [true, false, true, true])
        let ends = ["eval_accuracy_low", "eval_accuracy", "eval_accuracy_high"].compactMap { lines[0][$0]?.doubleValue }
        #expect(ends.count == 3 && ends == ends.sorted())
        #expect(lines[0]["eval_problems"] == 6 && lines[0]["eval_pass_at_2"] != nil)
        for name in [
            "reward", "reward_std", "frac_reward_zero_std", "rewards/even/mean", "rewards/even/std",
            "rewards/short/seen",
            "completions/mean_length", "completions/min_length", "completions/max_length", "completions/clipped_ratio",
            "completions/mean_terminated_length", "loss", "grad_norm", "learning_rate", "entropy",
            "clip_ratio/region_mean", "num_tokens", "rollout_logprob_gap",
        ] {
            #expect(lines[1][name] != nil, "\(name) is missing")
        }
        let completions = try read(folder, "completions.jsonl").split(separator: UInt8(ascii: "\n"))
        #expect(completions.count == 48)
        let record = try JSONValue(parsing: try #require(completions.first))
        #expect(record["step"] == 1 && record["rewards"]?["even"]?["status"] == "scored")
        #expect(record["advantage"]?.doubleValue != nil)
        #expect(["scored", "not_applicable"].contains(record["rewards"]?["short"]?["status"]?.stringValue))
    }

    @Test("adapters are saved on time, the oldest go, and the link shows the newest")
    func adapters() async throws {
        let folder = try TemporaryFolder()
        _ = try await run(try TestModel.recipe(["checkpoint.every=1", "checkpoint.keep=2", "steps=4"]), folder)
        let saved = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/adapters").sorted()
        #expect(saved == ["step-000003", "step-000004"])
        let target = try FileManager.default.destinationOfSymbolicLink(atPath: folder.path + "/adapter")
        #expect(target == "adapters/step-000004")
        let model = try TestModel.load()
        let adapter = try Adapter(AdapterFolder(path: folder.path + "/adapter"), model: model.model)
        #expect(adapter.factors.count == 14)
    }

    @Test("an interruption drops the unfinished step and saves the rest")
    func interruption() async throws {
        let folder = try TemporaryFolder()
        let signal = StopSignal()
        // The third rollout's rewards ask for a stop.
        let rewards = try RewardSet([.init(StoppingReward(signal: signal, after: 9))])
        let outcome = try await run(try TestModel.recipe(["steps=50"]), folder, rewards: rewards, signal: signal)
        #expect(outcome == .interrupted(step: 2))
        #expect(try metrics(folder).map { $0["step"]?.intValue } == [1, 2])
        #expect(FileManager.default.fileExists(atPath: folder.path + "/adapter/adapter_model.safetensors"))
        #expect(FileManager.default.fileExists(atPath: folder.path + "/adapters/step-000002"))
    }

    @Test("full-parameter training leaves a model folder that computes what was trained", arguments: ["fp32", "bf16"])
    func full(precision: String) async throws {
        let folder = try TemporaryFolder()
        let recipe = try TestModel.recipe([
            "adapter.kind=none", "model.precision=\(precision)", "optimizer.learning_rate=1e-3",
            "algorithm.kl.coefficient=0.1",
        ])
        let type: ElementType = precision == "fp32" ? .float32 : .bfloat16
        let model = try TestModel.load(precision: type)
        #expect(try await run(recipe, folder, model: model) == .finished(step: 3))
        let lines = try metrics(folder)
        #expect(lines.allSatisfy { $0["rollout_logprob_gap"] == .double(0) })
        #expect(lines.last?["kl"]?.doubleValue ?? 0 > 0)
        let saved = try HuggingFaceFolder(path: folder.path + "/model")
        #expect(FileManager.default.fileExists(atPath: folder.path + "/model/tokenizer.json"))
        let unit = TrainingUnit(group: .init(prompt: [5, 6, 7], completions: [[8, 9, 10]]))
        let outputs = [model.model, try QwenModel(saved, precision: type)].map {
            MicroBatch([unit], adapter: nil, model: $0)
                .tokenLogProbs($0, temperature: 1, parameters: nil, limits: PassLimits(tokens: 64)).toArray()
        }
        // In bf16 only the norms, which compute in single precision, are rounded by being stored.
        let tolerance: Float = type == .float32 ? 1e-6 : 0.2
        let worst = zip(outputs[0], outputs[1]).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst < tolerance)
    }

    @Test("supervised runs are evaluated by their loss")
    func sft() async throws {
        let folder = try TemporaryFolder()
        let recipe = try TestModel.recipe(
            ["data.evaluation={generator: arithmetic, digits: [1, 1], count: 5}", "evaluation.every=2"], kind: "sft")
        #expect(try await run(recipe, folder) == .finished(step: 3))
        let losses = try metrics(folder).map { $0["eval_loss"]?.doubleValue ?? .nan }
        #expect(losses.map(\.isNaN) == [false, true, false, false])
        #expect(losses[3] < losses[0])
    }

    private static let evaluated = [
        "data.evaluation={generator: arithmetic, digits: [1, 1], count: 6}", "evaluation.every=2",
        "evaluation.samples=2",
    ]

    private func run(
        _ recipe: Recipe, _ folder: TemporaryFolder, model: LoadedModel? = nil, rewards: RewardSet? = nil,
        signal: StopSignal = StopSignal()
    ) async throws -> TrainingRun.Outcome {
        let run = try TrainingRun(
            recipe, model: try model ?? TestModel.load(), data: try DataSet.load(recipe),
            rewards: try rewards ?? TestModel.rewards(), folder: try RunFolder(existing: folder.path), signal: signal)
        return try await run.run()
    }

    private func read(_ folder: TemporaryFolder, _ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(name)"))
    }

    /// The lines of the metrics file without times.
    private func metrics(_ folder: TemporaryFolder) throws -> [JSONObject] {
        try read(folder, "metrics.jsonl").split(separator: UInt8(ascii: "\n")).map { line in
            let object = try #require(try JSONValue(parsing: line).objectValue)
            return JSONObject(object.filter { !TrainingRun.isTime($0.key) }.map { ($0.key, $0.value) })
        }
    }
}

/// Asks for a stop when it has scored some groups.
private struct StoppingReward: RewardFunction {
    let name = "stopping"
    let signal: StopSignal
    let after: Int
    private let count = Counter()

    init(signal: StopSignal, after: Int) { (self.signal, self.after) = (signal, after) }

    func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        if await count.next() >= after { signal.set() }
        return RewardBatch(batch.map { .score($0.completionIDs.count.isMultiple(of: 2) ? 1 : 0) })
    }

    private actor Counter {
        private var value = 0
        func next() -> Int {
            value += 1
            return value
        }
    }
}
