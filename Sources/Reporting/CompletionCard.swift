import OrderedJSON
import Tracking

/// A completion as the page shows it: made visible, and cut if it is long.
struct CompletionCard {
    let step: Int
    let group: Int
    let sample: Int
    let prompt: String
    let text: String
    let reward: Double?
    let advantage: Double?
    let tokens: Int
    let finishReason: String
    /// Each part's score; `null` where it does not apply, a text where it failed.
    let parts: JSONObject
    let isHeldOut: Bool

    /// A card of a line of completions.jsonl or evaluations.jsonl; `nil` if it has no completion.
    init?(_ record: JSONObject, isHeldOut: Bool = false) {
        guard let completion = record["completion"]?.stringValue else { return nil }
        self.isHeldOut = isHeldOut
        step = Self.count(record["step"])
        group = Self.count(record["group"])
        sample = Self.count(record["sample"])
        prompt = Self.excerpt(record["prompt"]?.stringValue ?? "", head: 3000, tail: 3000)
        text = Self.excerpt(completion, head: 4000, tail: 2000)
        reward = record["reward"]?.doubleValue
        advantage = record["advantage"]?.doubleValue
        tokens = Self.count(record["tokens"])
        finishReason = VisibleText.of(record["finish_reason"]?.stringValue ?? "", limit: 40)
        parts = JSONObject(
            (record["rewards"]?.objectValue ?? JSONObject()).prefix(30).map { name, outcome in
                (VisibleText.of(name, limit: 60), Self.outcome(outcome))
            })
    }

    /// A number that arithmetic is safe with, whoever wrote it.
    private static func count(_ value: JSONValue?) -> Int {
        min(max(value?.intValue ?? 0, 0), RecordedStep.possibleSteps.upperBound)
    }

    private static func outcome(_ value: JSONValue) -> JSONValue {
        if let score = value["score"]?.doubleValue { return MetricColumns.number(score) }
        guard value["status"]?.stringValue != "not_applicable" else { return .null }
        return .string(VisibleText.of(value["reason"]?.stringValue ?? "failed", limit: 300))
    }

    /// The beginning and the end of a text: an answer stands at the end.
    static func excerpt(_ text: String, head: Int, tail: Int) -> String {
        let scalars = text.unicodeScalars
        let count = scalars.count
        guard count > head + tail else { return VisibleText.of(text) }
        let left = String(String.UnicodeScalarView(scalars.prefix(head)))
        let right = String(String.UnicodeScalarView(scalars.suffix(tail)))
        return VisibleText.of(left)
            + "\n\n[… \(count - head - tail) characters left out; completions.jsonl has them …]\n\n"
            + VisibleText.of(right)
    }

    /// Bytes that the card takes in the page, about.
    var byteCount: Int { text.utf8.count + 200 }

    /// For the page; `prompt` is an index into its list of prompts.
    func json(prompt: Int) -> JSONValue {
        [
            "s": .integer(step), "g": .integer(group), "h": .bool(isHeldOut), "p": .integer(prompt), "c": .string(text),
            "w": reward.map(MetricColumns.number) ?? .null, "a": advantage.map(MetricColumns.number) ?? .null,
            "n": .integer(tokens), "f": .string(finishReason), "r": .object(parts),
        ]
    }
}
