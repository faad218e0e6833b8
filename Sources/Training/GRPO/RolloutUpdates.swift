import Distribution
import QwenModel

/// The optimizer steps of one rollout: passes over its groups, each pass in mini-batches.
///
/// The first step of all must see the policy that sampled, bit for bit. The later ones see a policy that has moved, and
/// weigh it against the recorded log-probabilities. All steps are taken, or none: a failure puts the parameters back.
struct RolloutUpdates {
    let parts: GRPOTrainer.Parts
    let parameters: TrainedParameters
    /// Steps of the run taken before.
    let step: Int
    let signal: StopSignal
    /// Who takes the steps together.
    let ranks: RankGroup
    /// What was done.
    private(set) var records: [PolicyUpdateRecord] = []
    /// What could not be done.
    private(set) var failure: FailedBatch?

    init(
        _ parts: GRPOTrainer.Parts, parameters: TrainedParameters, step: Int, signal: StopSignal,
        ranks: RankGroup = .alone
    ) {
        (self.parts, self.parameters, self.step) = (parts, parameters, step)
        (self.signal, self.ranks) = (signal, ranks)
    }

    /// Takes the steps.
    ///
    /// - Parameter adapter: The adapter as it is now; left as it is after the steps.
    /// - Parameter optimizer: The optimizer's memory; on failure to be thrown away.
    /// - Throws: `TrainingError`: `notFinite`, `mismatch`, `interrupted`; the parameters are as they were.
    mutating func run(
        _ groups: [PolicyGroup], adapter: inout Adapter?, optimizer: inout OptimizerState
    ) throws(TrainingError) {
        let batches = Self.cut(groups, into: parts.miniBatches)
        let total = batches.count * parts.updatesPerRollout
        let before = total > 1 ? parameters.set.values.toArray() : nil
        for index in 0..<total {
            let batch = batches[index % batches.count]
            do throws(TrainingError) {
                // Once the parameters have moved, the step is finished whatever comes.
                let result = try gradient(batch, adapter: adapter, isFirst: index == 0)
                let watch = Stopwatch()
                let norm = try parts.optimizer.advance(parameters.set, state: &optimizer, step: step)
                adapter = parameters.install()
                records.append(
                    PolicyUpdateRecord(result: result, gradientNorm: norm, optimizerSeconds: watch.seconds))
            } catch {
                parameters.set.clearGradients()
                if index > 0, let before { restore(before, adapter: &adapter) }
                failure = FailedBatch(
                    step: step + 1, update: index + 1, error: error, objective: parts.update.objective.name,
                    learningRate: parts.optimizer.schedule.rate(at: step), groups: batch)
                throw error
            }
        }
    }

    /// Cuts groups into parts of sizes that differ by 1 at most, in order; none is empty.
    static func cut<Element>(_ elements: [Element], into count: Int) -> [[Element]] {
        let count = min(count, elements.count)
        return (0..<count).map { part in
            Array(elements[part * elements.count / count..<(part + 1) * elements.count / count])
        }
    }

    /// The gradient of the objective.
    ///
    /// - Parameter isFirst: Whether the parameters are those of the rollout: then the log-probabilities must be the
    ///   recorded ones, bit for bit.
    private func gradient(
        _ groups: [PolicyGroup], adapter: Adapter?, isFirst: Bool
    ) throws(TrainingError) -> PolicyUpdateResult {
        let result = try parts.update.accumulate(
            groups, adapter: adapter, parameters: parameters.set, signal: isFirst ? signal : StopSignal(),
            ranks: ranks)
        guard !isFirst || result.logProbGap == 0 else {
            throw TrainingError(
                .mismatch,
                "step \(step + 1): log-probabilities differ by up to \(result.logProbGap) from those recorded "
                    + "in the rollout, expected not at all; did the kernels change, or is memory faulty? Please report it"
            )
        }
        return result
    }

    private func restore(_ values: [Float], adapter: inout Adapter?) {
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { parameters.set.values.floats.update(from: base, count: source.count) }
        }
        adapter = parameters.install()
    }
}
