import OrderedJSON
import Testing

@testable import Rewards

@Suite("Math corpora")
struct MathCorpusTests {
    @Test(
        "GSM8K: every gold answer equals itself and differs from itself plus one",
        .enabled(if: Corpus.exists("gsm8k-test.jsonl"), "needs ../shared/corpora/gsm8k-test.jsonl"),
        arguments: ["gsm8k-test.jsonl", "gsm8k-train.jsonl"])
    func gsm8k(file: String) async throws {
        let rows = try Corpus.rows(file)
        #expect(!rows.isEmpty)
        let verifier = MathVerifier()  // no algebra is needed
        for row in rows {
            let text = try #require(row["answer"]?.stringValue)
            let verdict = await verifier.verify(gold: text, prediction: text)
            #expect(verdict.verdict == .correct, "\(text): \(verdict)")
            #expect(verdict.rule == .phrase)
            let bare = try #require(text.split(separator: "#### ").last).filter { $0 != "," }
            let next = try #require(Int(bare)) + 1
            for wrong in ["\\boxed{\(next)}", "The answer is \(next).", "#### \(next)", "so we get \(next)"] {
                #expect(await verifier.verify(gold: text, prediction: wrong).verdict == .wrong)
            }
            for right in ["\\boxed{\(bare)}", "The answer is $\(bare)$.", "so we get \(bare) dollars."] {
                #expect(await verifier.verify(gold: text, prediction: right).verdict == .correct, "\(right)")
            }
        }
    }

    @Test(
        "MATH-500: every gold answer equals itself and differs from its neighbours",
        .enabled(if: Corpus.exists("math500.jsonl"), "needs ../shared/corpora/math500.jsonl"))
    func math500() async throws {
        let golds = try Corpus.rows("math500.jsonl").compactMap { $0["answer"]?.stringValue }
        #expect(golds.count == 500)
        for (index, gold) in golds.enumerated() {
            let same = await MathChecking.boxed(gold, gold)
            #expect(same.verdict == .correct, "\(gold): \(same)")
            let other = golds[(index + 1) % golds.count]
            // Some neighbours are the same number.
            guard AnswerReader.read(gold) != AnswerReader.read(other) else { continue }
            #expect(await MathChecking.boxed(gold, other).score == 0, "\(gold) and \(other)")
            #expect(await MathChecking.boxed(gold, "\(gold)+1").score == 0, "\(gold)")
        }
    }

    @Test(
        "of the public verdicts 99 % come out as expected, and no wrong answer is accepted",
        .enabled(if: Corpus.exists("math-public.jsonl"), "needs ../shared/corpora/math-public.jsonl"))
    func publicVerdicts() async throws {
        var (agreed, clear) = (0, 0)
        for row in try Corpus.rows("math-public.jsonl") {
            let gold = try #require(row["gold"]?.stringValue)
            let prediction = try #require(row["prediction"]?.stringValue)
            let expected = try #require(row["expected"]?.boolValue)
            let start = ContinuousClock.now
            let verdict = await MathChecking.verifier.verify(
                gold: gold, prediction: prediction, configuration: Self.configuration(row))
            #expect(ContinuousClock.now - start < .seconds(5), "\(row["id"] ?? .null) is slow")
            guard row["ambiguous"]?.boolValue == false else { continue }
            clear += 1
            if verdict.score == (expected ? 1 : 0) { agreed += 1 }
            if !expected { #expect(verdict.score == 0, "\(row["id"] ?? .null): gold \(gold.prefix(80)), \(verdict)") }
        }
        #expect(Double(agreed) >= 0.99 * Double(clear), "\(agreed) of \(clear)")
    }

    private static func configuration(_ row: JSONValue) -> MathConfiguration {
        let config = row["config"]
        let places = config?["float_rounding"]?.intValue
        return MathConfiguration(
            goldForm: (config?["gold_form"]?.stringValue).flatMap { MathConfiguration.GoldForm(rawValue: $0) } ?? .bare,
            allowSetRelation: config?["allow_set_relation"]?.boolValue ?? true,
            roundingPlaces: places == MathConfiguration.significantDigits ? nil : places,
            prefersPhrase: (config?["boxed_priority"]?.intValue ?? 0) >= 50)
    }
}
