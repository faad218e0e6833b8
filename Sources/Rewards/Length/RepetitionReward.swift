/// A penalty for saying the same again: `penalty` times the share of n-grams that are not new.
///
///     (1 − distinct n-grams / n-grams) · penalty
///
/// An n-gram is n neighbouring token ids. A completion with fewer than n tokens scores 0.
///
/// Source: Yeo et al. 2025, arXiv:2502.03373, section 4.3, in the form that open-r1 and ms-swift use; on token ids, so
/// that it works for every language.
public struct RepetitionReward: RewardFunction {
    /// The name in the metrics.
    public let name: String
    /// Tokens of an n-gram.
    public let ngram: Int
    /// The score where everything is repeated; negative as a rule.
    public let penalty: Double

    /// A repetition penalty.
    ///
    /// - Throws: `RewardsError` if `ngram` is not positive or `penalty` not finite.
    public init(name: String = "repetition", ngram: Int = 3, penalty: Double = -1) throws(RewardsError) {
        guard ngram > 0, penalty.isFinite else {
            throw RewardsError(
                .invalidOption,
                "\(name): ngram is \(ngram) and penalty \(penalty), expected a positive and a finite number")
        }
        self.name = name
        self.ngram = ngram
        self.penalty = penalty
    }

    /// 0 to `penalty` for each sample.
    public func score(_ batch: [RewardSample]) async -> RewardBatch {
        RewardBatch(batch.map { $0.withTokens { .score(value($0)) } })
    }

    /// The score of a list of tokens.
    public func value(_ tokens: [Int]) -> Double {
        let count = tokens.count - ngram + 1
        guard count > 0 else { return 0 }
        let distinct = Set((0..<count).map { tokens[$0..<($0 + ngram)] })
        return distinct.count == count ? 0 : (1 - Double(distinct.count) / Double(count)) * penalty
    }
}
