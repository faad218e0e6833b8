import Recipes
import Rewards

extension Recipe {
    /// The rewards that the recipe names; `nil` for `sft`, which has none.
    ///
    /// - Throws: `CommandFailure` or `RewardsError` for what this version can't do.
    func rewardSet() throws -> RewardSet? {
        guard kind == .grpo else { return nil }
        return try RewardSet(
            rewards.map { reward in
                RewardSet.Entry(try Self.function(reward), weight: reward.weight)
            })
    }

    private static func function(_ reward: Reward) throws -> any RewardFunction {
        let name = reward.name ?? reward.type.rawValue
        switch reward.type {
        case .math: return MathReward(name: name, verifier: .withWorkers())
        case .countdown: return CountdownReward(name: name)
        case .format:
            let text = reward.pattern ?? FormatReward.Pattern.thinkAnswer.rawValue
            guard let pattern = FormatReward.Pattern(rawValue: text) else {
                return try PatternReward(name: name, pattern: text)
            }
            return FormatReward(name: name, pattern: pattern)
        }
    }
}
