import OrderedJSON
import Rewards

extension [ScoredGroup] {
    /// Checks that the rewards have judged enough of the completions to learn from them.
    ///
    /// - Parameter place: Where they were generated, such as `step 7`.
    /// - Throws: `TrainingError` (`rewardFailed`) when a reward failed on a greater share than it may, or when no
    ///   completion has any score.
    func checkRewards(_ rewards: RewardSet, _ place: String) throws(TrainingError) {
        let count = reduce(0) { $0 + $1.samples.count }
        guard count > 0 else { return }
        for (index, entry) in rewards.entries.enumerated() {
            let failures = flatMap { $0.report.parts[index].outcomes.compactMap(\.failure) }
            guard let first = failures.first, Double(failures.count) > entry.maxFailed * Double(count) else { continue }
            throw TrainingError(
                .rewardFailed,
                "\(place): the reward \"\(entry.function.name)\" failed on \(failures.count) of \(count) completions, more "
                    + "than its max_failed of \(entry.maxFailed); first: \(first); mend the reward (touchstone reward test "
                    + "shows what it does), or raise rewards.\(index).max_failed", cause: first)
        }
        guard contains(where: { $0.report.unscorable < $0.samples.count }) else {
            throw TrainingError(
                .rewardFailed,
                "\(place): no reward applies to any of the \(count) completions, so nothing can be learned from them; "
                    + "check the columns of the data (touchstone reward test shows what each reward says)")
        }
    }
}

extension StepResult {
    /// A line for each reward that failed on some completions of the step.
    var failureNotes: [String] {
        metrics.compactMap { key, value in
            guard key.hasPrefix("rewards/"), key.hasSuffix("/failed"), let count = value.intValue, count > 0 else {
                return nil
            }
            let causes = metrics.keys.filter { $0.hasPrefix(key + "/") }.map { $0.dropFirst(key.count + 1) }
            let name = key.dropFirst("rewards/".count).dropLast("/failed".count)
            return "the reward \(name) failed on \(count) completions (\(causes.joined(separator: ", ")))"
        }
    }
}
