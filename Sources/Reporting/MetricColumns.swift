import Foundation
import OrderedJSON
import Tracking

/// The metrics of a run by name. A long run keeps every second, fourth, … step, and all that were evaluated.
struct MetricColumns {
    /// Most steps that are kept.
    static let limit = 2000

    /// The steps that are kept.
    private(set) var steps: [Int] = []
    /// Of how many steps one is kept.
    private(set) var every = 1
    private(set) var names: [String] = []
    private var rows: [[String: Double]] = []

    /// The last step, kept or not.
    private(set) var last: RecordedStep?

    /// Takes in a step.
    mutating func add(_ step: RecordedStep) {
        last = RecordedStep(step: step.step, metrics: step.metrics)
        var row: [String: Double] = [:]
        for name in step.names {
            guard let value = step[name] else { continue }
            row[name] = value
            if !known.contains(name), names.count < 1000 {
                known.insert(name)
                names.append(name)
            }
        }
        guard isKept(step.step, row) else { return }
        steps.append(step.step)
        rows.append(row)
        guard steps.count > Self.limit, every < 1 << 40 else { return }
        every *= 2
        let kept = steps.indices.filter { isKept(steps[$0], rows[$0]) }
        (steps, rows) = (kept.map { steps[$0] }, kept.map { rows[$0] })
    }
    private var known: Set<String> = []

    private func isKept(_ step: Int, _ row: [String: Double]) -> Bool {
        step % every == 0 || step == 1 || row["eval_accuracy"] != nil && steps.count < 2 * Self.limit
    }

    /// A metric's values at the kept steps that have one, without those that are not finite.
    func points(_ name: String) -> [(step: Int, value: Double)] {
        zip(steps, rows).compactMap { step, row in
            row[name].flatMap { $0.isFinite ? (step, $0) : nil }
        }
    }

    /// For the page: numbers with six digits.
    var json: JSONValue {
        let series = names.map { name in
            (name, JSONValue.array(rows.map { row in row[name].map(Self.number) ?? .null }))
        }
        return [
            "steps": .array(steps.map { .integer($0) }), "every": .integer(every),
            "series": .object(JSONObject(series)),
        ]
    }

    static func number(_ value: Double) -> JSONValue {
        guard value.isFinite else { return .null }
        if let whole = Int(exactly: value), abs(value) < 1e15 { return .integer(whole) }
        return .double(Double(String(format: "%.6g", value)) ?? value)
    }
}
