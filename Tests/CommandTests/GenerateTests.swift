import Foundation
import OrderedJSON
import Testing

@Suite(.enabled(if: Reference.isPresent, Reference.missing))
struct GenerateTests {
    /// The models with greedy reference completions that are of a supported kind.
    static let models = [
        "qwen2_tied", "qwen2_untied_gqa", "qwen2_yarn", "qwen2_swa", "qwen2_bf16", "qwen3_tied", "qwen3_untied",
        "qwen3_yarn", "qwen3_sharded", "qwen3_fp16",
    ]

    /// What the cases of one run of the program have in common.
    struct Settings: Hashable {
        var adapter: String?
        var penalty: Double
        var end: [Int]
    }

    @Test("greedy completions and their log-probabilities are the reference's", arguments: models)
    func greedy(_ name: String) throws {
        let model = Reference.path("fixtures/models/\(name)")
        let cases = try Reference.json("fixtures/models/\(name)/generate.json")["cases"]?.arrayValue ?? []
        let groups = Dictionary(grouping: cases.filter { $0["adapter"]?.stringValue != "dora" }) { row in
            Settings(
                adapter: row["adapter"]?.stringValue, penalty: row["repetition_penalty"]?.doubleValue ?? 1,
                end: (row["eos_token_id"]?.arrayValue ?? []).compactMap(\.intValue))
        }
        #expect(!groups.isEmpty)
        for (settings, rows) in groups {
            var arguments = ["generate", model, "--precision", "fp32", "--greedy", "--max-new-tokens", "32"]
            arguments += ["--ignore-eos", "--repetition-penalty", "\(settings.penalty)"]
            if let adapter = settings.adapter { arguments += ["--adapter", "\(model)/adapters/\(adapter)"] }
            for id in settings.end { arguments += ["--stop-token-id", "\(id)"] }
            let output = try Program.lines(arguments, rows.map { ["ids": $0["prompt_ids"] ?? .null] })
            #expect(output.map { $0["ids"] } == rows.map { $0["output_ids"] }, "\(name) \(settings)")
            for (row, line) in zip(rows, output) {
                #expect(line["finish_reason"] == (settings.end.isEmpty ? "length" : "stop"))
                guard let expected = row["logprobs"]?.arrayValue, settings.penalty == 1 else { continue }
                let got = line["logprobs"]?.arrayValue ?? []
                #expect(got.count == expected.count)
                for (a, b) in zip(got, expected) {
                    #expect(abs((a.doubleValue ?? .nan) - (b.doubleValue ?? .nan)) < 5e-5)
                }
            }
        }
    }

    /// 32 prompts of 1 to 94 tokens.
    static let prompts: [JSONValue] = (0..<32).map { row in
        ["id": .integer(row), "ids": .array((0..<1 + row * 3).map { .integer((row * 131 + $0 * $0 * 7 + 5) % 390) })]
    }

    @Test(
        "score computes the bits that generation recorded, whatever the precision, the threads and the adapter",
        arguments: ["fp32", "bf16"], [nil, "lora"] as [String?])
    func scoresAreGenerationsBits(_ precision: String, _ adapter: String?) throws {
        let model = Reference.model
        let common =
            ["--precision", precision] + (adapter.map { ["--adapter", "\(model)/adapters/\($0)"] } ?? [])
        let options = ["--temperature", "0.8", "--top-p", "0.9", "--seed", "3", "--max-new-tokens", "40"]
        let generated = try Program.lines(
            ["generate", model, "--threads", "2"] + options + common, Self.prompts)
        let alone = try Program.lines(
            ["generate", model, "--threads", "1", "--max-batch", "3"] + options + common, Self.prompts)
        #expect(generated == alone)
        #expect(generated.count == 32)
        let whole: [JSONValue] = zip(Self.prompts, generated).map { prompt, line in
            ["ids": .array((prompt["ids"]?.arrayValue ?? []) + (line["ids"]?.arrayValue ?? []))]
        }
        for threads in ["1", "2"] {
            let scored = try Program.lines(
                ["score", model, "--temperature", "0.8", "--threads", threads] + common, whole + whole + whole)
            // Three times as much does not fit one batch, so the same line has other neighbours.
            let logProbs = scored.map { $0["logprobs"] }
            #expect(logProbs == Array(repeating: logProbs.prefix(32), count: 3).flatMap { $0 })
            for ((prompt, line), score) in zip(zip(Self.prompts, generated), scored) {
                let start = prompt["ids"]?.arrayValue?.count ?? 0
                #expect(score["logprobs"]?[0] == .null)
                #expect(Array(score["logprobs"]?.arrayValue?.dropFirst(start) ?? []) == line["logprobs"]?.arrayValue)
            }
        }
    }

    @Test("samples of a prompt are numbered, and depend on the seed and the line alone")
    func samples() throws {
        let arguments = ["generate", Reference.model, "--samples", "3", "--max-new-tokens", "6", "--seed", "5"]
        let output = try Program.lines(arguments, Array(Self.prompts.prefix(4)))
        #expect(output.map { $0["id"] } == (0..<12).map { .integer($0 / 3) })
        #expect(output.map { $0["sample"] } == (0..<12).map { .integer($0 % 3) })
        #expect(Set(output.compactMap { $0["ids"] }).count > 4)
        #expect(try Program.lines(arguments, Array(Self.prompts.prefix(2))) == Array(output.prefix(6)))
        #expect(try Program.lines(arguments + ["--seed", "6"], Array(Self.prompts.prefix(4))) != output)
    }

    @Test("a stop text ends the text before it and leaves the ids as generated")
    func stopText() throws {
        let arguments = ["generate", Reference.model, "--greedy", "--max-new-tokens", "60", "--precision", "fp32"]
        let input: [JSONValue] = [["prompt": "hello"]]
        let free = try Program.lines(arguments, input)[0]
        let text = try #require(free["text"]?.stringValue)
        let stop = String(text.unicodeScalars.filter { $0.isASCII && $0 != " " }.prefix(1))
        try #require(!stop.isEmpty)
        let stopped = try Program.lines(arguments + ["--stop", stop], input)[0]
        #expect(stopped["text"]?.stringValue == text.components(separatedBy: stop)[0])
        #expect(stopped["finish_reason"] == "stop")
        let ids = stopped["ids"]?.arrayValue ?? []
        #expect(ids == Array((free["ids"]?.arrayValue ?? []).prefix(ids.count)))
        #expect(ids.count < 60)
    }

    @Test("a conversation is rendered by the chat template, and end tokens come from generation_config.json")
    func conversation() throws {
        let messages: JSONValue = [["role": "user", "content": "hello"]]
        let text = try Program.lines(
            ["render", Reference.model],
            [["messages": messages, "add_generation_prompt": true, "enable_thinking": false]])
        let arguments = ["generate", Reference.model, "--max-new-tokens", "20"]
        let direct = try Program.lines(arguments, [["prompt": text[0]["text"] ?? .null]])
        #expect(try Program.lines(arguments + ["--enable-thinking", "false"], [["messages": messages]]) == direct)
        #expect(try Program.lines(arguments, [["messages": messages, "enable_thinking": false]]) == direct)
        let many = try Program.lines(arguments + ["--samples", "200", "--temperature", "3"], [["ids": [5]]])
        let ended = many.filter { $0["finish_reason"] == "stop" }
        #expect(!ended.isEmpty)
        #expect(ended.allSatisfy { [.integer(368), .integer(366)].contains($0["ids"]?.arrayValue?.last) })
    }

    @Test("a thought over --thinking-budget is ended, and --answer-tokens end the answer")
    func thought() throws {
        let tiny = Program.package.appendingPathComponent("Checkpoints/tiny-qwen3").path
        let arguments = ["generate", tiny, "--greedy", "--max-new-tokens", "200"]
        let prompt: JSONValue = .object([
            "prompt": "<|im_start|>user\nWhat is 12 + 30?<|im_end|>\n<|im_start|>assistant\n<think>"
        ])
        let limits = ["--thinking-budget", "0", "--answer-tokens", "1"]
        let limited = try Program.lines(arguments + limits, [prompt])[0]
        let text = try #require(limited["text"]?.stringValue)
        let handOff =
            "\n\nConsidering the limited time by the user, I have to give the solution based on the thinking directly now.\n"
            + "</think>\n\n"
        #expect(text.hasPrefix(handOff), "\(text)")
        // The tiny model reads bytes; the closing tag is one token.
        #expect(limited["ids"]?.arrayValue?.count == handOff.utf8.count - 7 + 1)
        let refused = try Program.run(["generate", tiny, "--answer-tokens", "0"])
        #expect(refused.status == 2 && refused.messages.contains("--answer-tokens is 0, expected 1 to 1048576"))
    }

    @Test("--prompt and a GGUF file work")
    func promptOption() throws {
        let model = Reference.path("fixtures/gguf/qwen3-bf16-q8.gguf")
        let options = ["generate", model, "--max-new-tokens", "5", "--greedy"]
        let single = try Program.run(options + ["--prompt", "hello"])
        #expect(single.status == 0, "\(single.messages)")
        #expect(try single.lines == Program.lines(options, [["prompt": "hello"]]))
    }

    @Test("scores of texts are those of their tokens; prompt and completion are encoded separately")
    func scoreForms() throws {
        let ids = try Program.lines(
            ["tokenize", Reference.model], [["text": "hello you"], ["text": "hel"], ["text": "lo you"]])
        func list(_ index: Int) -> [JSONValue] { ids[index]["ids"]?.arrayValue ?? [] }
        let scored = try Program.lines(
            ["score", Reference.model],
            [
                ["text": "hello you"], ["ids": .array(list(0))], ["prompt": "hel", "completion": "lo you"],
                ["ids": .array(list(1) + list(2))], ["ids": [5]],
            ])
        #expect(scored[0]["logprobs"] == scored[1]["logprobs"])
        #expect(scored[2]["logprobs"] == scored[3]["logprobs"])
        #expect(scored[2]["ids"] == scored[3]["ids"])
        #expect(scored[4]["logprobs"] == [nil])
        #expect(scored.map { $0["id"] } == (0..<5).map { .integer($0) })
    }

    @Test("log-probabilities agree with the reference's, and short and long lines mix")
    func scoreReference() throws {
        let cases = try Reference.json("fixtures/models/qwen3_tied/generate.json")["cases"]?.arrayValue ?? []
        let row = try #require(cases.first { $0["logprobs"] != nil && $0["adapter"]?.isNull != false })
        let prompt = row["prompt_ids"]?.arrayValue ?? []
        let scored = try Program.lines(
            ["score", Reference.model, "--precision", "fp32"],
            [["ids": .array(prompt + (row["output_ids"]?.arrayValue ?? []))]])
        for (a, b) in zip(
            scored[0]["logprobs"]?.arrayValue?.dropFirst(prompt.count) ?? [], row["logprobs"]?.arrayValue ?? [])
        {
            #expect(abs((a.doubleValue ?? .nan) - (b.doubleValue ?? .nan)) < 5e-5)
        }
    }
}
