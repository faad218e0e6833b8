import FileTesting
import Foundation
import OrderedJSON
import Testing

@Suite(.enabled(if: Reference.isPresent, Reference.missing))
struct EvalTests {
    private static let tiny = Program.package.appendingPathComponent("Checkpoints/tiny-qwen3").path
    private static let sums = "{generator: arithmetic, operands: 2, digits: 1, operators: ['+'], count: 12}"
    private static let short = ["--max-new-tokens", "40", "--enable-thinking", "true", "--quiet"]

    @Test("a model is measured on given data, with a line for each problem")
    func model() throws {
        let folder = try TemporaryFolder()
        let items = folder.path("items.jsonl")
        let arguments = ["eval", Self.tiny, "--data", Self.sums, "--samples", "4", "--items", items] + Self.short
        let outcome = try Program.run(arguments)
        #expect(outcome.status == 0, "\(outcome.messages)")
        let line = try #require(try outcome.lines.first)
        #expect(try outcome.lines.count == 1)
        #expect(line["eval_problems"] == 12 && line["eval_samples"] == 4 && line["adapter"] == "base")
        for name in ["eval_accuracy", "eval_pass_at_2", "eval_pass_at_4", "eval_maj_at_4"] {
            let ends = ["\(name)_low", name, "\(name)_high"].compactMap { line[$0]?.doubleValue }
            #expect(ends.count == 3 && ends == ends.sorted(), "\(name)")
        }
        let rows = try String(contentsOfFile: items, encoding: .utf8).split(separator: "\n").map {
            try JSONValue(parsing: String($0))
        }
        #expect(rows.count == 12 && rows.allSatisfy { $0["completions"]?.arrayValue?.count == 4 })
        let right = rows.reduce(0) { $0 + ($1["right"]?.intValue ?? 0) }
        #expect(abs(Double(right) / 48 - (line["eval_accuracy"]?.doubleValue ?? -1)) < 1e-12)
        #expect(try Program.run(arguments).status == 1, "the items are never overwritten")
    }

    @Test("problems are asked both ways, with a line for each and one for both")
    func bothModes() throws {
        let modes = ["--enable-thinking", "both", "--thinking-budget", "20", "--answer-tokens", "9", "--quiet"]
        let outcome = try Program.run(["eval", Self.tiny, "--data", Self.sums, "--greedy"] + modes)
        #expect(outcome.status == 0, "\(outcome.messages)")
        let lines = try outcome.lines
        #expect(lines.map { $0["set"] } == ["thinking", "non_thinking", "all"])
        #expect(lines[0]["eval_thinking/hand_off_ratio"] != nil && lines[1]["eval_thinking/hand_off_ratio"] == nil)
        let accuracies = lines.compactMap { $0["eval_accuracy"]?.doubleValue }
        #expect(accuracies.count == 3 && abs(accuracies[0] + accuracies[1] - 2 * accuracies[2]) < 1e-12)
        let wrong = try Program.run(["eval", Self.tiny, "--data", Self.sums, "--enable-thinking", "maybe"])
        #expect(wrong.status == 2 && wrong.messages.contains("maybe"), "\(wrong.messages)")
    }

    @Test("a file is asked through its columns, and greedy completions are one each")
    func file() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            "{\"q\":\"3 + 4\",\"a\":\"so #### 7\"}\n{\"q\":\"2 + 2\",\"a\":\"#### 4\"}\n", "data.jsonl")
        let data = "{path: \(path), template: 'What is {q}?', answer: a, answer_after: '####'}"
        let outcome = try Program.run(["eval", Self.tiny, "--data", data, "--greedy"] + Self.short)
        let line = try #require(try outcome.lines.first, "\(outcome.messages)")
        #expect(line["eval_problems"] == 2 && line["eval_samples"] == 1 && line["eval_accuracy"] == 1.0)
        #expect(line["eval_pass_at_1"] == nil && line["eval_maj_at_1"] == nil)
    }

    @Test(
        "an adapter compared with itself does not differ, and the draws are the same",
        arguments: ["--greedy", "--samples=4"])
    func compare(mode: String) throws {
        let outcome = try Program.run(
            [
                "eval", Self.tiny, "--data", "[\(Self.sums), {generator: sorting, difficulty: 1, count: 5}]", mode,
                "--compare", "base", "base",
            ]
                + Self.short)
        #expect(outcome.status == 0, "\(outcome.messages)")
        let lines = try outcome.lines
        #expect(lines.map { $0["set"] } == ["arithmetic", "sorting", "all"])
        for line in lines {
            #expect(line["difference"] == 0.0 && line["p_value"] == 1.0 && line["wins"] == 0 && line["losses"] == 0)
            #expect(line["test"] == .string(mode == "--greedy" ? "mcnemar_exact" : "sign_flip_exact"))
        }
    }

    @Test("a recipe's evaluation is what eval measures, with the run's adapter")
    func recipe() throws {
        let folder = try TemporaryFolder()
        let recipe = try folder.write(
            TrainTests.recipe + "evaluation: {every: 1, samples: 2, rewards: [{type: math, name: exact}]}\n",
            "recipe.yaml")
        let run = folder.path("run")
        let sets = ["--set", "data.evaluation={generator: arithmetic, count: 5}"]
        let trained = try Program.run(["train", recipe, "--run-dir", run, "--set", "steps=1", "--quiet"] + sets)
        #expect(trained.status == 0, "\(trained.messages)")
        let metrics = try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
            try JSONValue(parsing: String($0))
        }
        let outcome = try Program.run(["eval", recipe, "--adapter", run + "/adapter", "--quiet"] + sets)
        let line = try #require(try outcome.lines.first, "\(outcome.messages)")
        #expect(line["eval_accuracy"] == metrics.last?["eval_accuracy"])
        #expect(line["eval_completions/mean_length"] == metrics.last?["eval_completions/mean_length"])
        #expect(line["eval_rewards/exact/mean"] != nil && metrics.last?["eval_rewards/exact/mean"] != nil)
        #expect(FileManager.default.fileExists(atPath: run + "/best/adapter_model.safetensors"))
    }

    @Test(
        "wrong uses are named in a line",
        arguments: [
            (["--compare", "base"], 2, "--compare takes two adapters, got 1"),
            (["--compare", "a", "b", "--adapter", "c"], 2, "--adapter and --compare are both given: give one of them"),
            (["--samples", "0"], 2, "--samples is 0, expected 1 to 4096"),
            ([], 1, "a model needs --data to be asked"),
            (
                ["--data", "{generator: sorting}", "--greedy", "--samples", "3"], 2,
                "--samples is 3, but greedy completions are all the same; give 1"
            ),
            (["--data", "/nowhere.jsonl"], 1, "/nowhere.jsonl: can't be opened; expected a JSON Lines file"),
            (["--data", "{generator: sortin}"], 2, "did you mean 'sorting'?"),
            (["--data", "{generator: sorting, count: 2}", "--adapter", "/nowhere"], 1, "/nowhere"),
        ])
    func faults(arguments: [String], status: Int32, message: String) throws {
        let outcome = try Program.run(["eval", Self.tiny] + arguments)
        #expect(outcome.status == status && outcome.output.isEmpty, "\(outcome.messages)")
        #expect(outcome.messages.contains(message), "\(outcome.messages)")
    }
}
