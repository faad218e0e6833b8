import FileTesting
import Foundation
import OrderedJSON
import Testing

/// A published model: its config.json as it is on the hub, and what a conversation with it begins with.
struct PublishedModel: CustomTestStringConvertible, Sendable {
    let name: String
    let tokenizer: String
    let template: String
    /// The tokens that end a text, in generation_config.json.
    let endings: JSONValue
    /// The model's parameters, in the thousand millions that its makers state.
    let billions: Double
    /// What a question without a system message becomes.
    let opening: String

    var testDescription: String { name }

    static let question = "<|im_start|>user\n1 + 1?<|im_end|>\n<|im_start|>assistant\n"
    /// Qwen2.5-Math has the template of Qwen2.5 with this system prompt.
    static let mathPrompt = "Please reason step by step, and put your final answer within \\boxed{}."

    static let all = [
        PublishedModel(
            name: "qwen2.5-math-1.5b-instruct", tokenizer: "qwen25-tokenizer", template: "math",
            endings: [151_645, 151_643], billions: 1.54,
            opening: "<|im_start|>system\n\(mathPrompt)<|im_end|>\n" + question),
        PublishedModel(
            name: "qwen2.5-math-7b", tokenizer: "qwen25-tokenizer", template: "math", endings: 151_643, billions: 7.62,
            opening: "<|im_start|>system\n\(mathPrompt)<|im_end|>\n" + question),
        PublishedModel(
            name: "qwen2.5-coder-7b-instruct", tokenizer: "qwen25-tokenizer", template: "qwen2_5",
            endings: [151_645, 151_643], billions: 7.62,
            opening:
                "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
                + question),
        PublishedModel(
            name: "qwq-32b", tokenizer: "qwen3-tokenizer", template: "qwq", endings: [151_645, 151_643], billions: 32.8,
            opening: question + "<think>\n"),
        PublishedModel(
            name: "deepseek-r1-distill-qwen-1.5b", tokenizer: "qwen25-tokenizer", template: "qwen2_5",
            endings: 151_643, billions: 1.78,
            opening:
                "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
                + question),
        PublishedModel(
            name: "qwen3-30b-a3b", tokenizer: "qwen3-tokenizer", template: "qwen3", endings: [151_645, 151_643],
            billions: 30.5, opening: question),
    ]

    var configuration: JSONObject {
        get throws {
            let path = Program.package.appendingPathComponent("Tests/PublishedConfigurations/\(name).json")
            return try #require(try JSONValue(parsing: Data(contentsOf: path)).objectValue)
        }
    }

    /// The configuration with few and narrow layers, and all else as it is.
    var small: JSONObject {
        get throws {
            var small = try configuration
            let sizes = [
                "hidden_size": 32, "intermediate_size": 48, "moe_intermediate_size": 16, "head_dim": 8,
                "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            ]
            for (key, size) in sizes where small[key] != nil { small[key] = .integer(size) }
            return small
        }
    }

    private var templateText: String {
        get throws {
            let file = template == "math" ? "qwen2_5" : template
            let text = try String(
                contentsOfFile: Reference.path("fixtures/chat/templates/\(file).jinja"), encoding: .utf8)
            guard template == "math" else { return text }
            return text.replacingOccurrences(
                of: "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
                with: Self.mathPrompt.replacingOccurrences(of: "\\", with: "\\\\"))
        }
    }

    /// A folder like the hub's, without weights.
    func write(to folder: TemporaryFolder, _ configuration: JSONObject) throws -> String {
        try folder.write(JSONValue.object(configuration).text(), "shape/config.json")
        try folder.write(
            JSONValue.object(["bos_token_id": 151_643, "eos_token_id": endings, "repetition_penalty": 1.05]).text(),
            "shape/generation_config.json")
        try folder.write(try templateText, "shape/chat_template.jinja")
        for file in ["tokenizer.json", "tokenizer_config.json"] {
            try FileManager.default.createSymbolicLink(
                atPath: folder.path("shape/\(file)"),
                withDestinationPath: Reference.path("tokenizers/\(tokenizer)/\(file)"))
        }
        return folder.path("shape")
    }
}

@Suite(
    "Published models",
    .enabled(
        if: Reference.isPresent && Reference.hasTokenizers, "../shared/fixtures or ../shared/tokenizers is missing"))
struct PublishedModelTests {
    private func run(_ arguments: [String], input: String = "") throws -> Program.Outcome {
        let outcome = try Program.run(arguments, input: input)
        #expect(outcome.status == 0, "\(arguments): \(outcome.messages)")
        return outcome
    }

    @Test(
        "a published config.json is a model of the size that its makers state, with all keys heeded",
        arguments: PublishedModel.all)
    func size(model: PublishedModel) throws {
        let folder = try TemporaryFolder()
        let path = try model.write(to: folder, try model.configuration)
        let plan = try #require(try run(["plan", path, "--json"]).lines.first)
        let parameters = try #require(plan["parameters"]?.doubleValue)
        #expect(abs(parameters / 1e9 - model.billions) < 0.011 * model.billions, "\(parameters)")
        let text = try run(
            ["render", path],
            input: #"{"messages":[{"role":"user","content":"1 + 1?"}],"add_generation_prompt":true}"# + "\n")
        #expect(try text.lines.first?["text"]?.stringValue == model.opening)
    }

    @Test(
        "a small model with a published configuration answers alike from either format, and its adapter trains and merges",
        arguments: PublishedModel.all)
    func small(model: PublishedModel) throws {
        let folder = try TemporaryFolder()
        let shape = try model.write(to: folder, try model.small)
        let path = folder.path("model")
        _ = try run(["export", shape, "--initialize", "random", "--seed", "3", "--output", path])
        _ = try run(["export", path, "--output", folder.path("model.gguf")])
        let question = #"{"messages":[{"role":"user","content":"1 + 1?"}]}"# + "\n"
        func answer(_ model: [String]) throws -> [JSONValue?] {
            let options = ["--greedy", "--max-new-tokens", "6", "--precision", "fp32", "--quiet", "--ignore-eos"]
            let line = try #require(try run(["generate"] + model + options, input: question).lines.first)
            return [line["ids"], line["logprobs"]]
        }
        let expected = try answer([path])
        #expect(try answer([folder.path("model.gguf")]) == expected)
        let recipe = try folder.write(
            """
            kind: grpo
            name: small
            model: {path: \(path), precision: bf16}
            adapter: {rank: 2, alpha: 64, targets: all-linear, router: \(model.name.contains("a3b"))}
            data: {train: {generator: arithmetic}}
            rewards: [{type: contains, texts: [a, e, i, o, n], rule: share}]
            rollout: {prompts_per_step: 2, completions_per_prompt: 4, max_new_tokens: 6}
            optimizer: {learning_rate: 1e-2}
            steps: 2

            """, "recipe.yaml")
        _ = try run(["train", recipe, "--run-dir", folder.path("run"), "--quiet"])
        let metrics = try String(contentsOfFile: folder.path("run/metrics.jsonl"), encoding: .utf8)
        let steps = try metrics.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(steps.compactMap { $0["rollout_logprob_gap"]?.doubleValue } == [0, 0])
        let adapted = try answer([path, "--adapter", folder.path("run/adapter")])
        #expect(adapted != expected)
        _ = try run(
            [
                "merge", path, "--adapter", folder.path("run/adapter"), "--dtype", "f32", "--output",
                folder.path("merged"),
            ])
        #expect(try answer([folder.path("merged")])[0] == adapted[0])
    }
}
