import Testing

@testable import Rewards

@Suite("Hostile text")
struct HostileTests {
    private static let pieces = [
        "\\boxed", "{", "}", "\\frac", "\\dfrac", "1", "23", "000", ",", ".", "-", "+", "/", " ", "\n", "$", "\\$",
        "\\(", "\\)", "\\", "^", "_",
        "e5", "\\times", "10^", "%", "\\%", "=", "x", "(", ")", "[", "]", "answer is", "Answer:", "####", "<answer>",
        "</answer>", "<think>",
        "</think>", "or", "and", "\\text{", "cm", "^2", "²", "½", "−", "€", "\u{0}", "\u{202E}", "é", "😀", "\\,", "{,}",
        "*", "**", "`", "!", "~",
    ]

    @Test("any mixture of what the scanners look for is judged without a fault, alike each time")
    func mixtures() {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(truncatingIfNeeded: state >> 33) % bound
        }
        for _ in 0..<5000 {
            let text = (0..<next(24)).map { _ in Self.pieces[next(Self.pieces.count)] }.joined()
            let other = (0..<next(6)).map { _ in Self.pieces[next(Self.pieces.count)] }.joined()
            let verdict = MathVerifier.verify(gold: "23", prediction: text)
            #expect(verdict == MathVerifier.verify(gold: "23", prediction: text))
            // No text can be the right answer to two different questions.
            if verdict.score == 1 { #expect(MathVerifier.verify(gold: "24", prediction: text).score == 0) }
            for form in MathConfiguration.GoldForm.allCases {
                _ = MathVerifier.verify(gold: other, prediction: text, configuration: MathConfiguration(goldForm: form))
            }
            _ = CountdownReward.solves("<answer>\(text)</answer>", target: 23, numbers: [1, 23])
            _ = FormatReward().matches(text, prompt: other)
        }
    }
}
