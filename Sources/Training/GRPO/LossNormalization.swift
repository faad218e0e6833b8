/// What the sum of token losses is divided by. This is all that sets GRPO, BNPO, Dr. GRPO and DAPO apart.
///
/// With B sequences in the optimizer step, n_i active tokens in sequence i:
///
///     sequenceMean      c = 1 / (B · max(n_i, 1))
///     batchTokens       c = 1 / (max(Σ_i n_i, 1) · accumulation)      sums over this micro-batch
///     constantLength    c = 1 / (B · maximum completion length)
///     stepTokens        c = 1 / (active tokens of the whole step)
///     sequenceSum       c = 1 / B
///     sequence          c = 1 / (B · max(n_i, 1)), and a sequence without tokens counts with the ratio 1
public enum LossNormalization: String, Sendable, CaseIterable {
    /// The mean of each sequence, then the mean of those: a token of a long completion counts less.
    case sequenceMean
    /// The mean over the micro-batch's tokens; depends on how a step is cut into micro-batches.
    case batchTokens
    /// A constant: a token counts the same in each completion, step and micro-batch.
    case constantLength
    /// The mean over the step's tokens.
    case stepTokens
    /// The sum of each sequence, and the mean of those: a long completion counts more.
    case sequenceSum
    /// One term for each sequence, for losses that are the same for all its tokens (RLOO).
    case sequence

    /// The factor of each row's tokens; finite whatever is empty.
    func coefficients(_ batch: PolicyBatch) -> [Double] {
        let totals = batch.totals
        let sequences = Double(max(totals.sequences, 1))
        switch self {
        case .sequenceMean, .sequence:
            return (0..<batch.rowCount).map { index in
                1 / (sequences * Double(max(batch.row(index).count(where: batch.isActive), 1)))
            }
        case .batchTokens:
            let active = batch.logProbs.indices.count(where: batch.isActive)
            return constant(Double(max(active, 1)) * Double(max(totals.accumulation, 1)), batch)
        case .constantLength: return constant(sequences * Double(max(totals.maxCompletionLength, 1)), batch)
        case .sequenceSum: return constant(sequences, batch)
        case .stepTokens: return constant(totals.activeTokens > 0 ? totals.activeTokens : 1, batch)
        }
    }

    private func constant(_ divisor: Double, _ batch: PolicyBatch) -> [Double] {
        [Double](repeating: 1 / divisor, count: batch.rowCount)
    }
}
