import Testing

@testable import Rewards

@Suite("Format")
struct FormatTests {
    @Test(
        "think-answer: tags once, in order, at the beginning, and an answer after them",
        arguments: [
            ("<think>a</think>b", true), ("<think>\na\n</think>\n\nb", true), (" \n<think>a</think>b", true),
            ("<think></think>b", true),
            ("<think>a</think>", false), ("<think>a</think> \n", false), ("<think>a", false), ("a</think>b", false),
            ("b", false), ("", false),
            ("x<think>a</think>b", false), ("<think>a</think>b<think>c</think>d", false),
            ("<think><think>a</think>b", false),
            ("<think>a</think></think>b", false), ("</think>a<think>b", false), ("<think>a</think>b</think>", false),
            ("<Think>a</Think>b", false),
            ("<think >a</think>b", false), ("<think>a</think>b <think>", false),
        ])
    func thinkAnswer(completion: String, expected: Bool) {
        #expect(FormatReward(opening: .completion).matches(completion) == expected)
        #expect(FormatReward().matches(completion, prompt: "<|im_start|>assistant\n") == expected)
    }

    @Test(
        "where the prompt opened the thought, the completion only closes it",
        arguments: [
            ("a</think>b", true), ("</think>b", true), ("a</think>", false), ("<think>a</think>b", false), ("a", false),
            ("a</think>b</think>c", false),
        ])
    func openedByPrompt(completion: String, expected: Bool) {
        #expect(FormatReward(opening: .prompt).matches(completion) == expected)
        #expect(FormatReward().matches(completion, prompt: "<|im_start|>assistant\n<think>\n") == expected)
    }

    @Test(
        "where the prompt holds an empty thought, the completion only answers",
        arguments: [
            ("b", true), ("", false), (" \n", false), ("<think>a</think>b", false), ("a</think>b", false),
            ("b <think>", false),
        ])
    func closedByPrompt(completion: String, expected: Bool) {
        let prompt = "<|im_start|>assistant\n<think>\n\n</think>\n\n"
        #expect(FormatReward().matches(completion, prompt: prompt) == expected)
        #expect(!FormatReward(opening: .completion).matches("b", prompt: prompt))
        #expect(!FormatReward().matches("b", prompt: "assistant\n<think>x</think>"))
    }

    @Test("the reward is 1 or 0")
    func score() async {
        let samples = ["<think>a</think>b", "b"].map { RewardSample(prompt: "", completion: $0) }
        #expect(await FormatReward().score(samples).outcomes == [.score(1), .score(0)])
    }
}
