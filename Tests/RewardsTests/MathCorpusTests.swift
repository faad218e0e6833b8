import OrderedJSON
import Testing

@testable import Rewards

@Suite("Math corpora")
struct MathCorpusTests {
    @Test(
        "GSM8K: every gold answer equals itself and differs from itself plus one",
        .enabled(if: Corpus.exists("gsm8k-test.jsonl"), "needs ../shared/corpora/gsm8k-test.jsonl"),
        arguments: ["gsm8k-test.jsonl", "gsm8k-train.jsonl"])
    func gsm8k(file: String) throws {
        let rows = try Corpus.rows(file)
        #expect(!rows.isEmpty)
        for row in rows {
            let text = try #require(row["answer"]?.stringValue)
            let verdict = MathVerifier.verify(gold: text, prediction: text)
            #expect(verdict.verdict == .correct, "\(text): \(verdict)")
            #expect(verdict.rule == .phrase)
            let bare = try #require(text.split(separator: "#### ").last).filter { $0 != "," }
            let next = try #require(Int(bare)) + 1
            for wrong in ["\\boxed{\(next)}", "The answer is \(next).", "#### \(next)", "so we get \(next)"] {
                #expect(MathVerifier.verify(gold: text, prediction: wrong).verdict == .wrong)
            }
            for right in ["\\boxed{\(bare)}", "The answer is $\(bare)$.", "so we get \(bare) dollars."] {
                #expect(MathVerifier.verify(gold: text, prediction: right).verdict == .correct, "\(right)")
            }
        }
    }

    @Test(
        "no wrong answer of the public verdicts is accepted",
        .enabled(if: Corpus.exists("math-public.jsonl"), "needs ../shared/corpora/math-public.jsonl"))
    func publicVerdicts() throws {
        var right = 0
        var rights = 0
        var plain: [Bool] = []
        for row in try Corpus.rows("math-public.jsonl") where row["ambiguous"]?.boolValue == false {
            let gold = try #require(row["gold"]?.stringValue)
            let prediction = try #require(row["prediction"]?.stringValue)
            let form = (row["config"]?["gold_form"]?.stringValue).flatMap { MathConfiguration.GoldForm(rawValue: $0) }
            let clock = ContinuousClock.now
            let verdict = MathVerifier.verify(
                gold: gold, prediction: prediction, configuration: MathConfiguration(goldForm: form ?? .bare))
            #expect(ContinuousClock.now - clock < .seconds(10), "\(row["id"] ?? .null) hangs")
            guard row["expected"]?.boolValue == true else {
                #expect(verdict.score == 0, "\(row["id"] ?? .null): gold \(gold.prefix(80)), \(verdict)")
                continue
            }
            right += verdict.score
            rights += 1
            if NumberParser.parse(gold) != nil, verdict.extracted.flatMap({ NumberParser.parse($0) }) != nil {
                plain.append(verdict.score == 1)
            }
        }
        #expect(Double(right) >= 0.4 * Double(rights))
        // Where both sides are plain numbers, nearly every right answer is found.
        #expect(Double(plain.count { $0 }) >= 0.95 * Double(plain.count))
    }
}
