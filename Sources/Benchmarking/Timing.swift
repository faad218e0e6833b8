import OrderedJSON

/// One figure of a benchmark: the median of repeated runs, and what the machine would allow at most.
public struct Timing: Sendable {
    /// What was measured, for example `decode, 32 sequences`.
    public let name: String
    /// The median rate, in `unit`.
    public let rate: Double
    /// What the rate counts, for example `tokens/s`.
    public let unit: String
    /// The rate of each run, in their order.
    public let runs: [Double]
    /// The rate that the measured limits of arithmetic and memory allow.
    public let limit: Double
    /// Most memory held while it ran, in bytes; `nil` where it was not looked at.
    public let peakBytes: Int?
    /// Shares of the time by phase, where the benchmark knows them.
    public let phases: [(name: String, seconds: Double)]

    /// A figure from the seconds that each run took.
    ///
    /// - Parameter amount: What one run did, in units.
    /// - Parameter least: Seconds that the machine's limits ask for at least.
    public init(
        _ name: String, unit: String, amount: Double, seconds: [Double], least: Double, peakBytes: Int? = nil,
        phases: [(name: String, seconds: Double)] = []
    ) {
        self.name = name
        self.unit = unit
        runs = seconds.map { amount / max($0, 1e-12) }
        rate = Self.median(runs)
        limit = amount / max(least, 1e-12)
        self.peakBytes = peakBytes
        self.phases = phases
    }

    /// How near the rate comes to the limit, from 0 to 1.
    public var share: Double { rate / limit }

    /// The median; of an even count the mean of the middle two; 0 of none.
    public static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return 0 }
        return (sorted[sorted.count / 2] + sorted[(sorted.count - 1) / 2]) / 2
    }

    /// The figure as a JSON object.
    public var json: JSONObject {
        var object: JSONObject = [
            "name": .string(name), "rate": .double(rate), "unit": .string(unit),
            "runs": .array(runs.map { .double($0) }), "limit": .double(limit), "share": .double(share),
        ]
        if let peakBytes { object["peak_bytes"] = .integer(peakBytes) }
        if !phases.isEmpty {
            var parts: JSONObject = [:]
            for phase in phases { parts[phase.name] = .double(phase.seconds) }
            object["seconds"] = .object(parts)
        }
        return object
    }
}

/// Seconds that a body takes.
func seconds(_ body: () throws -> Void) rethrows -> Double { try ContinuousClock().measure(body) / .seconds(1) }

/// Seconds of each of some runs, after one that warms up.
func repeated(_ times: Int, _ body: () throws -> Void) rethrows -> [Double] {
    try body()
    return try (0..<times).map { _ in try seconds(body) }
}
