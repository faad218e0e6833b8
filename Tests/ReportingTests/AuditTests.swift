import Foundation
import OrderedJSON
import Testing
import Tracking

@testable import Reporting

@Suite("Audit")
struct AuditTests {
    @Test("completions that nearly repeat one to another prompt form a family, those to one prompt don't")
    func families() {
        let essay =
            "The answer is found by adding the two numbers one after the other, carefully, and then checking it."
        let texts = [
            (essay, 0), (essay.uppercased() + "  ", 1), (essay.replacingOccurrences(of: "it.", with: "it!"), 2),
            ("Something else that is entirely different from all of the others in this step.", 3),
            ("short", 4), ("short", 4), ("", 5), ("", 6),
        ]
        let families = NearDuplicates.families(texts.map { (text: $0.0, prompt: $0.1) })
        #expect(families.map(\.members) == [[0, 1, 2], [6, 7]])
        #expect(families.map(\.prompts) == [3, 2])
        #expect(NearDuplicates.families([]).isEmpty)
    }

    @Test("shares of the reward's parts add up to 1, and follow what differs within groups")
    func shares() throws {
        func record(_ group: Int, _ math: Double, _ form: Double) -> JSONObject {
            [
                "group": .integer(group), "reward": .double(math + 0.1 * form), "tokens": 3,
                "rewards": [
                    "math": ["status": "scored", "score": .double(math)],
                    "form": ["status": "scored", "score": .double(form)],
                ],
            ]
        }
        // Math differs between the groups only: nothing of it is learned.
        let formOnly = RewardShares.of(
            [record(0, 1, 1), record(0, 1, 0), record(1, 0, 1), record(1, 0, 0)], weights: ["form": 0.1])
        #expect(formOnly.map(\.name) == ["math", "form"])
        #expect(abs(formOnly[0].share) < 1e-12 && abs(formOnly[1].share - 1) < 1e-12)
        let both = RewardShares.of([record(0, 1, 1), record(0, 0, 0), record(0, 0, 1)], weights: ["form": 0.1])
        #expect(abs(both.reduce(0) { $0 + $1.share } - 1) < 1e-12)
        #expect(both[0].share > 0.85)
        #expect(RewardShares.of([record(0, 1, 1), record(0, 1, 1)], weights: [:]).isEmpty)
    }

    @Test("length and reward are correlated by Pearson's formula")
    func correlation() {
        func records(_ pairs: [(Int, Double)]) -> [JSONObject] {
            pairs.map { ["tokens": .integer($0.0), "reward": .double($0.1)] }
        }
        #expect(abs((RewardShares.lengthCorrelation(records([(1, 2), (2, 4), (3, 6)])) ?? 0) - 1) < 1e-12)
        #expect(abs((RewardShares.lengthCorrelation(records([(1, 1), (2, 3), (3, 2)])) ?? 0) - 0.5) < 1e-12)
        #expect(RewardShares.lengthCorrelation(records([(1, 1), (2, 1), (3, 1)])) == nil)
    }

    /// The titles of the findings of a run whose steps are made by a closure.
    private func findings(_ step: (Int) -> (JSONObject, [JSONObject])) -> [String: Finding.Sign] {
        var metrics = MetricColumns()
        var audit = Audit()
        for number in 1...20 {
            let (values, completions) = step(number)
            let recorded = RecordedStep(step: number, metrics: values, completions: completions)
            metrics.add(recorded)
            audit.add(recorded, weights: [:])
        }
        return Dictionary(uniqueKeysWithValues: Finding.all(metrics, audit).map { ($0.title, $0.sign) })
    }

    @Test("a reward that rises while held-out accuracy does not is named")
    func gamed() {
        func run(_ accuracy: @escaping (Int) -> Double) -> [String: Finding.Sign] {
            findings { step in
                let value = accuracy(step)
                return (
                    [
                        "reward": .double(Double(step) / 20), "eval_accuracy": .double(value),
                        "eval_accuracy_low": .double(value - 0.05), "eval_accuracy_high": .double(value + 0.05),
                    ], []
                )
            }
        }
        #expect(run { _ in 0.3 }["Reward rises, held-out accuracy does not"] == .warn)
        #expect(run { 0.3 + Double($0) / 40 }["Reward and held-out accuracy agree"] == .fine)
        #expect(run { $0 < 12 ? 0.3 + Double($0) / 20 : 0.4 }["Held-out accuracy has fallen from its best"] == .warn)
    }

    @Test("one text for every prompt, a part that takes over, and length that pays are named")
    func patterns() {
        let found = findings { step in
            let completions = (0..<8).map { index -> JSONObject in
                let text =
                    step < 10
                    ? "an answer of its own to the question with the number \(index * 7919 + step * 104_729), "
                        + "\(String(repeating: "\(index)\(step) ", count: 12))"
                    : "I am certain that this is the very best answer that anyone could give to it."
                let form = Double(index % 2)
                return [
                    "group": .integer(index / 4), "prompt": .string("question \(index / 4)"),
                    "completion": .string(text),
                    "tokens": .integer(10 + step * 5 + index % 2 * 20), "reward": .double(form),
                    "rewards": [
                        "math": ["status": "scored", "score": 0], "form": ["status": "scored", "score": .double(form)],
                    ],
                ]
            }
            return (["reward": 0.5, "completions/mean_length": .integer(10 + step * 5)], completions)
        }
        #expect(found["The same completion for many prompts"] == .warn)
        #expect(found["form has taken over"] == .warn)
        #expect(found["Length drifts, and the reward pays for it"] == .warn)
    }
}
