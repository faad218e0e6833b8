import Distribution
import QwenModel

extension [PolicyGroup] {
    /// The log-probabilities of all tokens of all samples under a policy, by group and sample, in nats: the bits that an
    /// update computes for them before the policy moves.
    ///
    /// - Parameter limits: How much is computed at a time; changes no bit.
    /// - Parameter ranks: Who computes; all of them call this with the same groups.
    /// - Throws: `TrainingError` (`interrupted`).
    func logProbs(
        _ model: QwenModel, adapter: Adapter?, temperature: Float, limits: PassLimits, signal: StopSignal,
        ranks: RankGroup = .alone
    ) throws(TrainingError) -> [[[Float]]] {
        let units = flatMap { $0.units(budget: limits.tokens) }
        let batches = TrainingUnit.packing(units, budget: limits.packing(model)) { $0.unit.tokenCount }
        let costs = batches.map { Double($0.reduce(0) { $0 + $1.unit.tokenCount }) }
        let parts = try ranks.map(costs: costs) { piece throws(TrainingError) in
            try signal.check()
            let pass = MicroBatch(batches[piece].map(\.unit), adapter: adapter, model: model)
            guard !pass.rows.isEmpty else { return LogProbs(values: []) }
            let output = pass.tokenLogProbs(  // [rows, 2]
                model, temperature: temperature, parameters: nil, limits: limits
            ).toArray()
            return LogProbs(values: stride(from: 0, to: output.count, by: 2).map { output[$0] })
        }
        var rest = parts.flatMap(\.values)[...]
        return map { group in
            group.samples.map { sample in
                defer { rest = rest.dropFirst(sample.tokens.count) }
                return Array<Float>(rest.prefix(sample.tokens.count))
            }
        }
    }
}

/// Log-probabilities on their way between ranks.
private struct LogProbs: Portable {
    let values: [Float]

    init(values: [Float]) { self.values = values }
    init(from message: inout MessageReader) throws(DistributionError) { values = try message.floats() }
    func write(to message: inout MessageWriter) { message.add(values) }
}
