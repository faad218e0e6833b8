import FileTesting
import Foundation
import ModelFiles
import OrderedJSON
import Recipes
import Rewards
import Testing
import Tracking

@testable import Training

/// The adapter with the best held-out accuracy stays.
@Suite("Best adapter", .enabled(if: TestModel.isThere, "reference data beside the package is missing"))
struct BestAdapterTests {
    private static let overrides = [
        "steps=4", "checkpoint.every=1", "checkpoint.keep=1", "evaluation.every=1", "evaluation.samples=1",
        "data.evaluation={generator: arithmetic, digits: [1, 1], count: 3}",
    ]

    @Test("the best evaluation's adapter outlives the newest ones, by a checker apart from the reward")
    func best() async throws {
        let folder = try TemporaryFolder()
        let outcome = try await run(folder, bestRound: 1)
        #expect(outcome == .finished(step: 4))
        let adapters = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/adapters").sorted()
        #expect(adapters == ["step-000001", "step-000004"])
        #expect(try target(folder, "best") == "adapters/step-000001")
        #expect(try target(folder, "adapter") == "adapters/step-000004")
        let accuracies = try lines(folder).map { $0["eval_accuracy"]?.doubleValue }
        #expect(accuracies == [0, 1, 0, 0, 0], "the checker decides")
        #expect(try lines(folder)[1]["reward"]?.doubleValue != 1, "and not the reward of training")
    }

    @Test("the untrained adapter is the best where training only harms")
    func untrained() async throws {
        let folder = try TemporaryFolder()
        _ = try await run(folder, bestRound: 0)
        #expect(try target(folder, "best") == "adapters/step-000000")
    }

    @Test("a resumed run points at what its checkpoint knows as the best, though the killed one was ahead")
    func resumed() async throws {
        let folder = try TemporaryFolder()
        _ = try await run(folder, bestRound: 1)
        // As if the process had been killed after a better evaluation than the checkpoint knows of.
        let link = folder.path + "/best"
        try FileManager.default.removeItem(atPath: link)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "adapters/step-000009")
        let runFolder = try RunFolder(existing: folder.path)
        let checkpoint = try #require(try CheckpointStore(runFolder).newest { _ in })
        _ = try await run(folder, bestRound: 9, from: checkpoint)
        #expect(try target(folder, "best") == "adapters/step-000001")
    }

    private func run(
        _ folder: TemporaryFolder, bestRound: Int, from checkpoint: Checkpoint? = nil
    ) async throws -> TrainingRun.Outcome {
        let recipe = try TestModel.recipe(Self.overrides)
        let checkers = try RewardSet([.init(RightInOneRound(round: bestRound, problems: 3))])
        return try await TrainingRun(
            recipe, model: TestModel.load(), data: DataSet.load(recipe), rewards: TestModel.rewards(),
            checkers: checkers, folder: RunFolder(existing: folder.path), from: checkpoint
        ).run()
    }

    private func target(_ folder: TemporaryFolder, _ link: String) throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder.path)/\(link)")
    }

    private func lines(_ folder: TemporaryFolder) throws -> [JSONValue] {
        try Data(contentsOf: URL(fileURLWithPath: folder.path + "/metrics.jsonl")).split(separator: 0x0A)
            .map { try JSONValue(parsing: $0) }
    }
}

/// Takes all completions of one evaluation for right, and none of the others.
private struct RightInOneRound: RewardFunction {
    let name = "round"
    let round: Int
    let problems: Int
    private let calls = Calls()

    init(round: Int, problems: Int) { (self.round, self.problems) = (round, problems) }

    func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        let isRight = await calls.next() / problems == round
        return RewardBatch(batch.map { _ in .score(isRight ? 1 : 0) })
    }

    private actor Calls {
        private var value = 0
        func next() -> Int {
            defer { value += 1 }
            return value
        }
    }
}
