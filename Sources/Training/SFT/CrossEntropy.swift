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

    /// Computes the loss, and adds its gradient to that of the parameters.
    ///
    /// - Parameter adapter: The adapter as it is now, if there is one.
    /// - Parameter parameters: What is trained; `nil` only computes the loss, and drops nothing.
    /// - Parameter step: Steps of the run taken before; chooses what is dropped.
    /// - Throws: `TrainingError`: `notFinite` when the loss is, `interrupted`.
    public func callAsFunction(
        _ units: [TrainingUnit], adapter: Adapter?, parameters: ParameterSet?, step: Int = 0,
        signal: StopSignal = StopSignal()
    ) throws(TrainingError) -> Result {
        var numbered = units
        for index in numbered.indices { numbered[index].group.unit = index }
        let keepsAll = parameters == nil || dropout.rate == 0
        let batches = TrainingUnit.packing(numbered, budget: limits.packing(model), size: \.tokenCount).map { units in
            var batch = MicroBatch(
                units, adapter: adapter, model: model,
                dropout: keepsAll
                    ? nil : { RowDropout(rate: dropout.rate, seed: dropout.seed, step: step, places: $0) })
            if parameters != nil { batch.balance(model, coefficient: routerBalance, units: numbered.count) }
            return batch
        }
        let total = batches.reduce(0) { $0 + $1.rows.count }
        var (loss, entropy, times) = (0.0, 0.0, PassTimes())
        for batch in batches where !batch.rows.isEmpty {
            try signal.check()
            var watch = Stopwatch()
            let output = batch.tokenLogProbs(  // [rows, 2]
                model, temperature: 1, parameters: parameters, limits: limits)
            for row in batch.rows.indices {
                loss -= Double(output.floats[2 * row])
                entropy += Double(output.floats[2 * row + 1])
            }
            guard loss.isFinite else {
                throw TrainingError(
                    .notFinite, "the loss is \(loss); lower the learning rate and go on from the last saved step")
            }
            times.forward += watch.lap()
            guard parameters != nil else { continue }
            let seed = Tensor.zeros(output.shape)
            for row in batch.rows.indices { seed.floats[2 * row] = -1 / Float(total) }
            output.backward(seed: seed)
            times.backward += watch.lap()
        }
        let divisor = Double(max(total, 1))
        return Result(loss: loss / divisor, entropy: entropy / divisor, tokens: total, times: times)
    }
}
