import QwenModel

/// A completion as the update sees it.
public struct PolicySample: Sendable {
    /// The tokens as they were sampled.
    public var tokens: [Int]
    /// Log-probability of each when it was sampled, nats; `nil` when the policy has not moved since.
    public var oldLogProbs: [Float]?
    /// Log-probability of each by the engine that sampled it, where that is not the trainer; nats.
    public var samplingLogProbs: [Float]?
    /// Factor of each token's surrogate loss, which makes up for the difference between the two; `nil`: 1.
    public var tokenWeights: [Float]?
    /// Log-probability of each under the reference policy, nats; needed only for a KL penalty.
    public var referenceLogProbs: [Float]?
    /// How much better than its group it is.
    public var advantage: Float
    /// Whether it is left out of the loss.
    public var isMasked: Bool
    /// Tokens that were put in, not chosen: they are read, but left out of the loss, the ratios and the divergence.
    public var inserted: Range<Int>

    /// A sample.
    public init(
        tokens: [Int], oldLogProbs: [Float]?, advantage: Float, isMasked: Bool = false, inserted: Range<Int> = 0..<0
    ) {
        self.tokens = tokens
        self.oldLogProbs = oldLogProbs
        self.advantage = advantage
        self.isMasked = isMasked
        self.inserted = inserted
    }

    /// Tokens that are learned from.
    var activeTokens: Int { isMasked ? 0 : tokens.count - inserted.count }

    /// Whether each token is learned from; `nil` for all.
    var mask: [Bool]? {
        guard isMasked || !inserted.isEmpty else { return nil }
        return tokens.indices.map { !isMasked && !inserted.contains($0) }
    }

    /// What a divergence that is taken from the reward is estimated on: the log-probabilities, then and of the reference,
    /// of the tokens that were chosen.
    var chosenLogProbs: (old: [Float], reference: [Float]) {
        func chosen(_ values: [Float]?) -> [Float] {
            guard let values else { return [] }
            return inserted.isEmpty ? values : values.indices.filter { !inserted.contains($0) }.map { values[$0] }
        }
        return (chosen(oldLogProbs), chosen(referenceLogProbs))
    }
}

/// A prompt and samples that continue it; its tokens are computed once.
public struct PolicyGroup: Sendable {
    /// The prompt's tokens.
    public var prompt: [Int]
    /// The samples.
    public var samples: [PolicySample]

    /// A group.
    public init(prompt: [Int], samples: [PolicySample]) {
        self.prompt = prompt
        self.samples = samples
    }

    /// Whether the surrogate has a gradient here: the advantage of some sample that counts is not zero.
    var hasSignal: Bool { samples.contains { $0.advantage != 0 && $0.activeTokens > 0 } }

    /// The unit of one pass.
    var unit: TrainingUnit {
        TrainingUnit(group: TokenBatch.Group(prompt: prompt, completions: samples.map(\.tokens)))
    }

    /// The group as units: itself where it fits the budget, else cut between samples, as many together as fit, with the
    /// prompt in each. A function of the group and the budget alone.
    func units(budget: Int) -> [PolicyGroup] {
        var units: [PolicyGroup] = []
        var room = 0
        for sample in samples {
            let size = max(0, sample.tokens.count - 1)
            if units.isEmpty || size > room {
                units.append(PolicyGroup(prompt: prompt, samples: []))
                room = budget - prompt.count
            }
            units[units.count - 1].samples.append(sample)
            room -= size
        }
        return units
    }
}
