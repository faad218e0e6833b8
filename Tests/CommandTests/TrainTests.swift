import FileTesting
import Foundation
import OrderedJSON
import Testing

@Suite(.enabled(if: Reference.isPresent, Reference.missing))
struct TrainTests {
    /// A short run on the tiny reference model.
    static let recipe = """
        kind: grpo
        name: test
        seed: 7
        model: {path: \(Reference.model), precision: fp32}
        adapter: {kind: lora, rank: 4, alpha: 8}
        data:
          train: {generator: arithmetic, digits: [1, 1]}
          format: text
        rewards: [{type: math}, {type: format, weight: 0.1}]
        rollout: {prompts_per_step: 4, completions_per_prompt: 4, max_new_tokens: 12}
        steps: 2

        """

    @Test("train keeps a run in its folder, and generate and score take its adapter")
    func train() throws {
        let folder = try TemporaryFolder()
        let recipe = try folder.write(Self.recipe, "recipe.yaml")
        let run = folder.path("run")
        let outcome = try Program.run(["train", recipe, "--run-dir", run, "--set", "steps=1", "--quiet"])
        #expect(outcome.status == 0, "\(outcome.messages)")
        #expect(outcome.output == run + "\n")
        #expect(outcome.messages.isEmpty)
        #expect(try String(contentsOfFile: run + "/recipe.yaml", encoding: .utf8).contains("steps: 1"))
        let adapted = try Program.lines(
            ["score", Reference.model, "--adapter", run + "/adapter"], [["ids": [1, 2, 3]]])
        #expect(adapted.count == 1)
        let again = try Program.run(["train", recipe, "--run-dir", run])
        #expect(again.status == 1)
        #expect(again.messages.contains("not empty; give a new one"))
    }

    @Test("--dry-run writes the resolved recipe and the plan, and leaves nothing behind")
    func dryRun() throws {
        let folder = try TemporaryFolder()
        let recipe = try folder.write(Self.recipe, "recipe.yaml")
        let run = folder.path("run")
        let outcome = try Program.run(["train", recipe, "--run-dir", run, "--dry-run"])
        #expect(outcome.status == 0, "\(outcome.messages)")
        for part in ["kind: grpo", "learning_rate:", "# steps: 2\n", "# generated tokens a step: at most 192\n"] {
            #expect(outcome.output.contains(part), "\(part)")
        }
        #expect(!FileManager.default.fileExists(atPath: run))
    }

    @Test("a run that can't begin leaves no folder behind", arguments: ["initial", "beneath"])
    func faultyAdapter(key: String) throws {
        let folder = try TemporaryFolder()
        let recipe = try folder.write(Self.recipe, "recipe.yaml")
        let run = folder.path("run")
        try FileManager.default.createDirectory(atPath: folder.path("adapter"), withIntermediateDirectories: true)
        _ = try folder.write("{\"peft_type\": \"LORA\", \"r\": 4}", "adapter/adapter_config.json")
        _ = try folder.write("no weights", "adapter/adapter_model.safetensors")
        let outcome = try Program.run(
            ["train", recipe, "--run-dir", run, "--set", "adapter.\(key)=\(folder.path("adapter"))"])
        #expect(outcome.status == 1)
        #expect(outcome.messages.contains("adapter_model.safetensors"), "\(outcome.messages)")
        #expect(!FileManager.default.fileExists(atPath: run))
    }

    @Test("an interrupted run saves what it has and ends with status 130")
    func interrupt() throws {
        let folder = try TemporaryFolder()
        let recipe = try folder.write(Self.recipe, "recipe.yaml")
        let run = folder.path("run")
        let outcome = try Program.run(["train", recipe, "--run-dir", run, "--set", "steps=100000"]) { process in
            // Once there is a record, the run is on its way.
            for _ in 0..<6000 where (FileManager.default.contents(atPath: run + "/metrics.jsonl") ?? Data()).isEmpty {
                Thread.sleep(forTimeInterval: 0.01)
            }
            process.interrupt()
        }
        #expect(outcome.status == 130, "\(outcome.messages)")
        #expect(outcome.output == run + "\n")
        #expect(FileManager.default.fileExists(atPath: run + "/adapter/adapter_model.safetensors"))
    }
}
