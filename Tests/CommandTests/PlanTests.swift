import Foundation
import OrderedJSON
import Testing

@Suite(.enabled(if: Reference.isPresent, Reference.missing))
struct PlanTests {
    @Test("plan tells parameters and memory of a model without its weights")
    func model() throws {
        let outcome = try Program.run(["plan", Reference.model, "--json"])
        #expect(outcome.status == 0, "\(outcome.messages)")
        let report = try #require(try outcome.lines.first)
        #expect((report["parameters"]?.intValue ?? 0) > 0)
        for precision in ["fp32", "bf16"] {
            let generation = try #require(report[precision]?["generation"]?["peak_bytes"]?.intValue)
            let training = try #require(report[precision]?["training"]?["peak_bytes"]?.intValue)
            #expect(generation < training)
        }
        let text = try Program.run(["plan", Reference.model])
        #expect(text.output.contains("keys and values: ") && text.output.contains(" MiB"))
    }

    @Test("plan tells a recipe's parts, and more of what grows: batches, ranks, completions")
    func recipe() throws {
        let folder = try TemporaryFolder()
        let recipe = try folder.write(TrainTests.recipe, "recipe.yaml")
        func peak(_ changes: String...) throws -> Int {
            let outcome = try Program.run(["plan", recipe, "--json"] + changes.flatMap { ["--set", $0] })
            #expect(outcome.status == 0, "\(outcome.messages)")
            return try #require(try outcome.lines.first?["memory"]?["peak_bytes"]?.intValue)
        }
        let plain = try peak()
        #expect(try peak("rollout.prompts_per_step=64") > plain)
        #expect(try peak("rollout.max_new_tokens=100") > plain)
        #expect(try peak("adapter.rank=64") > plain)
    }

    @Test("the predicted peak of supervised learning is within 15 % of what is measured")
    func prediction() throws {
        let folder = try TemporaryFolder()
        let line = JSONValue.object([
            "ids": .array((0..<500).map { .integer($0 % 90 + 1) }), "mask": .array((0..<500).map { _ in .bool(true) }),
        ])
        try folder.write(String(repeating: line.text() + "\n", count: 64), "data.jsonl")
        let recipe = try folder.write(
            """
            kind: sft
            name: test
            seed: 7
            model: {path: \(Reference.model), precision: fp32}
            adapter: {kind: lora, rank: 4, alpha: 8}
            data: {train: {path: data.jsonl}}
            sft: {batch_size: 32, max_tokens: 600}
            batch: {tokens: 16384}
            steps: 1

            """, "recipe.yaml")
        let outcome = try Program.run(["train", recipe, "--dry-run"])
        #expect(outcome.status == 0, "\(outcome.messages)")
        func bytes(_ name: String) throws -> Double {
            let line = try #require(outcome.output.split(separator: "\n").first { $0.contains(name) })
            let words = line.split(whereSeparator: { " ,".contains($0) })
            let unit = try #require(words.firstIndex { ["KiB", "MiB", "GiB"].contains($0) })
            let number = try #require(Double(words[unit - 1]))
            return number * ["KiB": 1024, "MiB": 1_048_576, "GiB": 1_073_741_824][String(words[unit]), default: .nan]
        }
        let (predicted, measured) = (try bytes("predicted peak"), try bytes("measured peak"))
        #expect(abs(predicted / measured - 1) < 0.15, "predicted \(predicted), measured \(measured)")
    }

    @Test("a path that is no model and no recipe gets a message", arguments: ["nowhere", "nowhere.yaml"])
    func missing(path: String) throws {
        let outcome = try Program.run(["plan", path])
        #expect(outcome.status != 0)
        #expect(outcome.messages.contains("nowhere"))
    }
}
