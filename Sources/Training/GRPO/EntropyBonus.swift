/// A reward for staying undecided, which keeps exploration alive.
///
///     microBatch    loss −= α · Σ_t m_t·H_t / max(Σ_t m_t, 1) / accumulation        sums over this micro-batch
///     step          loss −= α · Σ_t m_t·H_t / (active tokens of the whole step)
///
/// Source: Williams & Peng 1991. The mean is over tokens, whatever the policy loss is divided by. Leaves out: any
/// adaptation of α.
public struct EntropyBonus: Sendable, Equatable {
    /// α; 0.001 to 0.01 is usual.
    public var coefficient: Double
    /// Over which tokens the mean is taken.
    public var normalization: Normalization

    /// Over which tokens the mean is taken.
    public enum Normalization: Sendable {
        /// Those of the micro-batch, as in TRL: depends on how a step is cut.
        case microBatch
        /// Those of the whole step.
        case step
    }

    /// A bonus, or `nil` when the coefficient is 0.
    public init?(coefficient: Double, normalization: Normalization = .microBatch) {
        guard coefficient != 0 else { return nil }
        self.coefficient = coefficient
        self.normalization = normalization
    }

    /// What is taken from the loss; 0 when the batch has no entropies.
    func value(_ batch: PolicyBatch) -> Double {
        guard let entropies = batch.entropies else { return 0 }
        let scale = scale(batch)
        return entropies.indices.reduce(0) { batch.isActive($1) ? $0 + scale * Double(entropies[$1]) : $0 }
    }

    /// The derivative of the loss by each entropy.
    func gradient(_ batch: PolicyBatch) -> [Float] {
        let scale = scale(batch)
        return batch.logProbs.indices.map { batch.isActive($0) ? Float(-scale) : 0 }
    }

    private func scale(_ batch: PolicyBatch) -> Double {
        if normalization == .step { return coefficient / max(batch.totals.activeTokens, 1) }
        let active = batch.logProbs.indices.count(where: batch.isActive)
        return coefficient / Double(max(active, 1)) / Double(max(batch.totals.accumulation, 1))
    }
}
