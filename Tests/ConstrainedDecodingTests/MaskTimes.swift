import Foundation
import OrderedJSON
import Testing
import TextGeneration

@testable import ConstrainedDecoding

private let modelPath = ProcessInfo.processInfo.environment["TOUCHSTONE_MASK_MODEL"]

/// Measures what a step costs with a whole vocabulary; prints milliseconds, expects nothing of them.
///
///     TOUCHSTONE_MASK_MODEL=Qwen3-0.6B swift test --disable-xctest --filter MaskTimes
@Suite("MaskTimes", .enabled(if: modelPath != nil, "TOUCHSTONE_MASK_MODEL names no model folder"))
struct MaskTimes {
    private static let text = """
        {"name": "Ada \\u00e9 Lovelace, \u{1F600} mathematician", "born": 1815, "tags": ["poet", "engineer"], "notes": {
            "deep": [[1, 2.5e3, null], {"x": true}], "long": "\(String(repeating: "The quick brown fox. ", count: 20))"}}
        """
    private static let schema = """
        {"type": "object", "required": ["name", "born"], "properties": {"name": {"type": "string", "maxLength": 60},
         "born": {"type": "integer", "minimum": 1000, "maximum": 2100}, "tags": {"type": "array", "items":
         {"type": "string", "pattern": "^[a-z]+$"}}, "notes": {}}}
        """

    @Test("masks of a whole vocabulary")
    func times() throws {
        let tokenizer = try ModelLocation(modelPath ?? "").tokenizer()
        let clock = ContinuousClock()
        let constraints = AnswerConstraints(tokenizer)
        let building = try clock.measure { _ = try constraints.constraint(.object) }
        print("tree of \(tokenizer.vocabularySize) tokens and grammar: \(building)")
        for (name, form) in [
            ("any object", AnswerConstraints.Form.object), ("schema", .schema(try JSONValue(parsing: Self.schema))),
        ] {
            let constraint = try constraints.constraint(form)
            for round in ["first", "second"] {
                var cursor = ConstraintCursor(constraint)
                var times: [Double] = []
                for token in tokenizer.encode(Self.text) {
                    var isAllowed = false
                    let time = clock.measure {
                        if case .tokens(let mask, _, _) = cursor.allowed() { isAllowed = mask.contains(token) }
                        cursor.take(token)
                    }
                    #expect(isAllowed)
                    times.append(time / .milliseconds(1))
                }
                times.sort()
                let mean = times.reduce(0, +) / Double(times.count)
                print(
                    "\(name), \(round) time: \(times.count) tokens, mean \(mean) ms, median \(times[times.count / 2]) ms, "
                        + "p95 \(times[times.count * 95 / 100]) ms, most \(times[times.count - 1]) ms")
            }
        }
    }
}
