import Distribution
import Foundation
import InferenceCore
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import Rewards
import Synchronization
import TensorCore
import Tokenization
import Tracking

@testable import ExternalRollouts
@testable import Training

/// The tiny reference model, recipes for it, and engines that ask servers.
enum TestBench {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("../shared/fixtures/models/qwen3_tied").standardizedFileURL
    static let isThere =
        StubServer.isThere
        && FileManager.default.fileExists(atPath: root.appendingPathComponent("model.safetensors").path)

    static func model() throws -> LoadedModel {
        let folder = try HuggingFaceFolder(path: root.path)
        return LoadedModel(
            model: try QwenModel(folder, precision: .float32), source: folder, tokenizer: try Tokenizer(folder: root),
            chatTemplate: nil)
    }

    static func recipe(_ overrides: [String] = []) throws -> Recipe {
        try Recipe(
            yaml: """
                kind: grpo
                name: test
                seed: 7
                model: {path: qwen3_tied, precision: fp32}
                adapter: {kind: lora, rank: 4, alpha: 8}
                data: {train: {generator: arithmetic, digits: [1, 1]}, format: text}
                rewards: [{type: math}]
                rollout:
                  prompts_per_step: 3
                  completions_per_prompt: 4
                  max_new_tokens: 12
                  engine: {kind: openai, urls: ["http://127.0.0.1:1"], publish: vllm}
                optimizer: {learning_rate: 5e-3}
                steps: 3
                """, folder: "/models", overrides: overrides)
    }

    /// An engine that is soon out of patience.
    static func engine(
        _ urls: [String], in folder: String, reading source: String? = nil, kind: ServerKind = .vllm,
        messages: MessageLog = MessageLog(), change: (inout ExternalEngine.Options) -> Void = { _ in }
    ) throws -> ExternalEngine {
        var options = ExternalEngine.Options(name: "test", vocabularySize: 512)
        (options.timeout, options.retries, options.patience, options.pause) = (20, 2, 0.3, 0.02)
        options.concurrency = 4
        change(&options)
        return ExternalEngine(
            options, servers: try urls.map { try AdapterServer($0, kind: kind) },
            folder: try RunFolder(existing: folder), reading: try source.map { try RunFolder(existing: $0) },
            log: { messages.add($0) })
    }

    static func run(
        _ recipe: Recipe, _ folder: String, engine: any RolloutEngine, from checkpoint: Checkpoint? = nil,
        signal: StopSignal = StopSignal(), ranks: RankGroup = .alone
    ) throws -> TrainingRun {
        try TrainingRun(
            recipe, model: model(), data: try DataSet.load(recipe), rewards: try RewardSet([.init(EvenShare())]),
            folder: try RunFolder(existing: folder), from: checkpoint, rollouts: engine, signal: signal, ranks: ranks)
    }

    /// The bytes of everything that must not differ between equal runs; of metrics without times.
    static func records(_ folder: String) throws -> [String: String] {
        var records: [String: String] = [:]
        for name in ["completions.jsonl", "adapter/adapter_model.safetensors", "adapter/adapter_config.json"] {
            records[name] = try ContentDigest.ofFile("\(folder)/\(name)")
        }
        var lines = RecordLines(path: "\(folder)/metrics.jsonl")
        while let line = lines.next() {
            records["metrics", default: ""] += JSONValue.object(line.withoutTimes).text() + "\n"
        }
        return records
    }
}

/// The share of even token ids.
struct EvenShare: RewardFunction {
    let name = "even"

    func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        RewardBatch(
            batch.map { sample in
                let even = sample.completionIDs.count { $0.isMultiple(of: 2) }
                return .score(Double(even) / Double(max(sample.completionIDs.count, 1)))
            })
    }
}

/// What was said.
final class MessageLog: Sendable {
    private let lines = Mutex<[String]>([])

    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var text: String { lines.withLock { $0.joined(separator: "\n") } }
}
