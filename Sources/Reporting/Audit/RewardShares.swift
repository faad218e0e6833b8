import OrderedJSON

/// What the differences of reward within groups are made of: all that a policy gradient learns from.
///
///     share[i] = Σ_g Σ_c (wᵢ sᵢ − mean_g) · (R − mean_g R)  /  Σ_g Σ_c (R − mean_g R)²
///
/// The shares add up to 1 where R is the weighted sum; one below 0 works against the others.
enum RewardShares {
    /// The share of each part in a step; empty if all rewards of each group are equal.
    ///
    /// - Parameter weights: By part; 1 where there is none.
    static func of(_ completions: [JSONObject], weights: [String: Double]) -> [(name: String, share: Double)] {
        let groups = Dictionary(grouping: completions) { $0["group"]?.intValue ?? 0 }
        var names: [String] = []
        for name in completions.first?["rewards"]?.objectValue?.keys ?? [] where names.count < 30 { names.append(name) }
        var total = 0.0
        var sums = [Double](repeating: 0, count: names.count)
        for key in groups.keys.sorted() {
            let scored = (groups[key] ?? []).compactMap { record in record["reward"]?.doubleValue.map { (record, $0) } }
            guard scored.count > 1 else { continue }
            let rewards = deviations(scored.map(\.1))
            total += rewards.reduce(0) { $0 + $1 * $1 }
            for (index, name) in names.enumerated() {
                let scores = scored.map { record, _ in
                    (record["rewards"]?[name]?["score"]?.doubleValue).map { $0 * (weights[name] ?? 1) }
                }
                // A part that does not apply adds nothing to the sum, nor to its spread.
                let present = scores.compactMap { $0 }
                let mean = present.isEmpty ? 0 : present.reduce(0, +) / Double(present.count)
                for (score, reward) in zip(scores, rewards) { sums[index] += ((score ?? mean) - mean) * reward }
            }
        }
        guard total > 1e-12, total.isFinite else { return [] }
        return zip(names, sums).map { ($0, $1 / total) }
    }

    private static func deviations(_ values: [Double]) -> [Double] {
        let mean = values.reduce(0, +) / Double(values.count)
        return values.map { $0 - mean }
    }

    /// The correlation of length and reward over a step's completions; `nil` where one of them is constant.
    static func lengthCorrelation(_ completions: [JSONObject]) -> Double? {
        let pairs = completions.compactMap { record -> (Double, Double)? in
            guard let length = record["tokens"]?.doubleValue, let reward = record["reward"]?.doubleValue else {
                return nil
            }
            return (length, reward)
        }
        guard pairs.count > 2 else { return nil }
        let (lengths, rewards) = (deviations(pairs.map(\.0)), deviations(pairs.map(\.1)))
        let spread = lengths.reduce(0) { $0 + $1 * $1 } * rewards.reduce(0) { $0 + $1 * $1 }
        guard spread > 1e-12, spread.isFinite else { return nil }
        return zip(lengths, rewards).reduce(0) { $0 + $1.0 * $1.1 } / spread.squareRoot()
    }
}
