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

/// Going on with a run gives what it would have been.
@Suite("Resuming", .enabled(if: TestModel.isThere, "reference data beside the package is missing"))
struct ResumeTests {
    static let evaluated = [
        "steps=5", "checkpoint.every=2", "checkpoint.keep=0", "evaluation.every=2", "evaluation.samples=2",
        "data.evaluation={generator: arithmetic, digits: [1, 1], count: 6}",
    ]

    /// A kind of run.
    struct Kind: Sendable, CustomTestStringConvertible {
        let name: String
        var overrides: [String] = []
        var kind = "grpo"
        var testDescription: String { name }

        func recipe(_ more: [String] = []) throws -> Recipe {
            let rewards = ["rollout.prompts_per_step=2", "rollout.completions_per_prompt=3"]
            return try TestModel.recipe(
                ResumeTests.evaluated + (kind == "grpo" ? rewards : []) + overrides + more, kind: kind)
        }
    }

    static let kinds = [
        Kind(name: "grpo"), Kind(name: "sft", overrides: ["evaluation.samples=1"], kind: "sft"),
        Kind(name: "all parameters", overrides: ["adapter.kind=none", "algorithm.kl.coefficient=0.1"]),
        Kind(
            name: "several updates, warm-up, decay",
            overrides: [
                "algorithm.updates_per_rollout=2", "schedule={kind: cosine, warmup_steps: 2}",
                "optimizer.weight_decay=0.1",
            ]),
        Kind(
            name: "moving reference, momentum, dynamic sampling",
            overrides: [
                "algorithm.kl={coefficient: 0.1, reference: moving, sync_every: 2, mixup: 0.6}",
                "optimizer={name: sgd, momentum: 0.9, learning_rate: 0.1}",
                "algorithm.dynamic_sampling={enabled: true, max_rounds: 2}",
            ]),
        Kind(
            name: "a shuffled file's epochs",
            overrides: ["data.train={generator: arithmetic, digits: [1, 1], count: 5}"]),
        Kind(
            name: "a mixture under a curriculum, several evaluation sets",
            overrides: [
                "data.train=[{generator: arithmetic, digits: [1, 1], count: 5}, {generator: sorting, difficulty: [1, 4]}]",
                "data.curriculum={window: 1, raise_at: 0.5, review: 0.3}",
                "data.evaluation=[{generator: arithmetic, count: 3}, {generator: sorting, count: 3}]",
            ]),
        Kind(name: "half of the prompts thought about", overrides: TestModel.thinking),
    ]

    @Test("a run that goes on from any of its checkpoints is the run that never stopped", arguments: kinds)
    func everyCheckpoint(kind: Kind) async throws {
        let whole = try TemporaryFolder()
        let recipe = try kind.recipe()
        #expect(try await run(recipe, whole) == .finished(step: 5))
        for step in [0, 2, 4, 5] {
            let folder = try whole.copy()
            // What a killed process can leave: later records, a torn line, temporary files, no later checkpoint.
            for later in [2, 4, 5] where later > step {
                try FileManager.default.removeItem(atPath: "\(folder.path)/checkpoints/\(RunFolder.name(later)).h5")
            }
            try folder.append("{\"step\": 4, \"tor", to: "metrics.jsonl")
            try folder.append("x", to: ".recipe.yaml.1z.tmp")
            try folder.append("x", to: "checkpoints/.step-000004.h5.abc123.tmp")
            #expect(try await resume(recipe, folder) == .finished(step: 5))
            #expect(try folder.snapshot() == whole.snapshot(), "from step \(step)")
        }
    }

    @Test(
        "an interruption between, within and before steps changes nothing in the end", arguments: [1, 3, 5, 6, 8, 11])
    func interruptions(after groups: Int) async throws {
        let whole = try TemporaryFolder()
        let folder = try TemporaryFolder()
        let recipe = try Self.kinds[0].recipe()
        let rewards = try RewardSet([.init(EvenTokens())])
        _ = try await run(recipe, whole, rewards: rewards)
        let signal = StopSignal()
        let stopping = try RewardSet([.init(StoppingEvenTokens(signal: signal, after: groups))])
        guard case .interrupted(let step) = try await run(recipe, folder, rewards: stopping, signal: signal) else {
            Issue.record("not interrupted")
            return
        }
        #expect(FileManager.default.fileExists(atPath: folder.path + "/checkpoints/\(RunFolder.name(step)).h5"))
        #expect(try await resume(recipe, folder, rewards: rewards) == .finished(step: 5))
        let expected = try whole.snapshot()
        let found = try folder.snapshot()
        for (name, bytes) in expected where name != "checkpoints" { #expect(found[name] == bytes, "\(name)") }
    }

    @Test("a damaged checkpoint is put aside with a message, and the one before is used")
    func damage() async throws {
        let whole = try TemporaryFolder()
        let recipe = try Self.kinds[0].recipe()
        _ = try await run(recipe, whole)
        for damage in ["flipped", "cut", "empty"] {
            let folder = try whole.copy()
            let path = "\(folder.path)/checkpoints/step-000005.h5"
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            switch damage {
            case "flipped": bytes[bytes.count / 2] ^= 8
            case "cut": bytes = bytes.prefix(bytes.count - 1)
            default: bytes = Data()
            }
            try bytes.write(to: URL(fileURLWithPath: path))
            var messages: [String] = []
            let checkpoint = try CheckpointStore(RunFolder(existing: folder.path)).newest { messages.append($0) }
            #expect(try checkpoint?.step == 4)
            #expect(messages.count == 1 && messages[0].hasPrefix(path), "\(messages)")
            #expect(messages.first?.hasSuffix("is put aside as \(path).damaged, and the one before is used") == true)
            #expect(try await resume(recipe, folder) == .finished(step: 5))
            try FileManager.default.removeItem(atPath: path + ".damaged")
            #expect(try folder.snapshot() == whole.snapshot())
        }
    }

    @Test("when every checkpoint is damaged the run is refused; when there is none it begins again")
    func noCheckpoint() async throws {
        let folder = try TemporaryFolder()
        let recipe = try Self.kinds[0].recipe(["checkpoint.keep=1"])
        _ = try await run(recipe, folder)
        let whole = try folder.snapshot()
        try FileManager.default.removeItem(atPath: folder.path + "/checkpoints")
        #expect(try await resume(recipe, folder) == .finished(step: 5))
        #expect(try folder.snapshot() == whole)
        try Data("x".utf8).write(to: URL(fileURLWithPath: folder.path + "/checkpoints/step-000005.h5"))
        let error = #expect(throws: TrainingError.self) {
            try CheckpointStore(RunFolder(existing: folder.path)).newest { _ in }
        }
        #expect(error?.code == .noCheckpoint && error?.message.contains("all 1 checkpoints are damaged") == true)
    }

    @Test(
        "a changed recipe is refused by the key's name; what is harmless is not",
        arguments: [
            ("optimizer.learning_rate=1e-4", "optimizer.learning_rate: 0.0001 instead of 0.005"),
            ("rollout.temperature=0.5", "rollout.temperature: 0.5 instead of 1.0"), ("seed=8", "seed: 8 instead of 7"),
            ("adapter.rank=8", "adapter.rank: 8 instead of 4"),
            ("algorithm.objective=dapo", "algorithm.objective: \"dapo\""),
            ("rewards=[{type: math, weight: 2.0}]", "rewards.0.weight: 2.0 instead of 1.0"),
            ("data.train={generator: arithmetic, digits: [1, 2]}", "data.train: SHA-256"),
            ("data.evaluation={generator: arithmetic, digits: [1, 1], count: 7}", "data.evaluation: SHA-256"),
            ("steps=9", nil), ("threads=1", nil), ("checkpoint.every=3", nil), ("model.path=elsewhere", nil),
        ])
    func changedRecipe(override: String, complaint: String?) async throws {
        let folder = try Self.stopped()
        let checkpoint = try CheckpointStore(RunFolder(existing: folder.path)).newest { _ in }
        let recipe = try Self.kinds[0].recipe([override])
        guard let complaint else {
            _ = try makeRun(recipe, TemporaryFolder(), from: checkpoint?.withoutRecords)
            return
        }
        let error = #expect(throws: TrainingError.self) { try makeRun(recipe, TemporaryFolder(), from: checkpoint) }
        #expect(error?.code == .changed && error?.message.contains(complaint) == true, "\(error?.message ?? "")")
        #expect(error?.message.hasSuffix("; put them back, or begin a new run") == true)
    }

    @Test("another model is refused by the file's name")
    func changedModel() throws {
        let folder = try Self.stopped()
        let checkpoint = try CheckpointStore(RunFolder(existing: folder.path)).newest { _ in }
        let error = #expect(throws: TrainingError.self) {
            try makeRun(
                Self.kinds[0].recipe(), TemporaryFolder(), model: TestModel.load("models/qwen2_tied"),
                from: checkpoint)
        }
        #expect(error?.code == .changed && error?.message.contains("model.safetensors: SHA-256 ") == true)
    }

    @Test("a schedule that another number of steps bends is told")
    func bentSchedule() async throws {
        let folder = try TemporaryFolder()
        let kind = Kind(name: "cosine", overrides: ["schedule={kind: cosine}"])
        let signal = StopSignal()
        signal.set()
        _ = try await run(kind.recipe(), folder, signal: signal)
        let checkpoint = try CheckpointStore(RunFolder(existing: folder.path)).newest { _ in }
        let run = try makeRun(kind.recipe(["steps=9"]), folder, from: checkpoint)
        #expect(run.notes.count == 1 && run.notes[0].contains("bends the cosine schedule"))
    }

    @Test("records that were changed since the checkpoint are refused")
    func changedRecords() async throws {
        let folder = try Self.stopped()
        let checkpoint = try CheckpointStore(RunFolder(existing: folder.path)).newest { _ in }
        try Data("{}\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/metrics.jsonl"))
        let error = #expect(throws: TrackingError.self) {
            try makeRun(Self.kinds[0].recipe(), folder, from: checkpoint)
        }
        #expect(error?.message.contains("metrics.jsonl: 3 bytes without a line's end at ") == true)
    }

    @Test("verifying finds nothing in a sound run, and a changed number or record in another")
    func verification() async throws {
        let folder = try TemporaryFolder()
        let recipe = try Self.kinds[0].recipe()
        _ = try await run(recipe, folder)
        let runFolder = try RunFolder(existing: folder.path)
        func verify(_ from: Int? = nil) async throws -> ResumeVerification.Report {
            let temporary = try TemporaryFolder()
            return try await ResumeVerification(runFolder, from: from)(in: RunFolder(existing: temporary.path)) {
                try makeRun(recipe, $0, from: $1)
            }
        }
        for from in [0, 2, 4] {
            let report = try await verify(from)
            #expect(report.differences == [] && report.metrics == [0: 3, 2: 2, 4: 1][from])
            #expect(report.completions == (from == 4 ? 6 : 12) && report.numbers > 1000)
        }
        let store = CheckpointStore(runFolder)
        var state = try store.read(step: 2).savedState
        var trainer = try state.group("trainer"), inner = try trainer.group("state")
        inner["position"] = .integer(5)
        trainer["state"] = .group(inner)
        state["trainer"] = .group(trainer)
        try StateFile.write(state, to: runFolder.checkpoint(step: 2))
        let report = try await verify(2)
        #expect(
            report.differences.contains { $0.hasPrefix("completions.jsonl: line 1 after step 2, row: 5 instead of 4") })
        #expect(report.differences.contains { $0.hasPrefix("checkpoint: parameters/model.layers.0") })
        let error = await #expect(throws: TrainingError.self) { try await verify(5) }
        #expect(error?.message.contains("two checkpoints are needed, one after the other from step 5") == true)
    }

    @Test(
        "a completion that is drawn again alone has the recorded digest", arguments: [kinds[0], kinds[kinds.count - 1]])
    func replay(kind: Kind) async throws {
        let folder = try TemporaryFolder()
        let recipe = try kind.recipe(["rollout.temperature=0.8"])
        _ = try await run(recipe, folder)
        let records = try folder.records("completions.jsonl")
        #expect(records.count == 30)
        for record in [records[0], records[16], records[23]] {
            let step = try #require(record["step"]?.intValue)
            let checkpoint = try CheckpointStore(RunFolder(existing: folder.path)).newest(upTo: step - 1)
            let run = try makeRun(recipe, TemporaryFolder(), from: checkpoint?.withoutRecords)
            try await run.retrace(to: step - 1)
            let again = try run.rollout(
                prompt: record["group"]?.intValue ?? -1, sample: record["sample"]?.intValue ?? -1)
            #expect(.string(again.completion.contentDigest) == record["digest"])
            #expect(again.prompt.row.index == record["row"]?.intValue)
            #expect(throws: TrainingError.self) { try run.rollout(prompt: 2, sample: 0) }
            #expect(throws: TrainingError.self) { try run.rollout(prompt: 0, sample: -1) }
        }
    }

    @Test("a sound checkpoint of another version is refused with what to do, and left where it is")
    func otherVersion() throws {
        let folder = try Self.stopped()
        let store = CheckpointStore(try RunFolder(existing: folder.path))
        let path = "\(folder.path)/checkpoints/\(RunFolder.name(0)).h5"
        var state = try #require(try store.newest { _ in }).savedState
        state["format"] = .integer(9)
        try StateFile.write(state, to: path)
        for read in [{ try store.newest { _ in } }, { try store.newest(upTo: 3) }] {
            let error = #expect(throws: ModelFileError.self) { try read() }
            #expect(
                error?.message
                    == "\(path): a checkpoint of format 9, this version reads 1; go on with the version that wrote it")
        }
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test("files that are no checkpoints are left alone, and one under another step's name is refused")
    func names() throws {
        let folder = try Self.stopped()
        let store = CheckpointStore(try RunFolder(existing: folder.path))
        for name in ["step--00005.h5", "step-5.h5", "step-000001.h5.damaged", "step-.h5", "step-00000x.h5", "notes"] {
            try folder.append("x", to: "checkpoints/" + name)
        }
        #expect(store.steps == [0])
        try FileManager.default.moveItem(
            atPath: folder.path + "/checkpoints/step-000000.h5", toPath: folder.path + "/checkpoints/step-000007.h5")
        let error = #expect(throws: ModelFileError.self) { try store.read(step: 7) }
        #expect(error?.message.hasSuffix("step-000007.h5: is the checkpoint of step 0; was it renamed?") == true)
    }

    @Test("one process at a time writes a run")
    func claims() throws {
        let stopped = try Self.stopped()
        let folder = try RunFolder(existing: stopped.path)
        let claim = try RunClaim(folder)
        let error = #expect(throws: TrackingError.self) { try RunClaim(folder) }
        #expect(error?.message.hasSuffix("another process is writing this run; wait for it, or end it") == true)
        withExtendedLifetime((claim, stopped)) {}
    }

    /// The folder of a run with a record and a checkpoint behind it.
    private static func stopped() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let recipe = try kinds[0].recipe()
        let runFolder = try RunFolder(existing: folder.path)
        let run = try TrainingRun(
            recipe, model: TestModel.load(), data: DataSet.load(recipe), rewards: TestModel.rewards(), folder: runFolder
        )
        let output = try RunOutput(runFolder, recipe: recipe, data: .null, progress: RunProgress())
        try output.append(step: 1, StepResult(metrics: ["reward": 1.0], completions: []))
        var checkpoint = run.checkpoint
        checkpoint.progress.metricsBytes = output.recordLengths.metrics
        try output.save(checkpoint)
        return folder
    }

    private func makeRun(
        _ recipe: Recipe, _ folder: TemporaryFolder, model: LoadedModel? = nil, from checkpoint: Checkpoint? = nil
    ) throws -> TrainingRun { try makeRun(recipe, RunFolder(existing: folder.path), model: model, from: checkpoint) }

    private func makeRun(
        _ recipe: Recipe, _ folder: RunFolder, model: LoadedModel? = nil, from checkpoint: Checkpoint? = nil,
        rewards: RewardSet? = nil, signal: StopSignal = StopSignal()
    ) throws -> TrainingRun {
        try TrainingRun(
            recipe,
            model: try model
                ?? TestModel.load(
                    template: recipe.rollout.thinking.share == nil ? nil : TestModel.thinkingTemplate),
            data: try DataSet.load(recipe),
            rewards: try rewards ?? TestModel.rewards(), folder: folder, from: checkpoint, signal: signal)
    }

    private func run(
        _ recipe: Recipe, _ folder: TemporaryFolder, rewards: RewardSet? = nil, signal: StopSignal = StopSignal()
    ) async throws -> TrainingRun.Outcome {
        try await makeRun(recipe, RunFolder(existing: folder.path), rewards: rewards, signal: signal).run()
    }

    /// Goes on as another process would: with nothing but the folder.
    private func resume(
        _ recipe: Recipe, _ folder: TemporaryFolder, rewards: RewardSet? = nil
    ) async throws -> TrainingRun.Outcome {
        let runFolder = try RunFolder(existing: folder.path)
        let checkpoint = try CheckpointStore(runFolder).newest { _ in }
        return try await makeRun(recipe, runFolder, from: checkpoint, rewards: rewards).run()
    }
}

/// The share of even tokens; asks for a stop when it has scored some groups.
private struct StoppingEvenTokens: RewardFunction {
    let name = "even"
    let signal: StopSignal
    let after: Int
    private let count = Counter()

    init(signal: StopSignal, after: Int) { (self.signal, self.after) = (signal, after) }

    func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        if await count.next() >= after { signal.set() }
        return try await EvenTokens().score(batch)
    }

    private actor Counter {
        private var value = 0
        func next() -> Int {
            value += 1
            return value
        }
    }
}

extension TemporaryFolder {
    /// A copy with everything in it.
    func copy() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try FileManager.default.removeItem(atPath: folder.path)
        try FileManager.default.copyItem(atPath: path, toPath: folder.path)
        return folder
    }

    func append(_ text: String, to name: String) throws {
        let old = (try? Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))) ?? Data()
        try (old + Data(text.utf8)).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    func records(_ name: String) throws -> [JSONObject] {
        try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")).split(separator: UInt8(ascii: "\n")).map {
            try #require(try JSONValue(parsing: $0).objectValue)
        }
    }

    /// Everything in the run's folder, byte by byte, but for times and what follows from their length.
    func snapshot() throws -> [String: String] {
        var result: [String: String] = [:]
        for name in FileManager.default.enumerator(atPath: path)?.compactMap({ $0 as? String }) ?? [] {
            var isFolder: ObjCBool = false
            let file = "\(path)/\(name)"
            guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder), !isFolder.boolValue else {
                continue
            }
            if name.hasPrefix("checkpoints/") {
                let checkpoint = try Checkpoint(path: file).withoutRecords
                result["checkpoints", default: ""] += "\(name): \(try checkpoint.digest())\n"
            } else if name == "metrics.jsonl" {
                result[name] = try records(name).map { JSONValue.object($0.withoutTimes).text() + "\n" }.joined()
            } else if name != "environment.json" {
                result[name] = try ContentDigest.ofFile(file)
            }
        }
        result["checkpoints"] = result["checkpoints"]?.split(separator: "\n").sorted().joined(separator: "\n")
        return result
    }
}

extension Checkpoint {
    /// SHA-256 of the file that would hold it.
    fileprivate func digest() throws -> String {
        let folder = try TemporaryFolder()
        try StateFile.write(savedState, to: folder.path + "/state.h5")
        return try ContentDigest.ofFile(folder.path + "/state.h5")
    }
}

extension RunFolder {
    /// `step-000005`.
    fileprivate static func name(_ step: Int) -> String { "step-00000\(step)" }
}
