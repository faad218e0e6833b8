import InferenceCore
import OrderedJSON
import Testing

@testable import ExternalRollouts

/// Answers are believed only where they can be a completion of what was asked.
@Suite("Answers of servers")
struct CompletionAnswerTests {
    static let job = CompletionJob(
        index: 0, request: 2, sample: 3, prompt: [5, 6, 7], parameters: SamplingParameters(temperature: 1),
        maxNewTokens: 4, endTokens: [2], stops: ["x"], seed: 9, isStopped: { $0.last == 88 }, thought: nil)

    private func completion(_ text: String, _ kind: ServerKind = .vllm) throws -> Completion {
        try CompletionCheck(vocabularySize: 100)(
            CompletionAnswer(text, from: kind), to: Self.job, model: "run-step-1")
    }

    private static func answer(
        ids: String = "[10, 11, 2]", logProbs: String = "[-0.5, -1.25, 0]", finish: String = "\"stop\"",
        model: String = "run-step-1", more: String = ""
    ) -> String {
        """
        {"model": "\(model)", "choices": [{"finish_reason": \(finish), "token_ids": \(ids), \(more)
        "logprobs": {"tokens": [], "token_logprobs": \(logProbs)}}]}
        """
    }

    @Test("tokens, log-probabilities and the reason come from the answer")
    func sound() throws {
        let completion = try completion(Self.answer())
        #expect(completion.tokens == [10, 11, 2] && completion.logProbs == [-0.5, -1.25, 0])
        #expect(completion.request == 2 && completion.sample == 3 && completion.finishReason == .stop)
        #expect(try self.completion(Self.answer(ids: "[9, 88]", logProbs: "[-1, -2]")).finishReason == .stop)
        let cut = try self.completion(
            Self.answer(ids: "[9, 9, 9, 9]", logProbs: "[-1, -2, -3, -4]", finish: "\"length\""))
        #expect(cut.finishReason == .length)
        // The end token is the reason, even where it was the last that there was room for.
        let both = try self.completion(
            Self.answer(ids: "[9, 9, 9, 2]", logProbs: "[-1, -2, -3, -4]", finish: "\"length\""))
        #expect(both.finishReason == .stop)
    }

    @Test("where token_ids are not told, tokens spelled token_id:N are taken")
    func spelled() throws {
        let text = """
            {"model": "run-step-1", "choices": [{"finish_reason": "stop",
            "logprobs": {"tokens": ["token_id:10", "token_id:2"], "token_logprobs": [-1, -2]}}]}
            """
        #expect(try completion(text).tokens == [10, 2])
        #expect(throws: ExternalRolloutError.self) {
            try completion(text.replacing("token_id:10", with: "ten"))
        }
    }

    @Test("SGLang's own form")
    func generated() throws {
        let text = """
            {"text": "?", "output_ids": [10, 2], "meta_info": {"finish_reason": {"type": "stop", "matched": 2},
            "output_token_logprobs": [[-0.5, 10, null], [-0.25, 2, null]]}}
            """
        let completion = try completion(text, .sglang)
        #expect(completion.tokens == [10, 2] && completion.logProbs == [-0.5, -0.25])
        for (old, new) in [
            ("[10, 2]", "[10, 3]"), ("\"stop\", ", "\"abort\", "), ("[-0.25, 2, null]", "[null, 2]"),
            ("meta_info", "info"), ("[-0.25, 2, null]", "7"),
        ] {
            let broken = text.replacing(old, with: new)
            #expect(throws: ExternalRolloutError.self, "\(broken)") { try self.completion(broken, .sglang) }
        }
    }

    static let faults: [(String, String)] = [
        ("", "is no JSON"), ("[1]", "is no JSON object"), ("{}", "has 0 choices"),
        (String(repeating: "[", count: 100_000), "is no JSON"),
        ("{\"choices\": [{}, {}], \"model\": \"m\"}", "has 2 choices"),
        ("{\"choices\": [{}]}", "names no model"),
        (answer(model: "base"), "comes from the model 'base', expected 'run-step-1'"),
        (answer(finish: "null"), "has no finish_reason"),
        (answer(finish: "\"abort\""), "ended for 'abort'"),
        (answer(ids: "[10, 100, 2]"), "has the token 100, expected 0 to 99"),
        (answer(ids: "[10, -1, 2]"), "has the token -1"),
        (answer(ids: "[10, 1e30, 2]"), "something else than integers in token_ids"),
        (answer(ids: "[10, 9223372036854775808, 2]"), "something else than integers in token_ids"),
        (answer(ids: "[10, 1.5, 2]"), "something else than integers in token_ids"),
        (answer(ids: "\"10\""), "has a token_ids that is no list"),
        (answer(ids: "[]", logProbs: "[]"), "has 0 tokens, expected 1 to 4"),
        (answer(ids: "[1, 1, 1, 1, 2]"), "has 5 tokens, expected 1 to 4"),
        (answer(logProbs: "[-1, -1]"), "has 2 log-probabilities for 3 tokens"),
        (answer(logProbs: "[-1, null, -1]"), "something else than numbers"),
        (answer(logProbs: "null"), "has no logprobs.token_logprobs"),
        (answer(logProbs: "[-1, NaN, -1]"), "is no JSON"),
        (answer(logProbs: "[-1, -9999.0, -1]"), "has the log-probability -9999.0"),
        (answer(logProbs: "[-1, -1e999, -1]"), "the answer "),
        (answer(logProbs: "[-1, 0.5, -1]"), "has the log-probability 0.5"),
        (answer(ids: "[10, 2, 11]"), "goes on behind the end token 2"),
        (answer(ids: "[10, 11, 12]"), "says 'stop', but ends with neither"),
        (answer(ids: "[10, 11, 12]", finish: "\"length\""), "was cut off after 3 of 4 tokens"),
        (answer(more: "\"prompt_token_ids\": [5, 6],"), "is to a prompt of 2 other tokens than the 3"),
        (answer().replacing("\"tokens\": []", with: "\"tokens\": [\"token_id:1\"]"), "are not the tokens"),
    ]

    @Test("whatever else comes is refused, and says why", arguments: faults)
    func fault(text: String, expected: String) {
        let error = #expect(throws: ExternalRolloutError.self) { try completion(text) }
        #expect(error?.code == .wrongAnswer)
        #expect(error?.message.contains(expected) ?? false, "\(error?.message ?? "")")
        #expect((error?.message.utf8.count ?? 0) < 1000)
    }

    @Test("each kind of server is asked in its own words")
    func bodies() {
        let vllm = ServerKind.vllm.completionBody(Self.job, model: "a")
        #expect(vllm["prompt"] == [5, 6, 7] && vllm["model"] == "a" && vllm["max_tokens"] == 4 && vllm["seed"] == 9)
        #expect(vllm["return_token_ids"] == true && vllm["logprobs"] == 0 && vllm["stop_token_ids"] == [2])
        #expect(vllm["stop"] == ["x"] && vllm["include_stop_str_in_output"] == true && vllm["top_k"] == -1)
        let sglang = ServerKind.sglang.completionBody(Self.job, model: "a")
        #expect(sglang["input_ids"] == [5, 6, 7] && sglang["lora_path"] == "a" && sglang["return_logprob"] == true)
        #expect(sglang["sampling_params"]?["max_new_tokens"] == 4 && sglang["sampling_params"]?["sampling_seed"] == 9)
        #expect(ServerKind.touchstone.completionBody(Self.job, model: "a")["prompt"] == [5, 6, 7])
        #expect(ServerKind.vllm.loadBody("a", path: "/p", inPlace: true)["load_inplace"] == true)
        #expect(ServerKind.sglang.loadBody("a", path: "/p", inPlace: true)["load_inplace"] == nil)
    }
}
