/// What is minimised in a policy update: a value, chosen once from the recipe.
///
///     loss = Σ_t m_t · c_t · ( w_t · ℓ(ρ_t, A, logπ_t) + β · KL_t ) − α · H
///
/// `ℓ` is the surrogate, `ρ` the importance ratio (of a token or of its sequence), `c` the normalisation, `w` the token
/// selection and weights, `m` the mask, and `H` the mean entropy. Each part is documented in its own file; the
/// algorithms of the literature are static functions that put the parts together (`grpo`, `dapo`, `gspo`, …).
public struct PolicyObjective: Sendable {
    /// The algorithm's name in recipes.
    public var name: String
    /// Loss of one token.
    public var surrogate: any PolicySurrogate
    /// Whether tokens or whole sequences are weighed against the policy that sampled them.
    public var ratioLevel: RatioLevel
    /// What the sum over tokens is divided by.
    public var normalization: LossNormalization
    /// What keeps the policy near its reference; `nil` leaves the reference model out.
    public var kl: KLPenalty?
    /// Which tokens and sequences are left out of the surrogate.
    public var selection: TokenSelection
    /// What keeps the policy from becoming deterministic; `nil` leaves it out.
    public var entropyBonus: EntropyBonus?

    /// An objective from its parts.
    public init(
        name: String, surrogate: any PolicySurrogate, ratioLevel: RatioLevel = .token,
        normalization: LossNormalization, kl: KLPenalty? = nil, selection: TokenSelection = TokenSelection(),
        entropyBonus: EntropyBonus? = nil
    ) {
        self.name = name
        self.surrogate = surrogate
        self.ratioLevel = ratioLevel
        self.normalization = normalization
        self.kl = kl
        self.selection = selection
        self.entropyBonus = entropyBonus
    }

    /// Whether the loss is a sum over sequences, none of which counts for another one's part: then it does not matter which of
    /// them are computed together.
    var isSumOfSequences: Bool {
        normalization != .batchTokens && selection.topEntropyQuantile == 1 && entropyBonus?.normalization != .microBatch
    }

    /// The loss of a micro-batch, its gradient, and what the logs say. Computed in double precision.
    public func evaluate(_ batch: PolicyBatch) -> PolicyGradient {
        batch.checkShapes()
        let logProbs = batch.logProbs.map(Double.init)
        let result = evaluate(batch, logProbs: logProbs, oldLogProbs: batch.oldLogProbs?.map(Double.init) ?? logProbs)
        return PolicyGradient(
            loss: Float(result.loss), dLogProbs: result.dLogProbs.map { Float($0) },
            dEntropies: entropyBonus?.gradient(batch), metrics: result.metrics)
    }

    /// As `evaluate`, for log-probabilities in double precision.
    func evaluate(_ batch: PolicyBatch, logProbs: [Double], oldLogProbs: [Double])
        -> (loss: Double, dLogProbs: [Double], metrics: [String: Double])
    {
        let coefficients = normalization.coefficients(batch)
        let weights = selection.weights(batch, logProbs: logProbs)
        var means = MaskedMeans(batch)
        var loss = 0.0
        var dLogProbs = [Double](repeating: 0, count: logProbs.count)

        for index in 0..<batch.rowCount {
            let row = batch.row(index)
            let active = row.filter(batch.isActive)
            let advantage = Double(batch.advantages[index])
            let logRatios = active.map { logProbs[$0] - oldLogProbs[$0] }
            let ratios = ratioLevel.ratios(logRatios)
            let corrections = kl == nil ? ratios : ratioLevel.correction.ratios(logRatios)
            var dRatios = [Double](repeating: 0, count: active.count)
            var dCorrections = dRatios
            if active.isEmpty, normalization == .sequence {
                loss += coefficients[index] * surrogate.loss(ratio: 1, advantage: advantage, logProb: 0).value
            }
            for (position, token) in active.enumerated() {
                let ratio = ratios.values[position]
                let logProb = logProbs[token]
                let scale = coefficients[index]
                let term = surrogate.loss(ratio: ratio, advantage: advantage, logProb: logProb)
                let weight = scale * weights[token]
                loss += weight * term.value
                dRatios[position] += weight * term.dRatio
                dLogProbs[token] += weight * term.dLogProb
                if let kl, let reference = batch.referenceLogProbs?[token] {
                    let penalty = kl.term(
                        logProb: logProb, reference: Double(reference), ratio: corrections.values[position])
                    loss += scale * kl.coefficient * penalty.value
                    dCorrections[position] += scale * kl.coefficient * penalty.dRatio
                    dLogProbs[token] += scale * kl.coefficient * penalty.dLogProb
                    means.add("kl", penalty.value)
                }
            }
            let dLogRatios = zip(ratios.gradient(dRatios), corrections.gradient(dCorrections)).map { $0 + $1 }
            for (gradient, token) in zip(dLogRatios, active) { dLogProbs[token] += gradient }
            means.addClipping(surrogate, level: ratioLevel, ratios: ratios.values, advantage: advantage)
        }
        if let entropies = batch.entropies {
            for token in logProbs.indices where batch.isActive(token) { means.add("entropy", Double(entropies[token])) }
        }
        var metrics = means.metrics(surrogate, level: ratioLevel)
        if let entropyBonus {
            metrics["policy_loss"] = loss
            metrics["entropy_coef"] = entropyBonus.coefficient
            loss -= entropyBonus.value(batch)
        }
        return (loss, dLogProbs, metrics)
    }
}

/// What an objective says about a micro-batch.
public struct PolicyGradient: Sendable, Equatable {
    /// The micro-batch's share of the step's loss.
    public let loss: Float
    /// Derivative of the loss by each token's log-probability, `[N]`; 0 at masked tokens.
    public let dLogProbs: [Float]
    /// Derivative of the loss by each token's entropy, `[N]`; `nil` without an entropy bonus.
    public let dEntropies: [Float]?
    /// TRL's names (`kl`, `entropy`, `clip_ratio/region_mean`, …) and the micro-batch's values.
    public let metrics: [String: Double]
}
