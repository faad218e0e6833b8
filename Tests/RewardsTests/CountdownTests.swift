import OrderedJSON
import Testing

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
            #expect(outcome.score == row["expected_reward"]?.doubleValue, "\(row["id"] ?? .null) \(row["tag"] ?? .null)")
        }
    }
}
