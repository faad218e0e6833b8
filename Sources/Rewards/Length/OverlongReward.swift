/// A penalty for completions that come near the greatest length, and above it.
///
/// With L the greatest length, B the buffer before it and |y| the completion's length, in tokens with the end token:
///
///     0                    |y| ≤ L − B
///     (L − B − |y|) / B    L − B < |y| ≤ L
///     −1                   L < |y|
///
/// Source: Yu et al. 2025 (DAPO), arXiv:2503.14476, equation 13.
public struct OverlongReward: RewardFunction {
    /// The name in the metrics.
    public let name: String
    /// The length that scores −1, in tokens.
    public let maxTokens: Int
    /// The tokens over which the score falls.
    public let buffer: Int

    /// An overlong punishment.
    ///
    /// - Throws: `RewardsError` unless 0 < buffer ≤ maxTokens.
    public init(name: String = "overlong", maxTokens: Int, buffer: Int) throws(RewardsError) {
        guard buffer > 0, buffer <= maxTokens else {
            throw RewardsError(
                .invalidOption,
                "\(name): buffer is \(buffer), expected 1 to max_tokens (\(maxTokens)); change one of them")
        }
        self.name = name
        self.maxTokens = maxTokens
        self.buffer = buffer
    }

    /// −1 to 0 for each sample.
    public func score(_ batch: [RewardSample]) async -> RewardBatch {
        RewardBatch(batch.map { $0.withTokens { .score(value(length: $0.count)) } })
    }

    /// The score of a length.
    public func value(length: Int) -> Double {
        let excess = length - (maxTokens - buffer)
        return excess <= 0 ? 0 : max(-1, -Double(excess) / Double(buffer))
    }
}

extension RewardSample {
    /// An outcome that depends on the token ids; failed where the sample has a text but no ids, as a saved one may.
    func withTokens(_ body: ([Int]) -> RewardOutcome) -> RewardOutcome {
        guard !completionIDs.isEmpty || completion.isEmpty else {
            return .failed(RewardFailure(.badRow, "the completion's token ids are not known"))
        }
        return body(completionIDs)
    }
}
