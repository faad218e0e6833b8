import FileTesting
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
        let parameters = try #require(report["parameters"]?.intValue)
        for (precision, bytes) in [("fp32", 4), ("bf16", 2)] {
            let generation = try #require(report[precision]?["generation"]?["peak_bytes"]?.intValue)
            let training = try #require(report[precision]?["training"]?["peak_bytes"]?.intValue)
            #expect(parameters > 0 && min(generation, training) > parameters * bytes)
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

    /// Adapters of every kind, each with what it holds besides factors.
    static let adapters = [
        "{rank: 4, alpha: 8}", "{rank: 64, alpha: 64, dora: true}",
        "{rank: 32, alpha: 32, initialization: pissa}",
        "{rank: 4, alpha: 8, modules_to_save: [lm_head, embed_tokens]}",
    ]

    @Test(
        "the predicted peak of supervised learning is within 15 % of what is measured",
        arguments: adapters.map { (false, $0) } + [
            (true, adapters[0]), (true, "{rank: 16, alpha: 8, router: true}"),
        ])
    func prediction(hasExperts: Bool, adapter: String) throws {
        let folder = try TemporaryFolder()
        let line = JSONValue.object([
            "ids": .array((0..<2000).map { .integer($0 % 90 + 1) }),
            "mask": .array((0..<2000).map { _ in .bool(true) }),
        ])
        try folder.write(String(repeating: line.text() + "\n", count: 16), "data.jsonl")
        let model = try hasExperts ? mixture(in: folder) : Reference.model
        let recipe = try folder.write(
            """
            kind: sft
            name: test
            seed: 7
            model: {path: \(model), precision: fp32, initialize: \(hasExperts ? "random" : "pretrained")}
            adapter: \(adapter)
            data: {train: {path: data.jsonl}}
            sft: {batch_size: 8, max_tokens: 2400}
            batch: {tokens: 16384}
            steps: 1

            """, "recipe.yaml")
        let outcome = try Program.run(["train", recipe, "--dry-run"])
        #expect(outcome.status == 0, "\(outcome.messages)")
        func bytes(_ name: String, last: Bool = false) throws -> Double {
            let line = try #require(
                outcome.output.split(separator: "\n").first { $0.contains(name) }, "\(name)")
            let words = line.split(whereSeparator: { " ,".contains($0) })
            let units = words.indices.filter { ["KiB", "MiB", "GiB"].contains(words[$0]) }
            let unit = try #require(last ? units.last : units.first)
            let number = try #require(Double(words[unit - 1]))
            return number
                * ["KiB": 1024, "MiB": 1_048_576, "GiB": 1_073_741_824][String(words[unit]), default: .nan]
        }
        let predicted = try bytes("predicted peak") - bytes("process and tokenizer")
        let measured = try bytes("measured peak", last: true)
        #expect(
            abs(predicted / measured - 1) < 0.15,
            "predicted \(predicted), measured \(measured): \(outcome.output)")
    }

    /// A folder of a mixture of 16 experts and the reference model's tokenizer, without weights.
    private func mixture(in folder: TemporaryFolder) throws -> String {
        let path = folder.path("mixture")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for name in ["tokenizer.json", "tokenizer_config.json"] {
            try FileManager.default.copyItem(
                atPath: "\(Reference.model)/\(name)", toPath: "\(path)/\(name)")
        }
        try folder.write(
            """
            {"model_type": "qwen3_moe", "vocab_size": 400, "hidden_size": 64, "intermediate_size": 96, "head_dim": 16,
              "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "num_experts": 16,
              "num_experts_per_tok": 4, "moe_intermediate_size": 32, "norm_topk_prob": true, "eos_token_id": 2}
            """, "mixture/config.json")
        return path
    }

    @Test(
        "the shapes of published models have the published numbers of parameters, and a machine fits the smaller ones"
    )
    func machine() throws {
        let outcome = try Program.run(["plan", "--json"])
        #expect(outcome.status == 0, "\(outcome.messages)")
        let report = try #require(try outcome.lines.first)
        let fits = try #require(report["largest that fits"])
        for form in ["fp32", "bf16", "q8_0", "q4_K"] {
            #expect(fits[form]?["generation"]?.stringValue?.hasPrefix("Q") == true, "\(form)")
        }
    }

    @Test("a path that is no model and no recipe gets a message", arguments: ["nowhere", "nowhere.yaml"])
    func missing(path: String) throws {
        let outcome = try Program.run(["plan", path])
        #expect(outcome.status != 0)
        #expect(outcome.messages.contains("nowhere"))
    }
}
