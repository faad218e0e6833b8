import Rewards

/// Tells right completions from wrong ones: by the rewards that compare with known answers, in their order, of which the
/// first that applies to a completion decides; by the first reward where none knows answers.
///
/// A completion is right at a score of 1. Weights and other rewards (format, length) don't enter. One that the deciding
/// reward failed on is neither right nor wrong.
public struct Checker: Sendable {
    private let deciding: [Int]
    /// The rewards.
    public let rewards: RewardSet

    /// The checker of some rewards.
    public init(_ rewards: RewardSet) {
        self.rewards = rewards
        let checking = rewards.entries.indices.filter { rewards.entries[$0].function is any AnswerChecking }
        deciding = checking.isEmpty ? [0] : checking
    }

    /// The name of the first reward that decides.
    var name: String { rewards.entries[deciding[0]].function.name }

    /// Whether each completion of a group is right; `nil` if it could not be judged.
    public func judgements(of group: ScoredGroup) -> [Bool?] {
        group.samples.indices.map { sample in
            for index in deciding {
                switch group.report.parts[index].outcomes[sample] {
                case .score(let score): return score >= 1
                case .failed: return nil
                case .notApplicable: continue
                }
            }
            return nil
        }
    }

    /// The share of right completions among those that could be judged; `nil` if none could.
    public func passRate(of group: ScoredGroup) -> Double? {
        let judged = judgements(of: group).compactMap { $0 }
        return judged.isEmpty ? nil : Double(judged.count { $0 }) / Double(judged.count)
    }

    /// The reward whose completions vote for a group: the first that applies to any of them.
    func voting(of group: ScoredGroup) -> (any AnswerVoting)? {
        for index in deciding where group.report.parts[index].outcomes.contains(where: { $0 != .notApplicable }) {
            return rewards.entries[index].function as? any AnswerVoting
        }
        return nil
    }
}
