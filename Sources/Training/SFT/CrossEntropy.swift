import Distribution
import QwenModel
import TensorCore

/// The mean negative log-probability of the learned tokens of a batch.
///
///     loss = −1/M Σ_t m_t · logπ_t          dloss/dlogπ_t = −m_t / M          M = Σ_t m_t over the whole batch
///
/// Since M counts the whole batch, the loss and its gradient do not depend on how the batch is cut into micro-batches.
public struct CrossEntropy: Sendable {
    /// The model.
    public var model: QwenModel
    /// How much is computed at a time.
    public var limits: PassLimits
    /// The share of the adapter's inputs that are dropped while gradients are computed, and the seed of the draws.
    public var dropout: (rate: Double, seed: UInt64) = (0, 0)
    /// What the routers' load-balancing loss counts in the gradient; 0: nothing.
    public var routerBalance = 0.0

    /// A loss.
    public init(model: QwenModel, limits: PassLimits) {
        self.model = model
        self.limits = limits
    }

    /// What a batch gives.
    public struct Result: Sendable {
        /// The mean, nats a token; 0 without learned tokens.
        public let loss: Double
        /// The mean entropy of the predicted distributions, nats.
        public let entropy: Double
        /// Learned tokens.
        public let tokens: Int
        /// How long the passes took.
        public let times: PassTimes
    }

    /// Computes the loss, and makes the gradient of the parameters its gradient.
    ///
    /// - Parameter adapter: The adapter as it is now, if there is one.
    /// - Parameter parameters: What is trained; `nil` only computes the loss, and drops nothing.
    /// - Parameter step: Steps of the run taken before; chooses what is dropped.
    /// - Parameter ranks: Who computes; all of them call this with the same units.
    /// - Throws: `TrainingError`: `notFinite` when the loss is, `interrupted`.
    public func callAsFunction(
        _ units: [TrainingUnit], adapter: Adapter?, parameters: ParameterSet?, step: Int = 0,
        signal: StopSignal = StopSignal(), ranks: RankGroup = .alone
    ) throws(TrainingError) -> Result {
        var numbered = units
        for index in numbered.indices { numbered[index].group.unit = index }
        let pieces = GradientPieces(numbered.map(\.tokenCount), parameterCount: parameters?.count ?? 0)
        let batches = pieces.ranges.map { range in
            TrainingUnit.packing(Array(numbered[range]), budget: limits.packing(model), size: \.tokenCount).map {
                batch($0, of: numbered.count, adapter: adapter, step: step, isRecorded: parameters != nil)
            }
        }
        let total = batches.joined().reduce(0) { $0 + $1.rows.count }
        let results = try pieces.run(ranks, parameters: parameters) { piece, reached throws(TrainingError) in
            var sums = Sums()
            for (index, batch) in batches[piece].enumerated() where !batch.rows.isEmpty {
                try signal.check()
                try add(batch, of: total, parameters: parameters, to: &sums) {
                    if index == batches[piece].count - 1 { reached($0) }
                }
            }
            return sums
        }
        let sums = results.reduce(into: Sums()) { $0.add($1) }
        let divisor = Double(max(total, 1))
        return Result(
            loss: sums.loss / divisor, entropy: sums.entropy / divisor, tokens: total, times: sums.times / ranks.count)
    }

    /// One micro-batch as it is computed.
    private func batch(
        _ units: [TrainingUnit], of count: Int, adapter: Adapter?, step: Int, isRecorded: Bool
    ) -> MicroBatch {
        var batch = MicroBatch(
            units, adapter: adapter, model: model,
            dropout: !isRecorded || dropout.rate == 0
                ? nil : { RowDropout(rate: dropout.rate, seed: dropout.seed, step: step, places: $0) })
        if isRecorded { batch.balance(model, coefficient: routerBalance, units: count) }
        return batch
    }

    /// Computes one micro-batch, and adds to the gradient.
    ///
    /// - Parameter reached: Told the milestones of the backward pass.
    private func add(
        _ batch: MicroBatch, of total: Int, parameters: ParameterSet?, to sums: inout Sums,
        reached: (_ milestone: Int) -> Void
    ) throws(TrainingError) {
        var watch = Stopwatch()
        let output = batch.tokenLogProbs(  // [rows, 2]
            model, temperature: 1, parameters: parameters, limits: limits)
        for row in batch.rows.indices {
            sums.loss -= Double(output.floats[2 * row])
            sums.entropy += Double(output.floats[2 * row + 1])
        }
        guard sums.loss.isFinite else {
            throw TrainingError(
                .notFinite, "the loss is \(sums.loss); lower the learning rate and go on from the last saved step")
        }
        sums.times.forward += watch.lap()
        guard parameters != nil else { return }
        let seed = Tensor.zeros(output.shape)
        for row in batch.rows.indices { seed.floats[2 * row] = -1 / Float(total) }
        output.backward(seed: seed, reached: reached)
        sums.times.backward += watch.lap()
    }

    /// What pieces of a batch add up to.
    private struct Sums: Portable {
        var loss = 0.0
        var entropy = 0.0
        var times = PassTimes()

        init() {}

        mutating func add(_ other: Sums) {
            loss += other.loss
            entropy += other.entropy
            times = times + other.times
        }

        func write(to message: inout MessageWriter) {
            for value in [loss, entropy, times.forward, times.backward] { message.add(value) }
        }

        init(from message: inout MessageReader) throws(DistributionError) {
            loss = try message.number()
            entropy = try message.number()
            times = PassTimes(forward: try message.number(), backward: try message.number())
        }
    }
}
