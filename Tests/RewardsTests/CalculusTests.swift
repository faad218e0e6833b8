import Testing

@testable import Rewards

private func verdict(_ gold: String, _ answer: String) async -> MathVerdict.Verdict {
    await MathChecking.boxed(gold, answer).verdict
}

@Suite("Limits and integrals")
struct CalculusTests {
    @Test(
        "limits that series or continuity decide are their values",
        arguments: [
            ("1", #"\lim_{x \to 0} \frac{\sin x}{x}"#), ("3", #"\lim_{x\to 0}\frac{\sin 3x}{x}"#),
            (#"\frac12"#, #"\lim_{x\to 0} \frac{1-\cos x}{x^2}"#), ("-1/6", #"\lim_{x\to0}\frac{\sin x - x}{x^3}"#),
            ("4", #"\lim_{x\to 2}\frac{x^2-4}{x-2}"#), (#"\frac{3}{2}"#, #"\lim_{n\to\infty}\frac{3n^2+1}{2n^2-n}"#),
            ("0", #"\lim_{n \to \infty} \frac{n}{n^2+1}"#), ("e", #"\lim_{n\to\infty}\left(1+\frac1n\right)^n"#),
            ("e^{-6}", #"\lim_{n\to\infty}(1-\frac{2}{n})^{3n}"#),
            (#"\frac12"#, #"\lim_{x\to0}\frac{\sqrt{1+x}-1}{x}"#),
            (#"\frac12"#, #"\lim_{x\to\infty}(\sqrt{x^2+x}-x)"#), (#"\infty"#, #"\lim_{x\to0}\frac{1}{x^2}"#),
            (#"-\infty"#, #"\lim_{x\to 0^-}\frac{1}{x}"#), (#"\infty"#, #"\lim\limits_{x\to 0^{+}}\frac{1}{x}"#),
            ("1", #"\lim_{x\to0^+}\frac{\sqrt{x^2}}{x}"#),
            ("0", #"\lim_{x\to\pi}\sin x"#), ("1", #"\lim_{x\to\infty} x\sin\frac1x"#),
            ("1", #"\lim_{x\to0}\frac{\ln(1+x)}{x}"#), ("1", #"\lim_{x\to 0}\frac{\tan x}{x}"#),
            ("1/3", #"\lim_{x\to0}\frac{\tan x-x}{x^3}"#), ("1/6", #"\lim_{x\to0}\frac{\arcsin x-x}{x^3}"#),
            ("e^2", #"\lim_{x\to 2} e^x"#), ("a", #"\lim_{x\to 0} a\frac{\sin x}{x}"#),
        ])
    func limits(gold: String, limit: String) async {
        #expect(await verdict(gold, limit) == .correct, "\(limit)")
        #expect(await verdict("17", limit) == .wrong, "\(limit)")
    }

    @Test(
        "limits that don't exist, or are not simple, can't be read",
        arguments: [
            #"\lim_{x\to0}\frac1x"#, #"\lim_{x\to0}\frac{\sqrt{x^2}}{x}"#, #"\lim_{n\to\infty}\sin n"#,
            #"\lim_{x\to\infty}\frac{e^x}{x}"#, #"\lim_{x\to0}\sin\frac1x"#, #"\lim_{x\to 0} x + 1"#, #"\lim x"#,
            #"\lim_{x} x"#, #"\lim_{x\to}x"#, #"\lim_{x\to x}x"#, #"\lim_{x\to0}\ln x"#, #"\lim_{x\to 0} f(x)"#,
            #"\lim_{x\to0}\frac{\sin x-\sin x}{x-x}"#,
        ])
    func noLimits(limit: String) async {
        #expect(await verdict("1", limit) == .unparsable, "\(limit)")
    }

    @Test(
        "integrals with simple antiderivatives are their values",
        arguments: [
            (#"\frac13"#, #"\int_0^1 x^2\,dx"#), ("2", #"\int_0^\pi \sin x\,dx"#), ("e-1", #"\int_0^1 e^x dx"#),
            ("3", #"\int_0^1 2x\,dx+2"#), ("1", #"\int_0^1 dx"#),
            (#"\ln 2"#, #"\int_1^2 \frac{dx}{x}"#), (#"\ln 2"#, #"\int_1^2\frac1x\,dx"#),
            ("1", #"\int_0^\infty e^{-x}dx"#),
            ("1", #"\int_1^\infty \frac{1}{x^2}dx"#), ("2", #"\int_0^1\frac{1}{\sqrt{x}}\,dx"#),
            (#"\frac{\pi}{4}"#, #"\int_0^1\frac{1}{1+x^2}dx"#), (#"\pi"#, #"\int_{-\infty}^\infty\frac{dx}{1+x^2}"#),
            ("1", #"\int_0^1 x e^x dx"#), (#"\pi"#, #"\int_0^{\pi} x\sin x\,dx"#), ("2", #"\int_0^\infty x^2e^{-x}dx"#),
            ("-1", #"\int_0^1\ln x\,dx"#), (#"\frac{\pi}{2}"#, #"\int_0^1\frac{dx}{\sqrt{1-x^2}}"#),
            (#"\frac{16}{3}"#, #"\int_0^4\sqrt{x}\,dx"#), (#"-\ln 2"#, #"\int_{-2}^{-1}\frac{dx}{x}"#),
            (#"\frac12\ln 3"#, #"\int_0^1\frac{1}{2x+1}dx"#), (#"\frac{a}{2}"#, #"\int_0^1 ax\,dx"#),
            (#"1+\pi"#, #"\int_0^{\pi}1+\frac12\sin x\,dx"#),
            ("0", #"\int_{-1}^{1}x^3dx"#), (#"\frac{t^3}{3}"#, #"\int_0^t x^2dx"#),
            (#"\frac{\pi}{2\sqrt{2}}"#, #"\int_0^{\infty}\frac{dx}{2+x^2}"#),
        ])
    func integrals(gold: String, integral: String) async {
        #expect(await verdict(gold, integral) == .correct, "\(integral)")
        #expect(await verdict("17", integral) == .wrong, "\(integral)")
    }

    @Test(
        "integrals over a singularity, without an end, or not simple can't be read",
        arguments: [
            #"\int_{-1}^{1}\frac{dx}{x}"#, #"\int_{-1}^1\frac{1}{x^2}dx"#, #"\int_0^1\frac1x dx"#,
            #"\int_1^\infty\frac{dx}{x}"#,
            #"\int_0^\infty e^{x}dx"#, #"\int_0^\infty\sin x\,dx"#, #"\int_{-1}^1\sqrt{x}dx"#, #"\int_0^1 x^{x}dx"#,
            #"\int x^2dx"#, #"\int_0^1x^2"#, #"\int_0^1 e^{-x^2}dx"#, #"\int_0^2\frac{dx}{\sqrt{1-x^2}}"#,
            #"\int_{0}^{\infty}x\,dx"#, #"\int_0^1 x\,dx\,dy"#, #"\int_0^1\ln(x-2)dx"#, #"\int_0^x x\,dx"#,
        ])
    func noIntegrals(integral: String) async {
        #expect(await verdict("1", integral) == .unparsable, "\(integral)")
    }

    @Test("many integrals and limits, deep and large ones end soon")
    func hostile() async {
        let start = ContinuousClock.now
        let one = #"\lim_{x\to0}\frac{\sin x}{x}"#
        let deep = String(repeating: #"\sin("#, count: 120) + "x" + String(repeating: ")", count: 120)
        for text in [
            String(repeating: one + "+", count: 2000) + "1", #"\lim_{x\to0}"# + deep,
            #"\lim_{x\to0}(1+x)^{99999999999999999999}"#, #"\lim_{x\to 10^{400}} x^{64}"#,
            #"\int_0^1(1+x)^{64}e^{x}dx"#, #"\int_0^1 x^{64}\sin(10^{200}x)dx"#,
            String(repeating: #"\lim_{x\to0}"#, count: 3000) + "x",
        ] {
            _ = await verdict("1", text)
        }
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test("brackets deep inside each other are read, up to a bound")
    func depth() async {
        func nested(_ depth: Int) -> String {
            String(repeating: "\\sqrt{", count: depth) + "1" + String(repeating: "}", count: depth)
        }
        #expect(await verdict("1", nested(50)) == .correct)
        #expect(await verdict("1", nested(200)) == .unparsable)
    }
}
