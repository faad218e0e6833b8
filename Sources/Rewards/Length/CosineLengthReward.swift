import Foundation

/// A score by length along a cosine, one for right completions and another for wrong ones.
///
/// With L the greatest length, |y| the completion's length in tokens, and the two ends `short` and `long` of its kind:
///
///     long + ½ (short − long) (1 + cos(π · min(|y| / L, 1)))
///
/// By default a right completion scores 1 when short and ½ when long, a wrong one −1 when short and −½ when long: thinking
/// longer costs where the answer is right and pays where it is wrong. What is right another reward says, by giving 1.
///
/// Source: Yeo et al. 2025, "Demystifying Long Chain-of-Thought Reasoning in LLMs", arXiv:2502.03373, section 4.2.
public struct CosineLengthReward: RewardFunction {
    /// Scores at the two ends of the lengths.
    public struct Ends: Hashable, Sendable {
        /// Of a completion without tokens.
        public let short: Double
        /// Of one of the greatest length, or longer.
        public let long: Double

        /// Two ends.
        public init(short: Double, long: Double) {
            self.short = short
            self.long = long
        }
    }

    /// The name in the metrics.
    public let name: String
    /// The reward that says which completions are right.
    public let judge: String
    private let maxTokens: Int
    private let right: Ends
    private let wrong: Ends

    /// A cosine length reward.
    ///
    /// - Parameter judge: The name of another reward of the same set, which gives 1 to right completions.
    /// - Parameter maxTokens: The greatest length, in tokens.
    public init(
        name: String = "cosine_length", judge: String, maxTokens: Int, right: Ends = Ends(short: 1, long: 0.5),
        wrong: Ends = Ends(short: -1, long: -0.5)
    ) throws(RewardsError) {
        guard maxTokens > 0 else {
            throw RewardsError(.invalidOption, "\(name): max_tokens is \(maxTokens), expected at least 1")
        }
        self.name = name
        self.judge = judge
        self.maxTokens = maxTokens
        self.right = right
        self.wrong = wrong
    }

    /// It looks at what the judge has said.
    public var needs: [String] { [judge] }

    /// Not applicable to any sample: without the judge nothing is known.
    public func score(_ batch: [RewardSample]) async -> RewardBatch { RewardBatch(batch.map { _ in .notApplicable }) }

    /// A score for each sample that the judge scored; where the judge failed, it is the judge's failure alone.
    public func score(_ batch: [RewardSample], given earlier: [String: [RewardOutcome]]) async -> RewardBatch {
        let verdicts = earlier[judge] ?? batch.map { _ in .notApplicable }
        return RewardBatch(
            zip(batch, verdicts).map { sample, verdict in
                guard let score = verdict.score else { return .notApplicable }
                return sample.withTokens { .score(value(length: $0.count, isRight: score >= 1)) }
            })
    }

    /// The score of a length.
    public func value(length: Int, isRight: Bool) -> Double {
        let ends = isRight ? right : wrong
        let progress = min(Double(length) / Double(maxTokens), 1)
        return ends.long + (ends.short - ends.long) * (1 + cos(.pi * progress)) / 2
    }
}
