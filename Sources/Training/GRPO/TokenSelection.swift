/// Which tokens and sequences the surrogate learns from; the KL penalty still sees all of them.
public struct TokenSelection: Sendable, Equatable {
    /// Share of the tokens with the highest entropy that are learned from; 1 is all. The few tokens where a completion
    /// forks carry most of the signal. The share is taken of the tokens of a group where `PolicyBatch.groupOffsets` says
    /// which those are, else of the micro-batch (TRL's choice, which depends on how a step is cut).
    ///
    /// Source: Wang et al. 2025, arXiv:2506.01939, equation 5. Needs `PolicyBatch.entropies`.
    public var topEntropyQuantile: Double
    /// Sequences with a negative advantage whose mean `logπ_sampled − logπ` exceeds this are left out, nats a token;
    /// `nil` keeps all. A policy that has moved far from what it sampled learns little from its mistakes.
    ///
    /// Source: DeepSeek-AI 2025, arXiv:2512.02556, equation 9.
    public var offPolicyThreshold: Double?

    /// A selection; the default learns from everything.
    public init(topEntropyQuantile: Double = 1, offPolicyThreshold: Double? = nil) {
        self.topEntropyQuantile = topEntropyQuantile
        self.offPolicyThreshold = offPolicyThreshold
    }

    /// The factor of each token's surrogate loss: 0 where it is left out, else the batch's token weight.
    func weights(_ batch: PolicyBatch, logProbs: [Double]) -> [Double] {
        var weights = batch.tokenWeights?.map(Double.init) ?? [Double](repeating: 1, count: logProbs.count)
        if topEntropyQuantile < 1, let entropies = batch.entropies {
            for rows in batch.groups where !rows.isEmpty {
                let tokens = batch.rowOffsets[rows.lowerBound]..<batch.rowOffsets[rows.upperBound]
                let active = tokens.filter(batch.isActive).map { Double(entropies[$0]) }
                let threshold = Self.quantile(active, 1 - topEntropyQuantile)
                for token in tokens where Double(entropies[token]) < threshold { weights[token] = 0 }
            }
        }
        if let offPolicyThreshold, let sampled = batch.samplingLogProbs ?? batch.oldLogProbs {
            for index in 0..<batch.rowCount where batch.advantages[index] < 0 {
                let active = batch.row(index).filter(batch.isActive)
                let sum = active.reduce(0) { $0 + Double(sampled[$1]) - logProbs[$1] }
                guard sum / Double(max(active.count, 1)) > offPolicyThreshold else { continue }
                for token in batch.row(index) { weights[token] = 0 }
            }
        }
        return weights
    }

    /// The quantile by linear interpolation, as `torch.quantile`; −∞ of nothing.
    static func quantile(_ values: [Double], _ share: Double) -> Double {
        guard !values.isEmpty else { return -.infinity }
        let sorted = values.sorted()
        let place = min(max(share, 0), 1) * Double(sorted.count - 1)
        let lower = Int(place)
        let upper = min(lower + 1, sorted.count - 1)
        return sorted[lower] + (place - Double(lower)) * (sorted[upper] - sorted[lower])
    }
}
