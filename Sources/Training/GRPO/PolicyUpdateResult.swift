import Distribution

/// What a policy update says about the groups that it saw.
public struct PolicyUpdateResult: Sendable {
    /// The loss.
    public private(set) var loss = 0.0
    /// The largest difference between a log-probability as it was sampled and as it was computed again, nats. While the
    /// policy has not moved since, it is exactly 0: generation and training share one forward pass.
    public private(set) var logProbGap = 0.0
    /// Forward and backward passes that it took.
    public private(set) var microBatches: Int
    /// How long they took; the mean of the ranks.
    public internal(set) var times = PassTimes()
    /// TRL's metrics of the micro-batches' weighted means, smallest and largest values.
    private var sums: [String: (sum: Double, weight: Double)] = [:]

    /// The result of nothing yet.
    init(microBatches: Int = 0) { self.microBatches = microBatches }

    /// The result of one micro-batch.
    init(_ gradient: PolicyGradient, batch: PolicyBatch, level: RatioLevel) {
        microBatches = 1
        loss = Double(gradient.loss)
        for (new, old) in zip(batch.logProbs, batch.oldLogProbs ?? []) {
            widenGap(Double(abs(new - old)))
        }
        let tokens = Double(batch.logProbs.indices.count(where: batch.isActive))
        for (name, value) in gradient.metrics {
            let isOfSequences = level != .token && (name.contains("clip_ratio") || name.hasPrefix("vespo/"))
            sums[name] = (value, isOfSequences ? Double(batch.rowCount) : tokens)
        }
    }

    /// Adds the result of the next micro-batch.
    mutating func add(_ other: PolicyUpdateResult) {
        loss += other.loss
        microBatches += other.microBatches
        times = times + other.times
        widenGap(other.logProbGap)
        for (name, new) in other.sums {
            guard let old = sums[name] else {
                sums[name] = new
                continue
            }
            switch name {
            case "policy_loss": sums[name] = (old.sum + new.sum, 1)
            case _ where name.hasSuffix("_min"): sums[name] = (min(old.sum, new.sum), 1)
            case _ where name.hasSuffix("_max"): sums[name] = (max(old.sum, new.sum), 1)
            default:
                let weight = old.weight + new.weight
                sums[name] = ((old.sum * old.weight + new.sum * new.weight) / max(weight, 1), weight)
            }
        }
    }

    /// Takes a gap in; a NaN stays.
    private mutating func widenGap(_ gap: Double) {
        if gap.isNaN || gap > logProbGap { logProbGap = gap }
    }

    /// `kl`, `entropy`, `clip_ratio/…` over the tokens that were computed.
    public var metrics: [String: Double] { sums.mapValues(\.sum) }
}

extension PolicyUpdateResult: Portable {
    /// All of it; the metrics in the order of their names.
    public func write(to message: inout MessageWriter) {
        message.add(microBatches)
        for value in [loss, logProbGap, times.forward, times.backward] { message.add(value) }
        message.add(sums.count)
        for (name, value) in sums.sorted(by: { $0.key < $1.key }) {
            message.add(name)
            message.add(value.sum)
            message.add(value.weight)
        }
    }

    /// Takes it back.
    public init(from message: inout MessageReader) throws(DistributionError) {
        microBatches = try message.integer()
        loss = try message.number()
        logProbGap = try message.number()
        times = PassTimes(forward: try message.number(), backward: try message.number())
        for _ in 0..<max(0, try message.integer()) {
            let name = try message.text()
            sums[name] = (try message.number(), try message.number())
        }
    }
}
