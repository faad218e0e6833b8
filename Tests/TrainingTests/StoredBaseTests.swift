import FileTesting
import Foundation
import InferenceCore
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import Testing
import Tokenization
import Tracking

@testable import Training

/// Training an adapter over a base that stays quantised.
@Suite(
    "Quantised base",
    .enabled(
        if: TestModel.isThere && ReferenceData.has("gguf/qwen2-mixed.gguf"),
        "reference data beside the package is missing"))
struct StoredBaseTests {
    static let file = "gguf/qwen2-mixed.gguf"

    private func load(_ weights: WeightStorage) throws -> LoadedModel {
        let source = try GGUFModel(path: ReferenceData.root.appendingPathComponent(Self.file).path)
        let tokenizer = try Tokenizer(folder: ReferenceData.root.appendingPathComponent(TestModel.name))
        return LoadedModel(
            model: try QwenModel(source, precision: .bfloat16, weights: weights), source: source,
            tokenizer: tokenizer, chatTemplate: nil)
    }

    @Test(
        "a run leaves the bytes of a run over expanded weights, and no gap between rollout and training",
        arguments: ["grpo", "sft"])
    func sameRun(kind: String) async throws {
        let recipe = try TestModel.recipe(["model.precision=bf16"], kind: kind)
        var files: [[Data]] = []
        for weights in WeightStorage.allCases {
            let folder = try TemporaryFolder()
            let run = try TrainingRun(
                recipe, model: try load(weights), data: try DataSet.load(recipe), rewards: try TestModel.rewards(),
                folder: try RunFolder(existing: folder.path), signal: StopSignal())
            #expect(try await run.run() == .finished(step: 3))
            func read(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: "\(folder.path)/\(name)")) }
            if kind == "grpo" {
                let lines = try read("metrics.jsonl").split(separator: UInt8(ascii: "\n"))
                let gaps = try lines.map { try JSONValue(parsing: $0)["rollout_logprob_gap"]?.doubleValue }
                #expect(gaps == [0, 0, 0])
            }
            let names = ["adapter/adapter_model.safetensors"] + (kind == "grpo" ? ["completions.jsonl"] : [])
            files.append(try names.map(read))
        }
        #expect(files[0] == files[1])
    }
}
