import Foundation
import OrderedJSON
import Tracking

/// A folder of runs that goes away with its owner.
final class StoredRuns {
    let root = FileManager.default.temporaryDirectory.appending(path: "runs-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    /// Writes a run whose rewards and held-out accuracies are given by step.
    @discardableResult
    func add(
        _ name: String, rewards: [Double], accuracies: [Int: Double] = [:], steps: Int = 3, rate: Double = 0.001,
        started: String = "2026-01-01T00:00:00Z"
    ) throws -> RunFolder {
        let path = "\(root)/\(name)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let folder = try RunFolder(existing: path)
        let recipe = """
            kind: grpo
            name: \(name.split(separator: "/").last ?? "")
            model: {path: /models/tiny}
            data: {train: {generator: arithmetic}}
            rewards: [{type: math}]
            optimizer: {learning_rate: \(rate)}
            steps: \(steps)

            """
        try recipe.write(toFile: folder.recipe, atomically: true, encoding: .utf8)
        var lines = ""
        for (index, reward) in rewards.enumerated() {
            var metrics: JSONObject = ["reward": .double(reward), "step_time": 2]
            if let accuracy = accuracies[index + 1] { metrics["eval_accuracy"] = .double(accuracy) }
            lines += MetricsRecord.line(MetricsRecord.step(index + 1, metrics)) + "\n"
        }
        try lines.write(toFile: folder.metrics, atomically: true, encoding: .utf8)
        let environment: JSONValue = ["sessions": [["started": .string(started)]]]
        try environment.text().write(toFile: folder.environment, atomically: true, encoding: .utf8)
        return folder
    }

    /// Three runs: finished, stopped, failed.
    static func three() throws -> StoredRuns {
        let runs = try StoredRuns()
        try runs.add("alpha", rewards: [0.1, 0.2, 0.3], accuracies: [1: 0.5, 3: 0.4], started: "2026-01-03T00:00:00Z")
        try runs.add("deep/er/beta", rewards: [0.5, .nan], accuracies: [2: 0.9], rate: 0.01)
        let gamma = try runs.add("gamma", rewards: [0.7], steps: 9, started: "2026-01-02T00:00:00Z")
        try "{}".write(toFile: gamma.path + "/failed-batch-step-2.json", atomically: true, encoding: .utf8)
        return runs
    }
}
