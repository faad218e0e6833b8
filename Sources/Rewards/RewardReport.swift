import OrderedJSON

/// What a `RewardSet` says of a batch: the parts, the combined rewards, and the metrics.
public struct RewardReport: Sendable {
    /// What one function said.
    public struct Part: Sendable {
        /// The function's name.
        public let name: String
        /// Its weight in the sum.
        public let weight: Double
        /// One outcome for each sample, in order.
        public let outcomes: [RewardOutcome]
        /// What the function wants logged.
        public let logs: [String: Double]

        /// A part of its values.
        public init(name: String, weight: Double, outcomes: [RewardOutcome], logs: [String: Double] = [:]) {
            (self.name, self.weight, self.outcomes, self.logs) = (name, weight, outcomes, logs)
        }
    }

    /// The functions' outcomes, in the recipe's order.
    public let parts: [Part]
    /// The weighted sum of each sample, or `nil` where no function scored it.
    public let combined: [Double?]

    /// Adds up the parts, in their order. A sum that overflows is unscorable as well.
    public init(parts: [Part], batchSize: Int) {
        self.parts = parts
        combined = (0..<batchSize).map { sample in
            var sum: Double?
            for part in parts {
                guard part.outcomes.indices.contains(sample), let score = part.outcomes[sample].score else { continue }
                sum = (sum ?? 0) + part.weight * score
            }
            return sum.flatMap { $0.isFinite ? $0 : nil }
        }
    }

    /// How many samples no function scored.
    public var unscorable: Int { combined.count { $0 == nil } }

    /// The metrics of each function, in the recipe's order, as they go into the metrics file.
    ///
    /// `rewards/<name>/mean` and `/std` (over the scored samples, n − 1 as TRL; left out where undefined), `/applicable`
    /// (share of the samples that were scored), `/failed` and `/failed/<boundary>` (counts, the latter only if not 0),
    /// then the function's own values, sorted by name; at the end `rewards/unscorable`. Raw scores, before the weight.
    public var metrics: JSONObject {
        var metrics = JSONObject()
        for part in parts {
            let prefix = "rewards/\(part.name)"
            let summary = Summary(part.outcomes)
            if let mean = summary.mean { metrics["\(prefix)/mean"] = .double(mean) }
            if let deviation = summary.standardDeviation { metrics["\(prefix)/std"] = .double(deviation) }
            metrics["\(prefix)/applicable"] = .double(summary.applicable)
            metrics["\(prefix)/failed"] = .integer(summary.failed.values.reduce(0, +))
            for boundary in RewardFailure.Boundary.allCases {
                if let count = summary.failed[boundary] {
                    metrics["\(prefix)/failed/\(boundary.rawValue)"] = .integer(count)
                }
            }
            for (key, value) in part.logs.sorted(by: { $0.key < $1.key }) {
                metrics["\(prefix)/\(key)"] = .double(value)
            }
        }
        metrics["rewards/unscorable"] = .integer(unscorable)
        return metrics
    }

    /// Mean, deviation and counts of a list of outcomes.
    public struct Summary: Sendable {
        /// Mean of the scores; `nil` without any.
        public let mean: Double?
        /// Standard deviation of the scores with n − 1; `nil` with fewer than two.
        public let standardDeviation: Double?
        /// Share of the samples that were scored, 0…1.
        public let applicable: Double
        /// How many failed, by boundary.
        public let failed: [RewardFailure.Boundary: Int]

        /// Counts the outcomes.
        public init(_ outcomes: [RewardOutcome]) {
            let scores = outcomes.compactMap(\.score)
            let mean = scores.isEmpty ? nil : scores.reduce(0, +) / Double(scores.count)
            self.mean = mean
            if let mean, scores.count > 1 {
                let squares = scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
                standardDeviation = (squares / Double(scores.count - 1)).squareRoot()
            } else {
                standardDeviation = nil
            }
            applicable = outcomes.isEmpty ? 0 : Double(scores.count) / Double(outcomes.count)
            failed = outcomes.compactMap { $0.failure?.boundary }.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
    }
}
