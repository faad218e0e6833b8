import FileTesting
import Foundation
import OrderedJSON
import Recipes
import Testing
import Tracking

@testable import Training

/// What a run leaves behind when an update can't be computed.
@Suite("Failed updates", .enabled(if: TestModel.isThere, "reference data beside the package is missing"))
struct FailedBatchTests {
    @Test("a run that breaks down saves the batch, ends at once, and keeps what it had")
    func run() async throws {
        let folder = try TemporaryFolder()
        // The bonus alone is finite, its gradient's norm is not.
        let recipe = try TestModel.recipe([
            "algorithm.entropy_coefficient=1e30", "algorithm.updates_per_rollout=2", "optimizer.name=sgd",
            "optimizer.learning_rate=10", "optimizer.max_gradient_norm=null",
        ])
        let run = try TrainingRun(
            recipe, model: try TestModel.load(), data: try DataSet.load(recipe), rewards: try TestModel.rewards(),
            folder: try RunFolder(existing: folder.path))
        let error = await #expect(throws: TrainingError.self) { try await run.run() }
        #expect(error?.code == .notFinite)
        let batch = try JSONValue(
            parsing: Data(contentsOf: URL(fileURLWithPath: folder.path + "/failed-batch-step-1.json")))
        #expect(batch["error"]?.stringValue == error?.message && batch["learning_rate"] == .double(10))
        let samples = batch["groups"]?[0]?["completions"]?.arrayValue ?? []
        #expect(samples.count == 4)
        #expect(samples.allSatisfy { $0["ids"]?.arrayValue?.count == $0["logprobs"]?.arrayValue?.count })
        #expect(try String(contentsOfFile: folder.path + "/metrics.jsonl", encoding: .utf8).isEmpty)
    }

    @Test("a broken supervised step keeps its sequences and moves nothing")
    func supervised() async throws {
        let recipe = try TestModel.recipe(["sft.batch_size=2"], kind: "sft")
        let model = try TestModel.load()
        let parameters = try TrainedParameters(recipe, model: model)
        // Whatever A gives, this makes the layer's first output NaN.
        let entry = try #require(parameters.set.entries.first { $0.name.contains("lora_B") })
        parameters.set.value(entry).floats[0] = .nan
        let trainer = SFTTrainer(
            try SFTTrainer.Parts(recipe, model: model, data: try DataSet.load(recipe).train), parameters: parameters)
        let bits = parameters.set.valueBits
        let error = await #expect(throws: TrainingError.self) { try await trainer.step() }
        #expect(error?.code == .notFinite && parameters.set.valueBits == bits && trainer.state == TrainerState())
        let batch = try #require(trainer.failedBatch)
        #expect(batch["step"] == 1 && batch["sequences"]?.arrayValue?.count == 2)
        #expect(batch["sequences"]?[0]?["completions"]?[0]?.arrayValue?.isEmpty == false)
    }

    @Test("numbers that JSON can't spell are texts")
    func spelling() throws {
        let sample = PolicySample(tokens: [1, 2], oldLogProbs: [.nan, -.infinity], advantage: .infinity)
        let batch = FailedBatch(
            step: 3, update: 1, error: TrainingError(.notFinite, "no"), objective: "grpo", learningRate: 0.5,
            groups: [PolicyGroup(prompt: [7], samples: [sample])])
        let expected = #"""
            {"step":3,"update":1,"error":"no","objective":"grpo","learning_rate":0.5,"groups":[{"prompt_ids":[7],\#
            "completions":[{"ids":[1,2],"advantage":"inf","masked":false,"logprobs":["nan","-inf"]}]}]}
            """#
        #expect(JSONValue.object(batch.record).text() == expected)
    }
}
