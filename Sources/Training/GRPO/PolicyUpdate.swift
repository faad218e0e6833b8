import Distribution
import QwenModel
import TensorCore

/// Computes the gradient of a policy objective over the groups of a rollout.
///
/// Groups are computed in pieces, on one rank or several, and within a piece in micro-batches. Gradients are added in an
/// order that the groups alone fix, so they are the same bits for every number of ranks, and as long as no group has to be
/// cut for all limits. (When every parameter is trained, a weight that the embedding and the vocabulary projection share is
/// the exception: both add to it in every micro-batch.)
public struct PolicyUpdate: Sendable {
    /// What is minimised.
    public var objective: PolicyObjective
    /// The model.
    public var model: QwenModel
    /// The rollout's temperature: log-probabilities are those of logits divided by it.
    public var temperature: Float
    /// How much is computed at a time.
    public var limits: PassLimits
    /// The longest completion that the rollout allows, tokens.
    public var maxCompletionLength: Int
    /// What the routers' load-balancing loss counts in the gradient; 0: nothing.
    public var routerBalance = 0.0

    /// An update.
    public init(
        objective: PolicyObjective, model: QwenModel, temperature: Float, limits: PassLimits, maxCompletionLength: Int
    ) {
        self.objective = objective
        self.model = model
        self.temperature = temperature
        self.limits = limits
        self.maxCompletionLength = maxCompletionLength
    }

    /// Makes the gradient of the parameters that of the objective.
    ///
    /// Groups without any advantage are left out where they could not change anything: without a KL penalty, an entropy
    /// bonus and a balance of routers. They still count in what the loss is divided by. With a KL penalty every sample
    /// needs its `referenceLogProbs`.
    ///
    /// - Parameter adapter: The adapter as it is now; `nil` when every parameter is trained.
    /// - Parameter ranks: Who computes; all of them call this with the same groups.
    /// - Throws: `TrainingError`: `notFinite` when the loss is, `interrupted`.
    public func accumulate(
        _ groups: [PolicyGroup], adapter: Adapter?, parameters: ParameterSet, signal: StopSignal = StopSignal(),
        ranks: RankGroup = .alone
    ) throws(TrainingError) -> PolicyUpdateResult {
        let needsAll = objective.kl != nil || objective.entropyBonus != nil || routerBalance > 0
        var units = groups.filter { needsAll || $0.hasSignal }.flatMap { $0.units(budget: limits.tokens) }
        if routerBalance == 0, objective.isSumOfSequences { units = units.cutForShares() }
        let pieces = GradientPieces(units.map(\.unit.tokenCount), parameterCount: parameters.count)
        let batches = pieces.ranges.map {
            TrainingUnit.packing(Array(units[$0]), budget: limits.packing(model)) { $0.unit.tokenCount }
        }
        let (count, samples) = (units.count, groups.flatMap(\.samples))
        let totals = PolicyTotals(
            sequences: samples.count, activeTokens: samples.reduce(0) { $0 + Double($1.activeTokens) },
            maxCompletionLength: maxCompletionLength, accumulation: batches.reduce(0) { $0 + $1.count })
        let results = try pieces.run(ranks, parameters: parameters) { piece, reached throws(TrainingError) in
            var result = PolicyUpdateResult()
            for (index, units) in batches[piece].enumerated() {
                try signal.check()
                result.add(
                    try gradient(units, of: count, totals: totals, adapter: adapter, parameters: parameters) {
                        if index == batches[piece].count - 1 { reached($0) }
                    })
            }
            return result
        }
        var result = results.reduce(into: PolicyUpdateResult()) { $0.add($1) }
        result.times = result.times / ranks.count
        return result
    }

    /// One micro-batch: forward, objective, backward.
    ///
    /// - Parameter reached: Told the milestones of the backward pass.
    private func gradient(
        _ units: [PolicyGroup], of count: Int, totals: PolicyTotals, adapter: Adapter?, parameters: ParameterSet,
        reached: (_ milestone: Int) -> Void
    ) throws(TrainingError) -> PolicyUpdateResult {
        var watch = Stopwatch()
        var pass = MicroBatch(units.map(\.unit), adapter: adapter, model: model)
        pass.balance(model, coefficient: routerBalance, units: count)
        guard !pass.rows.isEmpty else { return PolicyUpdateResult(microBatches: 1) }
        let output = pass.tokenLogProbs(
            model, temperature: temperature, parameters: parameters, limits: limits,
            entropyGradient: objective.entropyBonus != nil)  // [rows, 2]
        let batch = policyBatch(units, output: output, totals: totals)
        let gradient = objective.evaluate(batch)
        guard gradient.loss.isFinite else {
            throw TrainingError(
                .notFinite, "the loss is \(gradient.loss); lower the learning rate and go on from the last saved step")
        }
        let seed = Tensor(shape: output.shape)
        for row in pass.rows.indices {
            seed.floats[2 * row] = gradient.dLogProbs[row]
            seed.floats[2 * row + 1] = gradient.dEntropies?[row] ?? 0
        }
        var times = PassTimes(forward: watch.lap())
        output.backward(seed: seed, reached: reached)
        times.backward = watch.lap()
        var result = PolicyUpdateResult(gradient, batch: batch, level: objective.ratioLevel)
        result.times = times
        return result
    }

    private func policyBatch(_ units: [PolicyGroup], output: Tensor, totals: PolicyTotals) -> PolicyBatch {
        let samples = units.flatMap(\.samples)
        let columns = output.toArray()
        func column(_ index: Int, of columns: [Float]) -> [Float] {
            stride(from: index, to: columns.count, by: 2).map { columns[$0] }
        }
        let reference = objective.kl == nil ? [] : samples.compactMap(\.referenceLogProbs)
        precondition(
            objective.kl == nil || reference.count == samples.count,
            "PolicyUpdate: \(reference.count) of \(samples.count) samples have log-probabilities of the reference")
        let old = samples.compactMap(\.oldLogProbs)
        let masks = samples.map(\.mask)
        let weights = samples.compactMap(\.tokenWeights)
        let sampling = samples.compactMap(\.samplingLogProbs)
        return PolicyBatch(
            logProbs: column(0, of: columns),
            rowOffsets: samples.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.tokens.count) },
            advantages: samples.map(\.advantage), totals: totals,
            oldLogProbs: old.count == samples.count ? old.flatMap { $0 } : nil,
            referenceLogProbs: objective.kl == nil ? nil : reference.flatMap { $0 },
            entropies: column(1, of: columns),
            mask: masks.contains { $0 != nil }
                ? zip(samples, masks).flatMap { $1 ?? [Bool](repeating: true, count: $0.tokens.count) } : nil,
            tokenWeights: weights.count == samples.count ? weights.flatMap { $0 } : nil,
            samplingLogProbs: sampling.count == samples.count ? sampling.flatMap { $0 } : nil,
            groupOffsets: units.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.samples.count) })
    }
}
