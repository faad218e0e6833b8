import OrderedJSON
import Testing

@testable import Rewards

@Suite("Math verifier and reward")
struct VerifierTests {
    @Test(
        "each verdict has its case",
        arguments: [
            ("18", "\\boxed{18}", .correct), ("18", "\\boxed{19}", .wrong), ("18", "no idea", .unparsable),
            ("", "18", .goldUnparsable),
            ("\\frac{1}{2", "\\boxed{1}", .goldUnparsable), ("18", "\\boxed{x^2}", .wrong),
            ("18", "\\boxed{\\frac{1}{}}", .unparsable), ("2\\sqrt2", "\\boxed{\\sqrt8}", .correct),
            ("\\sqrt{2}", "\\boxed{\\sqrt{2}.}", .correct),
            ("x^2+1", "\\boxed{x^2 + 1}", .correct), ("x^2+1", "\\boxed{x^2+2}", .wrong),
            ("\\text{Evelyn}", "\\boxed{Evelyn}", .correct),
            ("\\text{TRUE}", "\\boxed{\\text{True}}", .correct), ("n", "\\boxed{N}", .wrong),
            ("2^{10}", "\\boxed{210}", .wrong),
            ("\\frac{1}{23}", "\\boxed{\\frac{12}{3}}", .wrong), ("\\dfrac{a}{b}", "\\boxed{\\frac{a}{b}}", .correct),
            ("1,2", "$\\boxed{1}$ and $\\boxed{2}$", .correct),
            ("we add 9*2\n#### 1,800", "\\boxed{1800}", .correct), ("Thus $\\boxed{\\frac34}$.", "0.75", .correct),
            ("4 2", "\\boxed{42}", .goldUnparsable),
            ("\\left(1,2\\right)", "\\boxed{(1, 2)}", .correct), ("10^{75}", "\\boxed{10^{75}}", .correct),
        ] as [(String, String, MathVerdict.Verdict)])
    func verdicts(gold: String, prediction: String, verdict: MathVerdict.Verdict) async {
        let result = await MathChecking.verifier.verify(gold: gold, prediction: prediction)
        #expect(result.verdict == verdict, "\(result)")
        #expect(result.score == (verdict == .correct ? 1 : 0))
        #expect(!result.reason.isEmpty)
    }

    @Test("choices are letters, with or without parentheses")
    func choice() async {
        let configuration = MathConfiguration(goldForm: .choice)
        for (prediction, score) in [
            ("The answer is (B).", 1), ("Answer: B", 1), ("\\boxed{\\text{B}}", 1), ("\\boxed{\\textbf{(B)}}", 1),
            ("\\boxed{A, B}", 0), ("\\boxed{C}", 0),
            ("\\boxed{A} or \\boxed{B}", 0), ("A. The answer is A. The answer is C.", 0), ("\\boxed{b}", 0), ("B", 1),
            ("\\boxed{\\text{(B) } 42}", 1), ("\\boxed{(A) or (B)}", 0), ("\\boxed{Bob}", 0),
        ] {
            let verdict = await MathVerifier().verify(gold: "B", prediction: prediction, configuration: configuration)
            #expect(verdict.score == score, "\(prediction): \(verdict)")
        }
    }

    @Test("the reward reads strings and numbers; a row without a readable gold answer does not apply")
    func reward() async throws {
        func sample(_ columns: JSONObject) -> RewardSample {
            RewardSample(prompt: "", completion: "\\boxed{18}", columns: columns)
        }
        let batch = try await MathReward().score([
            sample(["answer": "18"]), sample(["answer": 18]), sample(["answer": 18.5]), sample(["answer": "#### 18"]),
            sample([:]),
            sample(["answer": ""]), sample(["answer": nil]), sample(["answer": [18]]),
        ])
        #expect(
            batch.outcomes == [
                .score(1), .score(1), .score(0), .score(1), .notApplicable, .notApplicable, .notApplicable,
                .notApplicable,
            ])
        let other = try await MathReward(column: "solution").score([sample(["solution": "18", "answer": "19"])])
        #expect(other.outcomes == [.score(1)])
    }

    @Test("a thought that the prompt opened and the completion never closed has no answer")
    func openedByPrompt() async throws {
        let texts = [
            "so maybe 18", "so maybe 18</think>It is 18.", "<answer>18</answer>", "</think><answer>18</answer>",
        ]
        let samples = texts.map {
            RewardSample(
                prompt: "Q<think>\n", completion: $0, columns: ["answer": 18, "target": 18, "numbers": [18]])
        }
        #expect(try await MathReward().score(samples).outcomes == [.score(0), .score(1), .score(1), .score(1)])
        #expect(await CountdownReward().score(samples).outcomes == [.score(0), .score(0), .score(0), .score(1)])
    }
}
