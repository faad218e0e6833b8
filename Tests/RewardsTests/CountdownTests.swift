import OrderedJSON
import Testing

@testable import Recipes
@testable import Rewards

@Suite("Countdown")
struct CountdownTests {
    @Test(
        "every reference case comes out as expected",
        .enabled(if: Corpus.exists("countdown-cases.jsonl"), "needs ../shared/corpora/countdown-cases.jsonl"))
    func referenceCases() async throws {
        let rows = try Corpus.rows("countdown-cases.jsonl")
        #expect(rows.count == 83)
        let samples = rows.map { row in
            RewardSample(
                prompt: "", completion: row["completion"]?.stringValue ?? "", columns: row.objectValue ?? JSONObject())
        }
        let outcomes = await CountdownReward().score(samples).outcomes
        for (row, outcome) in zip(rows, outcomes) {
            #expect(
                outcome.score == row["expected_reward"]?.doubleValue, "\(row["id"] ?? .null) \(row["tag"] ?? .null)")
        }
    }
}

extension CountdownTests {
    @Test("what sft learns of a generated problem scores 1")
    func solutions() async throws {
        let generator = try CountdownGenerator(Recipe.Countdown())
        for index in 0..<200 {
            let problem = generator.problem(index: index)
            let sample = RewardSample(prompt: "", completion: problem.solution ?? "", columns: problem.columns)
            #expect(await CountdownReward().score([sample]).outcomes == [.score(1)], "\(problem.solution ?? "")")
        }
    }

    @Test(
        "only exact arithmetic with each number once solves a task",
        arguments: [
            ("1+2*3", 7, [1, 2, 3], true), ("(1+2)*3", 9, [3, 2, 1], true), ("1 + 2 × 3", 7, [1, 2, 3], true),
            ("6÷2−1", 2, [1, 2, 6], true),
            ("1+2*3 = 7", 7, [1, 2, 3], true), ("1+2*3 = 8", 7, [1, 2, 3], false),
            ("1+2*3 = 7 = 7", 7, [1, 2, 3], false), ("-1+3", 2, [1, 3], true),
            ("5+(-3)", 2, [-3, 5], true), ("5-3", 2, [-3, 5], false), ("5+-3", 2, [3, 5], true),
            ("3 - (-3)", 6, [3, -3], true), ("--3+1", 4, [3, 1], true),
            ("8/(3-8/3)", 24, [8, 3, 8, 3], true), ("1/3*3", 1, [1, 3, 3], true), ("1+2", 3, [1, 2, 3], false),
            ("1+1+2", 4, [1, 2], false),
            ("12", 12, [1, 2], false), ("1 2", 12, [1, 2], false), ("2**3", 8, [2, 3], false),
            ("7//2", 3, [7, 2], false), ("1/(2-2)", 0, [1, 2, 2], false),
            ("2(3)", 6, [2, 3], false), ("1.0+2", 3, [1, 2], false), ("01+2", 3, [1, 2], false),
            ("+1+2", 3, [1, 2], false), ("1,2", 3, [1, 2], false),
            ("()", 0, [1], false), ("", 0, [1], false), ("(1", 1, [1], false), ("1)", 1, [1], false),
            ("1+", 1, [1], false), ("0", 0, [0], true),
            ("9223372036854775807", 9_223_372_036_854_775_807, [9_223_372_036_854_775_807], false),
            ("1٣", 13, [13], false),
        ] as [(String, Int, [Int], Bool)])
    func arithmetic(text: String, target: Int, numbers: [Int], expected: Bool) {
        #expect(CountdownReward.solves("<answer>\(text)</answer>", target: target, numbers: numbers) == expected)
    }

    @Test("depth, length and extremes are refused without a fault")
    func hostile() {
        for text in [
            String(repeating: "(", count: 100_000) + "1", String(repeating: "-", count: 4000) + "1",
            String(repeating: "1+", count: 2000) + "1",
            String(repeating: "9", count: 4000), "1/0/0/0", String(repeating: "=", count: 500),
        ] {
            #expect(!CountdownReward.solves("<answer>\(text)</answer>", target: .min, numbers: [.min, .max, 1]))
        }
    }

    @Test("a row without the columns does not apply, one with other things in them failed")
    func rows() async {
        let rows: [(JSONObject, RewardOutcome?)] = [
            ([:], .notApplicable), (["target": 3], .notApplicable), (["target": 3, "numbers": [1, 2]], .score(1)),
            (["target": 3.0, "numbers": [1.0, 2]], .score(1)), (["target": 3.5, "numbers": [1, 2]], nil),
            (["target": 3, "numbers": [1, "2"]], nil),
            (["target": 3, "numbers": []], nil), (["target": 3, "numbers": 1], nil),
        ]
        for (columns, expected) in rows {
            let sample = RewardSample(prompt: "", completion: "<answer>1+2</answer>", columns: columns)
            let outcome = await CountdownReward().score([sample]).outcomes[0]
            if let expected { #expect(outcome == expected) } else { #expect(outcome.failure?.boundary == .badRow) }
        }
        let nums = RewardSample(
            prompt: "", completion: "<answer>1+2</answer>", columns: ["target": 3, "nums": [1, 2]])
        #expect(await CountdownReward(numbersColumn: "nums").score([nums]).outcomes == [.score(1)])
    }
}
