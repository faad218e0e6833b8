import OrderedJSON
import Recipes
import Rewards
import Training

/// Tries the rewards on the answers that the data has: the right one must score 1, a wrong one 0.
struct AnswerTrial {
    private let trial: RewardTrial
    private let rows: [(set: String, row: DataRow)]

    /// A trial of the first rows of each data set.
    init(_ trial: RewardTrial, count: Int) {
        self.trial = trial
        let sets =
            [("train", trial.data.train)]
            + trial.data.evaluation.map { ($0.name.isEmpty ? "evaluation" : $0.name, $0.data) }
        rows = sets.flatMap { name, data in
            (0..<max(0, min(count, data.count ?? count))).map { (name, data.row(index: $0)) }
        }
    }

    /// What a reward made of the rows.
    private struct Tally {
        var rows = 0
        var withAnswer = 0
        var faults = 0
    }

    /// Writes what is not as it should be, then a line for each reward.
    ///
    /// - Throws: `CommandFailure` if anything is not.
    func run() async throws {
        var summaries: [JSONObject] = []
        for entry in trial.rewards.entries {
            guard let function = entry.function as? any AnswerChecking else { continue }
            var tally = Tally()
            for start in stride(from: 0, to: rows.count, by: 64) {
                try await check(function, rows[start..<min(start + 64, rows.count)], &tally)
            }
            let isSound = tally.faults == 0 && tally.withAnswer > 0
            summaries.append([
                "reward": .string(function.name), "rows": .integer(tally.rows),
                "with_answer": .integer(tally.withAnswer),
                "faults": .integer(tally.faults), "ok": .bool(isSound),
            ])
        }
        guard !summaries.isEmpty else {
            throw CommandFailure("none of the rewards knows answers; give completions to try them on (--completions)")
        }
        summaries += try await others()
        for summary in summaries { try StandardOutput.write(line: summary) }
        guard summaries.allSatisfy({ $0["ok"] == true }) else { throw CommandFailure(reported: .failed) }
    }

    /// Tries a reward on right and wrong answers of some rows.
    private func check(
        _ function: any AnswerChecking, _ rows: ArraySlice<(set: String, row: DataRow)>, _ tally: inout Tally
    ) async throws {
        tally.rows += rows.count
        let known = rows.compactMap { item in function.exemplars(item.row.allColumns).map { (item, $0) } }
        tally.withAnswer += known.count
        guard !known.isEmpty else { return }
        let set = try RewardSet([.init(function)])
        let wrong = try await set.score(known.map { trial.sample($1.wrong, of: $0.row) })
        let right = try await set.score(known.map { trial.sample($1.right ?? $1.wrong, of: $0.row) })
        for (index, (item, exemplars)) in known.enumerated() {
            let isRight = exemplars.right == nil || right.combined[index] == 1
            if isRight, wrong.combined[index] == 0 { continue }
            tally.faults += 1
            let completion = isRight ? exemplars.wrong : exemplars.right ?? ""
            try StandardOutput.write(line: [
                "reward": .string(function.name), "set": .string(item.set), "row": .integer(item.row.index),
                "completion": .string(completion), "expected": .integer(isRight ? 0 : 1),
                "got": (isRight ? wrong : right).outcomes(of: index)[function.name] ?? .null,
            ])
        }
    }

    /// Runs the other rewards over the right answers, to see that they run at all.
    private func others() async throws -> [JSONObject] {
        let checkers = trial.rewards.entries.compactMap { $0.function as? any AnswerChecking }
        let samples = rows.prefix(64).compactMap { item in
            checkers.lazy.compactMap { $0.exemplars(item.row.allColumns)?.right }.first.map {
                trial.sample($0, of: item.row)
            }
        }
        guard !samples.isEmpty else { return [] }
        let report = try await trial.rewards.score(samples)
        return zip(report.parts, trial.rewards.entries).compactMap { part, entry in
            guard !(entry.function is any AnswerChecking) else { return nil }
            let summary = RewardReport.Summary(part.outcomes)
            let failures = part.outcomes.compactMap(\.failure)
            var line: JSONObject = [
                "reward": .string(part.name), "rows": .integer(samples.count),
                "mean_of_right_answers": summary.mean.map { .double($0) } ?? .null,
                "failed": .integer(failures.count), "ok": .bool(failures.isEmpty),
            ]
            if let first = failures.first { line["first_failure"] = .string(first.description) }
            return line
        }
    }
}
