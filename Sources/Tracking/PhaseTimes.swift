import OrderedJSON

/// Where a step's time went: the metrics `time/NAME` or `time_NAME`, seconds each.
///
/// A phase that is told in parts (`generate` in `prefill` and `decode`, `update` in `forward`, `backward` and `optimizer`)
/// counts by its parts and what they leave of it. Evaluation is not part of a step, and idle time lies within the others.
public struct PhaseTimes: Sendable, Equatable {
    /// A phase.
    public struct Phase: Sendable, Equatable {
        /// Its name, such as `decode`.
        public var name: String
        /// Its seconds.
        public var seconds: Double
    }

    /// The phases with any time, longest first; they don't overlap.
    public private(set) var phases: [Phase] = []

    private static let parts = [
        "generate": ["prefill", "decode"], "update": ["forward", "backward", "optimizer"],
    ]
    private static let apart: Set = ["idle", "evaluate", "evaluation"]

    /// The phases of a step's metrics.
    public init(_ metrics: JSONObject) {
        let fine = metrics.keys.filter { $0.hasPrefix("time_") }
        let names = fine.isEmpty ? metrics.keys.filter { $0.hasPrefix("time/") } : fine
        var seconds: [String: Double] = [:]
        for name in names {
            guard let value = metrics[name]?.doubleValue, value.isFinite, value > 0 else { continue }
            seconds[String(name.dropFirst(5))] = value
        }
        for (whole, parts) in Self.parts {
            let told = parts.compactMap { seconds[$0] }.reduce(0, +)
            guard told > 0, let all = seconds[whole] else { continue }
            seconds[whole] = all > told ? all - told : nil
        }
        phases = seconds.filter { !Self.apart.contains($0.key) }.map { Phase(name: $0.key, seconds: $0.value) }
            .sorted { ($1.seconds, $0.name) < ($0.seconds, $1.name) }
    }

    /// The largest phases with their shares, such as `backward 45% decode 30%`; what is below a twentieth is left out.
    public func summary(_ count: Int = 3) -> String? {
        let sum = phases.reduce(0) { $0 + $1.seconds }
        guard sum > 0, sum.isFinite else { return nil }
        let parts = phases.prefix(count).filter { $0.seconds >= sum / 20 }.map { phase in
            "\(phase.name) \(Int((phase.seconds / sum * 100).rounded()))%"
        }
        return parts.isEmpty ? nil : parts.joined(separator: " ")
    }
}
