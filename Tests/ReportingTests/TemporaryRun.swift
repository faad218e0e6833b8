import Foundation
import OrderedJSON
import Testing
import Tracking

/// A run's folder that goes away with its owner.
final class TemporaryRun {
    let folder: RunFolder
    private let path = FileManager.default.temporaryDirectory.appending(path: "report-\(UUID().uuidString)").path

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        folder = try RunFolder(existing: path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    static func completion(_ step: Int, _ text: String, prompt: String, reward: Double) -> JSONObject {
        [
            "step": .integer(step), "group": 0, "sample": 0, "prompt": .string(prompt), "completion": .string(text),
            "finish_reason": "stop", "tokens": .integer(text.count), "reward": .double(reward), "advantage": 0.5,
            "rewards": [
                "math": ["status": "scored", "score": .double(reward)], "short": ["status": "not_applicable"],
                "code": ["status": "failed", "reason": .string("timeout \(text.prefix(20))")],
            ],
        ]
    }

    func write(_ step: Int, _ metrics: JSONObject, _ completions: [JSONObject]) throws {
        try append([MetricsRecord.line(MetricsRecord.step(step, metrics))], to: folder.metrics)
        try append(completions.map(MetricsRecord.line), to: folder.completions)
    }

    func evaluate(_ step: Int, _ text: String) throws {
        let record = Self.completion(step, text, prompt: "held-out", reward: 1)
        try append([MetricsRecord.line(record)], to: folder.evaluations)
    }

    func append(_ lines: [String], to path: String) throws {
        if !FileManager.default.fileExists(atPath: path) { FileManager.default.createFile(atPath: path, contents: nil) }
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data(lines.map { $0 + "\n" }.joined().utf8))
        try file.close()
    }

    /// The data in a page.
    static func data(of page: String) throws -> String {
        let start = try #require(page.range(of: "type=\"application/json\">"))
        let end = try #require(page.range(of: "</script>", range: start.upperBound..<page.endIndex))
        return String(page[start.upperBound..<end.lowerBound])
    }
}
