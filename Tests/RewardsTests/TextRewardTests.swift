import OrderedJSON
import Testing

@testable import Rewards

@Suite("Text rewards")
struct TextRewardTests {
    private static func sample(_ completion: String, _ columns: JSONObject = [:], prompt: String = "") -> RewardSample {
        RewardSample(prompt: prompt, completion: completion, columns: columns)
    }

    @Test(
        "a named form accepts what it describes and nothing near it",
        arguments: [
            (NamedForm.think, "<think>a</think>b", true), (.think, "<think>a</think>", true), (.think, "b", false),
            (.think, "x<think>a</think>", false), (.think, "<think>a</think><think>b</think>", false),
            (.thinkAnswerTags, "<think>a</think>\n<answer>b</answer>\n", true),
            (.thinkAnswerTags, "<think>a</think><answer>b</answer>", true),
            (.thinkAnswerTags, "<think>a</think> so <answer>b</answer>", false),
            (.thinkAnswerTags, "<think>a</think><answer> </answer>", false),
            (.thinkAnswerTags, "<think>a</think><answer>b</answer>c", false),
            (.thinkAnswerTags, "<answer>b</answer><think>a</think>", false),
            (.thinkAnswerTags, "<think><answer>x</answer></think><answer>b</answer>", false),
            (.thinkAnswerTags, "<think>a</think>", false),
            (.reasoningAnswerTags, "<reasoning>\na\n</reasoning>\n<answer>\nb\n</answer>\n", true),
            (.reasoningAnswerTags, "<think>a</think><answer>b</answer>", false),
            (.answerTags, "so <answer>b</answer>.", true), (.answerTags, "<answer></answer>", false),
            (.answerTags, "<answer>a</answer><answer>b</answer>", false), (.answerTags, "</answer>b<answer>", false),
            (.boxed, "so \\boxed{\\frac{1}{2}}.", true), (.boxed, "\\boxed{}", false), (.boxed, "\\boxed{ }", false),
            (.boxed, "\\boxed{1} or \\boxed{2}", false), (.boxed, "\\boxed{1", false), (.boxed, "\\boxed{\\}", false),
            (.boxed, "<think>\\boxed{1}</think>\\boxed{2}", true), (.boxed, "<think>\\boxed{1}</think>2", false),
            (.boxed, "<think>\\boxed{1}", false), (.boxed, "\\boxed{\\", false),
            (.codeBlock, "Here:\n```python\nx = 1\n```\n", true), (.codeBlock, "```\n```", false),
            (.codeBlock, "```\na\n", false), (.codeBlock, "```\na\n```\n```\nb\n```", false), (.codeBlock, "a", false),
            (.json, " {\"a\": [1, 2]}\n", true), (.json, "<think>x</think>3", true), (.json, "{a: 1}", false),
            (.json, "", false), (.json, "1 2", false),
        ])
    func forms(form: NamedForm, completion: String, expected: Bool) {
        #expect(FormatReward(form: form).matches(completion) == expected)
    }

    @Test("an opening tag that the prompt wrote belongs to the form")
    func openedByPrompt() {
        let reward = FormatReward(form: .thinkAnswerTags)
        #expect(reward.matches("a</think><answer>b</answer>", prompt: "<think>\n"))
        #expect(!reward.matches("<think>a</think><answer>b</answer>", prompt: "<think>\n"))
    }

    @Test("the parts of a completion: after the thought, in the last answer tags, or all of it")
    func parts() {
        let text = "<think>a <answer>x</answer></think> b <answer>c</answer> <answer> d </answer> e"
        #expect(CompletionPart.completion.text(of: Self.sample(" \(text)\n")) == text)
        #expect(CompletionPart.answer.text(of: Self.sample(text)) == "b <answer>c</answer> <answer> d </answer> e")
        #expect(CompletionPart.tags.text(of: Self.sample(text)) == "d")
        #expect(CompletionPart.tags.text(of: Self.sample("<think><answer>x</answer></think>y")) == nil)
        #expect(CompletionPart.tags.text(of: Self.sample("<answer>x")) == nil)
        #expect(CompletionPart.tags.text(of: Self.sample("</answer>")) == nil)
        #expect(CompletionPart.answer.text(of: Self.sample("a</think>b", prompt: "<think>")) == "b")
        #expect(CompletionPart.answer.text(of: Self.sample("a", prompt: "<think>")) == nil)
        #expect(CompletionPart.answer.text(of: Self.sample("  ")) == "")
    }

    @Test("exact match: letter by letter, as Unicode sees letters; other rows don't count")
    func exactMatch() async {
        let samples = [
            Self.sample("<think>x</think>\n caf\u{E9} ", ["answer": "cafe\u{301}"]),
            Self.sample("Café", ["answer": "café"]),
            Self.sample("12", ["answer": 12]), Self.sample("b", ["answer": ["a", "b"]]),
            Self.sample("a  b", ["answer": "a b"]),
            Self.sample("a", [:]), Self.sample("a", ["answer": nil]), Self.sample("a", ["answer": ["a": 1]]),
            Self.sample("a", ["answer": []]), Self.sample("<think>a", ["answer": "a"]),
        ]
        let outcomes = await ExactMatchReward().score(samples).outcomes
        #expect(outcomes.map(\.score) == [1, 0, 1, 1, 0, nil, nil, nil, nil, 0])
        #expect(outcomes.map { $0.failure?.boundary } == [nil, nil, nil, nil, nil, nil, nil, .badRow, .badRow, nil])
        let lax = await ExactMatchReward(ignoresCase: true, ignoresSpace: true).score(samples).outcomes
        #expect(lax.prefix(5).map(\.score) == [1, 1, 1, 1, 1])
        let tags = await ExactMatchReward(part: .tags).score([Self.sample("so <answer> 7 </answer>", ["answer": 7])])
        #expect(tags.outcomes == [.score(1)])
    }

    @Test("contains: all, any, none, or the share of the texts")
    func contains() async throws {
        let samples = ["a b", "a", "", "A B"].map { Self.sample($0) }
        for (rule, expected) in [
            (ContainsReward.Rule.all, [1.0, 0, 0, 0]), (.any, [1, 1, 0, 0]), (.none, [0, 0, 1, 1]),
            (.share, [1, 0.5, 0, 0]),
        ] {
            let reward = try ContainsReward(texts: .fixed(["a", "b"]), rule: rule)
            #expect(await reward.score(samples).outcomes.map(\.score) == expected)
        }
        let lax = try ContainsReward(texts: .fixed(["a", "b"]), ignoresCase: true)
        #expect(await lax.score(samples).outcomes.last == .score(1))
        let column = try ContainsReward(texts: .column("words"))
        let outcomes = await column.score([
            Self.sample("x y", ["words": ["x", "y"]]), Self.sample("x", [:]), Self.sample("x", ["words": ""]),
            Self.sample("x", ["words": 3]), Self.sample("3", ["words": 3]),
        ]).outcomes
        #expect(outcomes.map(\.score) == [1, nil, nil, 0, 1])
        #expect(outcomes[2].failure?.boundary == .badRow)
        #expect(throws: RewardsError.self) { try ContainsReward(texts: .fixed([])) }
        #expect(throws: RewardsError.self) { try ContainsReward(texts: .fixed([""])) }
    }

    @Test("the known answer of a row scores 1 and the other exemplar 0")
    func exemplars() async throws {
        let rows: [(any AnswerChecking, JSONObject)] = [
            (MathReward(), ["answer": "1/2"]), (MathReward(), ["answer": 12]),
            (MathReward(), ["answer": "9 + 9 = 18\n#### 18"]), (ExactMatchReward(), ["answer": "a b"]),
            (ExactMatchReward(part: .tags), ["answer": "x"]),
            (CountdownReward(), ["target": 10, "numbers": [4, 6]]),
        ]
        for (reward, columns) in rows {
            let exemplars = try #require(reward.exemplars(columns))
            if let right = exemplars.right {
                #expect(try await reward.score([Self.sample(right, columns)]).outcomes == [.score(1)], "\(right)")
            }
            #expect(try await reward.score([Self.sample(exemplars.wrong, columns)]).outcomes == [.score(0)])
        }
        #expect(MathReward().exemplars([:]) == nil)
    }
}
