import Foundation
import OrderedJSON
import SwiftProtobuf
import Tracking

/// The records of an event file, one after the other: a pure function of when the run began, its recipe and its steps.
///
/// Times are the beginning plus the seconds that steps and evaluations took, so that a run that was stopped for a night has
/// no gap, and the same records give the same bytes.
struct EventStream {
    private var time: Double

    /// A stream of a run.
    ///
    /// - Parameter start: When the run began, in seconds since 1970.
    init(start: Int) { time = Double(start) }

    /// What a file begins with: the format's version, and the resolved recipe as a text.
    func head(recipe: String) -> [[UInt8]] {
        let version = WireEvent.with {
            $0.wallTime = time
            $0.fileVersion = "brain.Event:2"
        }
        let text = WireEvent.with {
            $0.wallTime = time
            $0.summary.value = [Self.text("recipe", Self.indented(recipe, limit: 200_000))]
        }
        return [version, text].map(Self.framed)
    }

    /// A step's scalars, and the completions of highest and lowest reward as texts.
    mutating func record(_ step: RecordedStep) -> [UInt8] {
        time += Self.seconds(step)
        let scalars = step.names.map { name in
            WireSummary.Value.with {
                $0.tag = name
                $0.simpleValue = Float(step[name] ?? .nan)
            }
        }
        let event = WireEvent.with {
            $0.wallTime = time
            $0.step = Int64(step.step)
            $0.summary.value = scalars + Self.samples(step.completions)
        }
        return Self.framed(event)
    }

    private static func seconds(_ step: RecordedStep) -> Double {
        // Evaluation is not part of a step's time; names have one of two separators.
        ["step_time", "time/evaluate", "time_evaluate"].compactMap { step[$0] }
            .filter { $0.isFinite && $0 >= 0 && $0 < 1e9 }.reduce(0, +)
    }

    private static func samples(_ completions: [JSONObject]) -> [WireSummary.Value] {
        let scored = completions.compactMap { record in record["reward"]?.doubleValue.map { (record, $0) } }
        guard let best = scored.max(by: { $0.1 < $1.1 }), let worst = scored.min(by: { $0.1 < $1.1 }) else { return [] }
        return [
            text("completions/highest_reward", describe(best.0)), text("completions/lowest_reward", describe(worst.0)),
        ]
    }

    private static func describe(_ record: JSONObject) -> String {
        let parts = record["rewards"]?.objectValue.map { rewards in
            rewards.map { name, outcome in
                "\(name) \(outcome["score"]?.text() ?? outcome["status"]?.stringValue ?? "?")"
            }.joined(separator: ", ")
        }
        return "Reward \(record["reward"]?.text() ?? "none")\(parts.map { ": \($0)" } ?? "")\n\n"
            + "Prompt\n\n\(indented(record["prompt"]?.stringValue ?? "", limit: 2000))\n\n"
            + "Completion\n\n\(indented(record["completion"]?.stringValue ?? "", limit: 4000))\n"
    }

    /// A block of code in Markdown: nothing in it is taken for markup.
    private static func indented(_ text: String, limit: Int) -> String {
        VisibleText.of(text, limit: limit).split(separator: "\n", omittingEmptySubsequences: false)
            .map { "    \($0)" }.joined(separator: "\n")
    }

    private static func text(_ tag: String, _ text: String) -> WireSummary.Value {
        .with {
            $0.tag = tag
            $0.metadata.pluginData.pluginName = "text"
            $0.tensor.dtype = 7
            $0.tensor.tensorShape.dim = [.with { $0.size = 1 }]
            $0.tensor.stringVal = [Data(text.utf8)]
        }
    }

    private static func framed(_ event: WireEvent) -> [UInt8] {
        // Serializing fails for missing required fields and for `Any` only, which these messages don't have.
        RecordFraming.framed((try? event.serializedBytes()) ?? [])
    }
}
