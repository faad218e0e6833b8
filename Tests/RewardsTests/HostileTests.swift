import Testing

@testable import Rewards

@Suite("Hostile text")
struct HostileTests {
    private static let pieces = [
        "\\boxed", "{", "}", "\\frac", "\\dfrac", "1", "23", "000", ",", ".", "-", "+", "/", " ", "\n", "$", "\\$",
        "\\(", "\\)", "\\", "^", "_", "e5", "\\times", "10^", "%", "\\%", "=", "x", "(", ")", "[", "]", "answer is",
        "Answer:", "####", "<answer>", "</answer>", "<think>", "</think>", "or", "and", "\\text{", "cm", "^2", "²", "½",
        "−", "€", "\u{0}", "\u{202E}", "é", "😀", "\\,", "{,}", "*", "**", "`", "!", "~", "\\sqrt", "\\pi", "\\sin", "|",
        "\\left(", "\\right)", "\\sum_{k=1}^", "\\begin{pmatrix}", "\\end{pmatrix}", "&", "\\\\", "\\cup", "\\infty",
        "\\pm", "<", "\\le", "\\in", ":", ";", "\\{", "\\}", "\\log_", "n!", "i", "e", "\\bmod", "\\binom", "'",
        "\\overline{",
    ]

    /// A small linear congruential generator: the same texts in each run.
    private struct Dice {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return bound > 0 ? Int(truncatingIfNeeded: state >> 33) % bound : 0
        }
    }

    @Test("any mixture of what the scanners look for is judged without a fault, alike each time")
    func mixtures() async {
        var dice = Dice()
        let verifier = MathVerifier()
        for _ in 0..<5000 {
            let text = (0..<dice.next(24)).map { _ in Self.pieces[dice.next(Self.pieces.count)] }.joined()
            let other = (0..<dice.next(6)).map { _ in Self.pieces[dice.next(Self.pieces.count)] }.joined()
            let verdict = await verifier.verify(gold: "23", prediction: text)
            #expect(verdict == (await verifier.verify(gold: "23", prediction: text)))
            // No text can be the right answer to two different questions.
            if verdict.score == 1 { #expect(await verifier.verify(gold: "24", prediction: text).score == 0) }
            for form in MathConfiguration.GoldForm.allCases {
                _ = await verifier.verify(
                    gold: other, prediction: text, configuration: MathConfiguration(goldForm: form))
            }
            _ = CountdownReward.solves("<answer>\(text)</answer>", target: 23, numbers: [1, 23])
            _ = FormatReward().matches(text, prompt: other)
        }
    }

    @Test("answers with a few bytes changed are judged without a fault and within their time")
    func mutations() async {
        var dice = Dice(state: 7)
        let seeds = [
            "\\frac{1}{2}+\\sqrt{3}", "(-\\infty,2]\\cup[3,\\infty)", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
            "x^2-2x+1=0", "\\sum_{k=1}^{10}k^2", "1{,}234.5\\times10^{3}", "\\{1,2,3\\}", "2\\sin x\\cos x",
            "-4 4/9\\%",
            "\\log_2 8+\\ln e^2", "|x-3|<5", "12\\text{ cm}^2", "1\\pm\\sqrt2", "204_5", "0.1\\overline{6}",
            "\\binom{n}{2}n!",
        ]
        for _ in 0..<4000 {
            var bytes = Array(seeds[dice.next(seeds.count)].utf8)
            for _ in 0...dice.next(4) {
                let place = dice.next(bytes.count)
                switch dice.next(4) {
                case 0 where !bytes.isEmpty: bytes.remove(at: place)
                case 1: bytes.insert(UInt8(32 + dice.next(95)), at: place)
                case 2 where !bytes.isEmpty: bytes[place] = UInt8(dice.next(256))
                default: bytes.insert(contentsOf: Self.pieces[dice.next(Self.pieces.count)].utf8, at: place)
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let start = ContinuousClock.now
            _ = await MathVerifier().verify(
                gold: seeds[dice.next(seeds.count)], prediction: "\\boxed{\(text)}")
            #expect(ContinuousClock.now - start < .seconds(2), "\(text)")
        }
    }

    @Test("towers and deep or long texts end within their budget", .timeLimit(.minutes(2)))
    func bombs() async {
        let many = 20_000
        for answer in [
            "9^{9^{9^{9}}}", "10^{10^{10}}", "1e999999999", "((10!)!)!", "\\sum_{k=1}^{10^{9}}\\frac1k",
            "\\binom{10^6}{10^5}",
            String(repeating: "(", count: many) + "5", String(repeating: "-", count: many) + "5",
            String(repeating: "\\sqrt{", count: many), String(repeating: "x", count: many),
            "5" + String(repeating: "!", count: many),
            "2" + String(repeating: "^2", count: many), "1" + String(repeating: "+1", count: many),
            "1" + String(repeating: ",1", count: many), String(repeating: "9", count: many),
            "0." + String(repeating: "1", count: many),
            String(repeating: "|", count: many) + "5", "x" + String(repeating: "_{x", count: many),
            String(repeating: "\\frac{1}{", count: many), "1" + String(repeating: "\\cup 1", count: many),
            String(repeating: "\\begin{pmatrix}", count: many), "1" + String(repeating: "\\pm1", count: 200),
        ] {
            let start = ContinuousClock.now
            let verdict = await MathVerifier(algebra: nil).verify(gold: "\\sqrt2", prediction: "\\boxed{\(answer)}")
            #expect(verdict.score == 0)
            #expect(ContinuousClock.now - start < .seconds(2), "\(answer.prefix(40))")
        }
    }
}
