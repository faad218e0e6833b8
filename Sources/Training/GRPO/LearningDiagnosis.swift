import InferenceCore
import OrderedJSON
import Recipes

/// Why groups of a step taught nothing: each has one cause at most.
struct LearningDiagnosis {
    /// Why a group teaches nothing.
    enum Cause: String, CaseIterable {
        /// Fewer than two completions have a reward.
        case unscorable
        /// All rewards are equal.
        case uniform
        /// Every completion that has an advantage ran into the length limit, and the recipe leaves those out.
        case truncated
    }

    /// Groups of the step.
    let groups: Int
    /// How many have each cause.
    let counts: [Cause: Int]

    /// - Parameter advantages: Of all samples; 0 for those that are not learned from.
    init(_ groups: [ScoredGroup], advantages: [Float], masksTruncated: Bool) {
        self.groups = groups.count
        var counts: [Cause: Int] = [:]
        var advantages = advantages[...]
        for group in groups {
            let own = advantages.prefix(group.completions.count)
            advantages = advantages.dropFirst(own.count)
            let isLearned = zip(own, group.completions).contains { advantage, completion in
                advantage != 0 && !completion.tokens.isEmpty && !(masksTruncated && completion.finishReason == .length)
            }
            guard !isLearned else { continue }
            let scored = group.report.combined.count { $0 != nil }
            let cause: Cause = scored < 2 ? .unscorable : own.allSatisfy { $0 == 0 } ? .uniform : .truncated
            counts[cause, default: 0] += 1
        }
        self.counts = counts
    }

    /// How many groups of the step teach something.
    var learned: Int { groups - counts.values.reduce(0, +) }

    /// `groups/learned` and a count for each cause.
    var metrics: JSONObject {
        var metrics: JSONObject = ["groups/learned": .integer(learned)]
        for cause in Cause.allCases { metrics["groups/\(cause.rawValue)"] = .integer(counts[cause] ?? 0) }
        return metrics
    }

    /// Says why nothing was learned; `nil` where something was.
    func warning(step: Int, maxNewTokens: Int) -> String? {
        guard groups > 0, learned == 0 else { return nil }
        let causes = Cause.allCases.compactMap { cause in
            counts[cause].map { "\($0) \($0 == 1 ? "group" : "groups") \(words(cause, maxNewTokens))" }
        }
        return "step \(step): the rewards taught nothing: \(causes.joined(separator: "; "))"
    }

    private func words(_ cause: Cause, _ maxNewTokens: Int) -> String {
        switch cause {
        case .unscorable:
            "without two scored completions (see rewards/*/failed in the metrics, and whether the rewards apply)"
        case .uniform:
            "with equal rewards for all completions (the task is too easy or too hard for the model; take other data, "
                + "more completions a prompt, or a reward with degrees)"
        case .truncated:
            "with only truncated completions to learn from (raise rollout.max_new_tokens above \(maxNewTokens), or set "
                + "algorithm.mask_truncated to false)"
        }
    }
}
