/// How far better or worse than its group each completion is, and what the logs say about the rewards.
public struct Advantages: Sendable, Equatable {
    /// One advantage a completion, in the order of the rewards; 0 where no reward function gave a score.
    public let values: [Float]
    /// Mean of the summed rewards of all scorable completions (`reward`); NaN when there is none.
    public let reward: Double
    /// Standard deviation (n − 1) of the summed rewards over the whole batch (`reward_std`); NaN below two.
    public let rewardStd: Double
    /// Share of completions whose divisor is zero, so that they teach nothing (`frac_reward_zero_std`).
    public let fracRewardZeroStd: Double

    /// The three figures under the names that TRL gives them.
    public var metrics: [String: Double] {
        ["reward": reward, "reward_std": rewardStd, "frac_reward_zero_std": fracRewardZeroStd]
    }
}

/// Turns rewards into group-relative advantages, as TRL 1.16 does.
///
/// With r the rewards of one completion, w the weights, and g its group of G consecutive completions:
///
///     sumThenNormalize   R = Σ_f w_f·r_f          A = (R − mean_g R) / (std + 1e-4)
///     normalizeThenSum   z_f = (r_f − mean_g r_f) / (std_g r_f + 1e-4),   S = Σ_f w_f·z_f
///                        A = (S − mean_batch S) / (std_batch S + 1e-4)
///
/// With one of the other baselines, R being clamped to `rewardRange` and lowered by the KL penalty first:
///
///     leaveOneOut        A_i = R_i − mean of the others of g = (R_i − mean_g R) · n/(n − 1)
///     global             A   = (R − mean_batch R) / (std_batch R + 1e-4)
///     whitens            A ← (A − mean_batch A) / (std_batch A + 1e-4) at last, over the completions that have one
///
/// Standard deviations divide by n − 1. An absent reward is left out of every sum and mean; a completion without any
/// reward has advantage 0 and leaves its group's mean; a completion that is alone in its group has advantage 0 where
/// the group's standard deviation is needed.
///
/// Sources: Shao et al. 2024, arXiv:2402.03300, section 4.1.2 (group advantages); Liu et al. 2025, arXiv:2503.20783
/// (no division); Liu et al. 2026, GDPO (normalise, then sum); Kool et al. 2019 and Ahmadian et al. 2024,
/// arXiv:2402.14740 (leave one out); Hu et al. 2025, arXiv:2501.03262 (global).
public struct AdvantageEstimator: Sendable, Equatable {
    /// Whether several reward functions are added before or after they are normalised.
    public enum Aggregation: String, Sendable, CaseIterable {
        /// Weighted sum first; the usual form.
        case sumThenNormalize = "sum_then_normalize"
        /// Each function is normalised in its group, so that one with a small spread is not drowned; always scaled.
        case normalizeThenSum = "normalize_then_sum"
    }

    /// What the centred reward is divided by.
    public enum Scaling: String, Sendable, CaseIterable {
        /// The group's standard deviation.
        case group
        /// The whole batch's standard deviation; the group's mean is still what is subtracted.
        case batch
        /// Nothing (Dr. GRPO): a question's difficulty does not change its weight.
        case none
        /// Nothing, with the mean of the other completions as baseline (RLOO).
        case leaveOneOut = "leave_one_out"
        /// The whole batch's standard deviation, with the batch's mean as baseline (REINFORCE++).
        case global
    }

    /// Completions a prompt; groups are consecutive.
    public let groupSize: Int
    /// One factor a reward function; `nil` is 1 for each.
    public let weights: [Double]?
    /// Whether functions are added before or after they are normalised.
    public let aggregation: Aggregation
    /// What the centred reward is divided by; without effect when functions are normalised before they are added.
    public let scaling: Scaling
    /// Whether the batch's advantages are at last centred and divided by their standard deviation.
    public var whitens = false
    /// What the weighted sum of the rewards is clamped to.
    public var rewardRange: ClosedRange<Double>?

    /// Keeps the quotient finite where the standard deviation is zero; TRL's value.
    static let epsilon = 1e-4

    /// An estimator; the defaults are TRL's.
    public init(
        groupSize: Int, weights: [Double]? = nil, aggregation: Aggregation = .sumThenNormalize,
        scaling: Scaling = .group
    ) {
        precondition(groupSize > 0, "AdvantageEstimator: groupSize is \(groupSize), expected at least 1")
        self.groupSize = groupSize
        self.weights = weights
        self.aggregation = aggregation
        self.scaling = scaling
    }

    /// The advantages of a batch.
    ///
    /// - Parameter rewards: `[samples][functions]`; `nil` (and anything not finite) is absent. Whole groups.
    /// - Parameter penalties: Taken from each sample's summed reward, for example for its divergence; empty for none.
    /// - Returns: As many advantages as samples, all finite.
    public func callAsFunction(_ rewards: [[Double?]], penalties: [Double] = []) -> Advantages {
        let functions = rewards.first?.count ?? weights?.count ?? 0
        precondition(
            rewards.count.isMultiple(of: groupSize),
            "AdvantageEstimator: \(rewards.count) samples, expected a multiple of the group size \(groupSize)")
        precondition(
            rewards.allSatisfy { $0.count == functions },
            "AdvantageEstimator: every sample needs \(functions) rewards, as the first one has")
        let weights = weights ?? [Double](repeating: 1, count: functions)
        precondition(
            weights.count == functions,
            "AdvantageEstimator: \(weights.count) weights, expected one for each of \(functions) reward functions")

        let present = rewards.map { row in row.map { $0.flatMap { $0.isFinite ? $0 : nil } } }
        precondition(
            penalties.isEmpty || penalties.count == rewards.count,
            "AdvantageEstimator: \(penalties.count) penalties for \(rewards.count) samples")
        let sums = present.map { Self.weightedSum($0, weights) }
        let overall = Moments(sums)
        var (values, zero) =
            switch aggregation {
            case .sumThenNormalize: normalizedSums(adjusted(sums, penalties))
            case .normalizeThenSum: summedNormals(present, weights: weights, scorable: sums.map { $0 != nil })
            }
        if whitens {
            let moments = Moments(values.map { $0.isFinite ? $0 : nil })
            values = values.map { ($0 - moments.center) / (moments.std + Self.epsilon) }
        }
        return Advantages(
            values: values.map(Self.finite), reward: overall.mean, rewardStd: overall.std,
            fracRewardZeroStd: zero)
    }

    /// The summed rewards, clamped and lowered by the penalties.
    private func adjusted(_ sums: [Double?], _ penalties: [Double]) -> [Double?] {
        sums.enumerated().map { index, sum in
            guard var sum else { return nil }
            if let rewardRange { sum = min(max(sum, rewardRange.lowerBound), rewardRange.upperBound) }
            return penalties.isEmpty ? sum : sum - penalties[index]
        }
    }

    /// `(R − baseline) / (std + ε)` and the share of samples whose standard deviation is zero.
    private func normalizedSums(_ sums: [Double?]) -> (values: [Double], zero: Double) {
        let overall = Moments(sums)
        var values: [Double] = []
        var zero = 0
        for start in stride(from: 0, to: sums.count, by: groupSize) {
            let group = sums[start..<start + groupSize]
            let moments = Moments(group)
            let usesBatch = scaling == .batch || scaling == .global
            let std = usesBatch ? overall.std : moments.std
            if abs(std) <= Moments.zeroTolerance { zero += groupSize }
            for value in group {
                let centred = (value ?? .nan) - (scaling == .global ? overall.mean : moments.mean)
                switch scaling {
                case .group, .batch, .global: values.append(centred / (std + Self.epsilon))
                case .none: values.append(centred)
                case .leaveOneOut:
                    let count = Double(moments.count)
                    values.append(count > 1 ? centred * count / (count - 1) : .nan)
                }
            }
        }
        return (values, sums.isEmpty ? 0 : Double(zero) / Double(sums.count))
    }

    /// `(S − mean_batch) / (std_batch + ε)`, where `S` adds functions that were normalised in their group.
    private func summedNormals(_ rewards: [[Double?]], weights: [Double], scorable: [Bool])
        -> (values: [Double], zero: Double)
    {
        var normals = rewards
        for function in weights.indices {
            for start in stride(from: 0, to: rewards.count, by: groupSize) {
                let range = start..<start + groupSize
                let moments = Moments(rewards[range].map { $0[function] })
                for sample in range {
                    let normal = rewards[sample][function].map { ($0 - moments.mean) / (moments.std + Self.epsilon) }
                    normals[sample][function] = normal.flatMap { $0.isFinite ? $0 : nil }
                }
            }
        }
        let sums = zip(normals, scorable).map { $1 ? Self.weightedSum($0, weights) ?? 0 : nil }
        let moments = Moments(sums)
        let zero = abs(moments.std) <= Moments.zeroTolerance ? 1.0 : 0.0
        return (sums.map { (($0 ?? .nan) - moments.center) / (moments.std + Self.epsilon) }, zero)
    }

    /// Single precision without overflow; 0 for what is undefined.
    private static func finite(_ value: Double) -> Float {
        let largest = Double(Float.greatestFiniteMagnitude)
        return value.isNaN ? 0 : Float(min(max(value, -largest), largest))
    }

    /// The weighted sum of what is present; `nil` when nothing is.
    private static func weightedSum(_ row: [Double?], _ weights: [Double]) -> Double? {
        guard row.contains(where: { $0 != nil }) else { return nil }
        return zip(row, weights).reduce(0) { $0 + ($1.0 ?? 0) * $1.1 }
    }
}

/// Mean and standard deviation of the values that are present; NaN where there are too few.
///
/// Equal values have exactly their value as mean: rounding must not make a group that teaches nothing look as if it did.
private struct Moments {
    /// A standard deviation up to this counts as zero; `torch.isclose`'s absolute tolerance.
    static let zeroTolerance = 1e-8

    let count: Int
    let mean: Double
    let std: Double
    /// The mean, or 0 where it is nothing but rounding: advantages of whole groups add up to 0.
    var center: Double { abs(mean) <= 1e-12 * std ? 0 : mean }

    init(_ values: some Sequence<Double?>) {
        let present = values.compactMap { $0 }
        let isConstant = present.min() == present.max()
        let mean = isConstant ? present.first ?? .nan : present.reduce(0, +) / Double(present.count)
        let squares = present.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        self.mean = mean
        count = present.count
        std = present.count > 1 ? (squares / Double(present.count - 1)).squareRoot() : .nan
    }
}
