/// One micro-batch as an objective sees it: the completion tokens of several sequences behind one another, no padding.
///
/// Row `i` is `rowOffsets[i]..<rowOffsets[i + 1]`; a row may be empty. Log-probabilities are natural logarithms (nats)
/// of the distribution at the rollout's temperature: the caller divides the logits by it.
public struct PolicyBatch: Sendable {
    /// Log-probability of each token under the policy that is being trained, `[N]`.
    public var logProbs: [Float]
    /// Where each row starts, and at last where the last one ends; `[rows + 1]`.
    public var rowOffsets: [Int]
    /// How far better than its group each row was, `[rows]`.
    public var advantages: [Float]
    /// Log-probability when the tokens were sampled, `[N]`; `nil` when the policy has not moved since: every ratio is 1.
    public var oldLogProbs: [Float]?
    /// Log-probability under the frozen reference policy, `[N]`; needed only for a KL penalty.
    public var referenceLogProbs: [Float]?
    /// Entropy of the distribution that each token was drawn from, nats, `[N]`.
    public var entropies: [Float]?
    /// False for tokens that the policy did not write itself (tool output), `[N]`; `nil` when it wrote all.
    public var mask: [Bool]?
    /// Factor of each token's surrogate loss, but not of its KL, `[N]`: the truncated importance weights that make up for
    /// rollouts by another engine.
    public var tokenWeights: [Float]?
    /// Log-probability by the engine that sampled, where it is not the trainer, `[N]`; `oldLogProbs` when `nil`.
    public var samplingLogProbs: [Float]?
    /// Where each group of rows starts, and at last where the last one ends; `nil` when all rows are one.
    public var groupOffsets: [Int]?
    /// What the loss is divided by.
    public var totals: PolicyTotals

    /// A batch; see the properties. Arrays of the wrong length are a programmer's mistake and trap.
    public init(
        logProbs: [Float], rowOffsets: [Int], advantages: [Float], totals: PolicyTotals, oldLogProbs: [Float]? = nil,
        referenceLogProbs: [Float]? = nil, entropies: [Float]? = nil, mask: [Bool]? = nil,
        tokenWeights: [Float]? = nil, samplingLogProbs: [Float]? = nil, groupOffsets: [Int]? = nil
    ) {
        self.logProbs = logProbs
        self.rowOffsets = rowOffsets
        self.advantages = advantages
        self.totals = totals
        self.oldLogProbs = oldLogProbs
        self.referenceLogProbs = referenceLogProbs
        self.entropies = entropies
        self.mask = mask
        self.tokenWeights = tokenWeights
        self.samplingLogProbs = samplingLogProbs
        self.groupOffsets = groupOffsets
        checkShapes()
    }

    /// Rows in the batch.
    public var rowCount: Int { advantages.count }

    /// The tokens of a row.
    public func row(_ index: Int) -> Range<Int> { rowOffsets[index]..<rowOffsets[index + 1] }

    /// The rows of each group.
    var groups: [Range<Int>] {
        let offsets = groupOffsets ?? [0, rowCount]
        return zip(offsets, offsets.dropFirst()).map { $0..<$1 }
    }

    /// Whether the policy wrote this token itself.
    func isActive(_ token: Int) -> Bool { mask?[token] ?? true }

    /// Traps when arrays do not fit together.
    func checkShapes() {
        let count = logProbs.count
        precondition(
            rowOffsets.count == rowCount + 1 && rowOffsets.first == 0 && rowOffsets.last == count
                && zip(rowOffsets, rowOffsets.dropFirst()).allSatisfy { $0 <= $1 },
            "PolicyBatch: rowOffsets \(rowOffsets.prefix(8)) must rise from 0 to \(count) over \(rowCount) rows")
        precondition(
            groupOffsets == nil || groupOffsets?.first == 0 && groupOffsets?.last == rowCount,
            "PolicyBatch: groupOffsets \(groupOffsets?.prefix(8) ?? []) must rise from 0 to \(rowCount)")
        for (name, length) in [
            ("oldLogProbs", oldLogProbs?.count), ("referenceLogProbs", referenceLogProbs?.count),
            ("entropies", entropies?.count), ("mask", mask?.count), ("tokenWeights", tokenWeights?.count),
            ("samplingLogProbs", samplingLogProbs?.count),
        ] {
            precondition(
                length == nil || length == count, "PolicyBatch: \(name) has \(length ?? 0) tokens, expected \(count)")
        }
    }
}

/// What losses are divided by, counted over everything that goes into one optimizer step.
///
/// With totals of the whole step, the step's loss is the sum of its micro-batches' losses, however they were cut.
public struct PolicyTotals: Sendable, Equatable {
    /// Completions of the whole step; TRL's batch size × gradient accumulation.
    public var sequences: Int
    /// Tokens of the whole step that are learned from, after all masks; TRL's `num_items_in_batch` × gradient
    /// accumulation / steps a generation.
    public var activeTokens: Double
    /// The longest completion that the rollout allows, tokens.
    public var maxCompletionLength: Int
    /// Micro-batches of the step.
    public var accumulation: Int

    /// Totals of a step.
    public init(sequences: Int, activeTokens: Double, maxCompletionLength: Int, accumulation: Int = 1) {
        self.sequences = sequences
        self.activeTokens = activeTokens
        self.maxCompletionLength = maxCompletionLength
        self.accumulation = accumulation
    }
}
