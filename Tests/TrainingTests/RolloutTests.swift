import OrderedJSON
import QwenModel
import Rewards
import Testing
import Tokenization

@testable import InferenceCore
@testable import Recipes
@testable import Training

/// From data rows to completions and what rewards see of them.
@Suite("Rollouts", .enabled(if: TestModel.isThere, "reference data beside the package is missing"))
struct RolloutTests {
    @Test("a completion depends on its address, not on what else is generated")
    func addresses() throws {
        let (model, sampler, prompts) = try setup()
        let engine = Engine(model: model.model)
        let all = try engine.generate(sampler.requests(prompts, step: 5, adapter: nil, signal: StopSignal()))
        let requests = sampler.requests(prompts, step: 5, adapter: nil, signal: StopSignal())
        var alone = requests[2]
        alone.samples = [requests[2].samples[1]]
        let single = try engine.generate([alone])[0]
        let same = try #require(all.first { $0.request == 2 && $0.sample == 1 })
        #expect(single.tokens == same.tokens && single.logProbs == same.logProbs)
        let other = try engine.generate(sampler.requests(prompts, step: 6, adapter: nil, signal: StopSignal()))
        #expect(all.map(\.tokens) != other.map(\.tokens))
    }

    @Test("a stop text ends a completion at the token that completes it")
    func stops() throws {
        let (model, _, prompts) = try setup()
        let free = RolloutSampler(
            model, parameters: .init(temperature: 1), groupSize: 2, maxNewTokens: 40, seed: 1, purpose: .sampling)
        let engine = Engine(model: model.model)
        let long = try engine.generate(free.requests(prompts, step: 0, adapter: nil, signal: StopSignal()))[0]
        let bytes = long.tokens.prefix(6).suffix(2).flatMap { model.tokenizer.bytes(of: $0) ?? [] }
        guard let stop = String(validating: bytes, as: UTF8.self) else { return }
        let bound = RolloutSampler(
            model, parameters: .init(temperature: 1), groupSize: 2, maxNewTokens: 40, stop: ["never!", stop], seed: 1,
            purpose: .sampling)
        let short = try engine.generate(bound.requests(prompts, step: 0, adapter: nil, signal: StopSignal()))[0]
        #expect(short.tokens.count <= 6 && short.finishReason == .stop)
        #expect(long.tokens.starts(with: short.tokens))
    }

    @Test(
        "a stop text is found where its last byte comes, whatever tokens it is spread over",
        arguments: [
            ("ab", "b", true), ("xab", "ab", true), ("abx", "ab", false), ("a", "ab", false), ("aXb", "ab", false),
        ])
    func stopSearch(text: String, stop: String, found: Bool) throws {
        let tokenizer = try TestModel.load().tokenizer
        let bytes = try text.map { try #require(tokenizer.id(of: String($0))) }
        #expect(RolloutSampler.endsInStop(bytes, [Array(stop.utf8)], tokenizer) == found)
    }

    @Test("rewards see text without end tokens but with think tags, and the sampled ids")
    func rewardText() throws {
        let (model, sampler, prompts) = try setup()
        let tokens = model.tokenizer.encode("<think>a</think>b<|im_end|>")
        let sample = sampler.rewardSample(
            prompts[0],
            Completion(request: 0, sample: 0, tokens: tokens, logProbs: tokens.map { _ in 0 }, finishReason: .stop))
        #expect(sample.completion == "<think>a</think>b")
        #expect(sample.completionIDs == tokens)
        #expect(sample.columns["answer"] == prompts[0].row.answer.map { .string($0) })
        #expect(sample.finishReason == "stop")
    }

    @Test("too long prompts are passed over and counted; only too long ones are an error")
    func longPrompts() throws {
        let model = try TestModel.load()
        let data = DataSet(
            rows: ["1 + 1", "a very long prompt indeed, much too long", "2 + 2"].enumerated().map {
                DataRow(index: $0, content: .text($1), answer: nil, columns: [:])
            }, shuffle: false, seed: 0)
        var (position, curriculum) = (0, Curriculum?.none)
        let source = PromptSource(
            data: data, encoder: PromptEncoder(model.text, limit: 8), modes: ThinkingModes(share: 0, seed: 0))
        let (prompts, skipped) = try source.next(4, step: 0, from: &position, curriculum: &curriculum)
        #expect(prompts.map(\.row.index) == [0, 2, 0, 2])
        #expect(skipped == 2 && position == 6)
        let strict = PromptSource(
            data: data, encoder: PromptEncoder(model.text, limit: 1), modes: ThinkingModes(share: 0, seed: 0))
        let error = #expect(throws: TrainingError.self) {
            try strict.next(1, step: 0, from: &position, curriculum: &curriculum)
        }
        #expect(
            error?.message
                == "data: 3 prompts in a row are longer than 1 tokens; shorten them or raise rollout.max_prompt_tokens")
    }

    @Test(
        "rows that are no prompts are refused with their number",
        arguments: [
            (DataRow.Content.text(""), "row 4: the prompt is empty; remove the row"),
            (.tokens(ids: [1], mask: [true]), "row 4: holds token ids, which only kind: sft learns from"),
            (
                .messages([["role": "user", "content": "a"]]),
                "row 4: the model has no chat template; give model.chat_template or data.format: text"
            ),
        ])
    func badRows(content: DataRow.Content, message: String) throws {
        let model = try TestModel.load()
        let plain = LoadedModel(
            model: model.model, source: model.source, tokenizer: model.tokenizer, chatTemplate: nil)
        let encoder = PromptEncoder(plain.text, limit: 100)
        let error = #expect(throws: TrainingError.self) {
            try encoder.encode(DataRow(index: 4, content: content, answer: nil, columns: [:]), thinks: false)
        }
        #expect(error?.message == message)
    }

    @Test("an answer at a conversation's end is not shown to the model that is asked")
    func answered() throws {
        let model = try TestModel.load(template: "{% for m in messages %}[{{ m.content }}]{% endfor %}")
        let question: JSONValue = ["role": "user", "content": "a"]
        func text(_ messages: [JSONValue]) throws -> String? {
            let row = DataRow(index: 0, content: .messages(messages), answer: nil, columns: [:])
            return try PromptEncoder(model.text, limit: 100).encode(row, thinks: false)?.text
        }
        #expect(try text([question, ["role": "assistant", "content": "b"]]) == "[a]")
        #expect(try text([question, ["role": "assistant", "content": "b"], question]) == "[a][b][a]")
    }

    @Test("a template that raises is reported with its row")
    func raising() throws {
        let model = try TestModel.load()
        let broken = LoadedModel(
            model: model.model, source: model.source, tokenizer: model.tokenizer,
            chatTemplate: try ChatTemplate(source: "{{ raise_exception('no ' ~ enable_thinking) }}"))
        let row = DataRow(index: 4, content: .messages([]), answer: nil, columns: [:])
        let error = #expect(throws: TrainingError.self) {
            try PromptEncoder(broken.text, limit: 100).encode(row, thinks: true)
        }
        #expect(error?.message.hasPrefix("row 4: the chat template raised: ") == true)
        #expect(error?.message.contains("no True") == true)
    }

    private func setup() throws -> (LoadedModel, RolloutSampler, [EncodedPrompt]) {
        let (model, recipe) = (try TestModel.load(), try TestModel.recipe())
        let parts = GRPOTrainer.Parts(
            recipe, model: model, data: try DataSet.load(recipe).train, rewards: try TestModel.rewards())
        var (position, curriculum) = (0, Curriculum?.none)
        return (
            model, parts.sampler, try parts.prompts.next(4, step: 0, from: &position, curriculum: &curriculum).prompts
        )
    }
}
