import OrderedJSON

/// How far the log-probabilities of the engine that sampled were from the trainer's, and what was done about it.
struct RolloutMismatch {
    /// A mean difference from which on a run is warned, nats a token: numerics alone give some hundredths.
    static let suspicious = 0.1

    private var gaps = 0.0
    private var greatestGap = 0.0
    private var tokens = 0
    private var sum = 0.0
    private var least = Double.infinity
    private var greatest = 0.0
    private var bounded = 0
    private var ratios = 0

    /// Weighs groups whose trainer's log-probabilities are there, and counts.
    ///
    /// - Parameter correction: How; `nil` only counts.
    init(_ groups: inout [PolicyGroup], correction: RolloutCorrection?) {
        for group in groups.indices {
            for index in groups[group].samples.indices {
                let sample = groups[group].samples[index]
                guard let old = sample.oldLogProbs, let sampling = sample.samplingLogProbs else { continue }
                for (old, sampling) in zip(old, sampling) { add(gap: abs(Double(old) - Double(sampling))) }
                guard let correction else { continue }
                let mask = sample.mask
                let result = correction.weights(logProbs: old, sampling: sampling) { mask?[$0] ?? true }
                groups[group].samples[index].tokenWeights = result.weights
                for ratio in result.ratios { add(ratio: ratio, correction) }
            }
        }
    }

    private mutating func add(gap: Double) {
        gaps += gap
        greatestGap = max(greatestGap, gap)
        tokens += 1
    }

    private mutating func add(ratio: Double, _ correction: RolloutCorrection) {
        if !correction.isWithin(ratio) { bounded += 1 }
        let weight = correction.bounded(ratio)
        sum += weight
        least = min(least, weight)
        greatest = max(greatest, weight)
        ratios += 1
    }

    /// The mean difference, nats a token.
    var meanGap: Double { gaps / Double(max(tokens, 1)) }

    /// Under TRL's names, and `sampling/importance_sampling_ratio/bounded`, the share of weights that were out of bounds.
    var metrics: JSONObject {
        var metrics: JSONObject = [
            "sampling/sampling_logp_difference/mean": .double(meanGap),
            "sampling/sampling_logp_difference/max": .double(greatestGap),
        ]
        guard ratios > 0 else { return metrics }
        let name = "sampling/importance_sampling_ratio"
        metrics["\(name)/min"] = .double(least)
        metrics["\(name)/mean"] = .double(sum / Double(ratios))
        metrics["\(name)/max"] = .double(greatest)
        metrics["\(name)/bounded"] = .double(Double(bounded) / Double(ratios))
        return metrics
    }

    /// What the user should know.
    var warning: String? {
        guard meanGap > Self.suspicious else { return nil }
        let gap = (meanGap * 100).rounded() / 100
        return
            "the sampler's log-probabilities differ from the trainer's by \(gap) nats a token on average, more than "
            + "numerics explain: do the servers have the same base and this step's adapter, and do they tell "
            + "log-probabilities at the sampling temperature (vLLM: --logprobs-mode processed_logprobs)?"
    }
}
