import FileTesting
import Foundation
import ModelFiles
import OrderedJSON
import Recipes
import Testing
import Tracking

@testable import Training

@Suite("Observers of a run", .enabled(if: TestModel.isThere, "reference data beside the package is missing"))
struct RunObserverTests {
    /// Writes down what it is told; fails from some step on.
    private final class Spy: RunObserver {
        let name = "spy"
        let failing: Int?
        private(set) var heard: [String] = []

        init(failing: Int? = nil) { self.failing = failing }

        func begin(_ folder: RunFolder) {
            var records = RunRecords(folder)
            while let step = records.next() { heard.append("had \(step.step)") }
            heard.append("begin")
        }
        func add(_ step: RecordedStep) throws {
            heard.append("\(step.step): \(step.completions.count)")
            if step.step == failing { throw TrackingError(.unwritable, "full") }
        }
        func milestone() { heard.append("milestone") }
    }

    private static let settings = [
        "data.evaluation={generator: arithmetic, digits: [1, 1], count: 3}", "evaluation.every=2", "checkpoint.every=3",
        "rollout.prompts_per_step=2", "rollout.completions_per_prompt=3", "steps=4",
    ]

    private func run(
        _ folder: TemporaryFolder, from checkpoint: Checkpoint? = nil, _ observers: [any RunObserver]
    ) async throws -> (outcome: TrainingRun.Outcome, messages: [String]) {
        let recipe = try TestModel.recipe(Self.settings)
        var messages: [String] = []
        let progress = ProgressLine(target: .plain(every: 1000)) { messages.append($0) }
        let run = try TrainingRun(
            recipe, model: try TestModel.load(), data: try DataSet.load(recipe), rewards: try TestModel.rewards(),
            folder: try RunFolder(existing: folder.path), from: checkpoint, progress: progress, observers: observers)
        return (try await run.run(), messages)
    }

    @Test("each step is shown once, and milestones are evaluations, checkpoints and the end")
    func order() async throws {
        let folder = try TemporaryFolder()
        let spy = Spy()
        #expect(try await run(folder, [spy]).outcome == .finished(step: 4))
        #expect(
            spy.heard == [
                "begin", "0: 0", "1: 6", "2: 6", "milestone", "3: 6", "milestone", "4: 6", "milestone", "milestone",
            ])
        // A killed run that goes on shows what counts, and then what is new.
        let checkpoint = try CheckpointStore(RunFolder(existing: folder.path)).read(step: 3)
        let second = Spy()
        _ = try await run(folder, from: checkpoint, [second])
        #expect(second.heard == ["had 0", "had 1", "had 2", "had 3", "begin", "4: 6", "milestone", "milestone"])
    }

    @Test("one that fails is named once and left out, and the run goes on")
    func failure() async throws {
        let folder = try TemporaryFolder()
        let (failing, sound) = (Spy(failing: 2), Spy())
        let (outcome, messages) = try await run(folder, [failing, sound])
        #expect(outcome == .finished(step: 4))
        #expect(failing.heard == ["begin", "0: 0", "1: 6", "2: 6"])
        #expect(sound.heard.contains("4: 6"))
        #expect(messages.filter { $0.contains("spy") } == ["spy is not kept any more: full\n"])
    }

    @Test("held-out completions are recorded, and an evaluation that does not count is dropped")
    func evaluations() async throws {
        let folder = try TemporaryFolder()
        _ = try await run(folder, [])
        let path = try RunFolder(existing: folder.path).evaluations
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        var lines = RecordLines(path: path)
        var steps: [Int] = []
        while let line = lines.next() {
            #expect(line["completion"]?.stringValue != nil && line["rewards"]?["even"] != nil)
            steps.append(line["step"]?.intValue ?? -1)
        }
        let samples = steps.count / 9
        #expect(steps == [0, 2, 4].flatMap { [Int](repeating: $0, count: 3 * samples) } && samples > 0)
        // Killed after step 3, in the middle of the evaluation after step 4.
        let checkpoint = try CheckpointStore(RunFolder(existing: folder.path)).read(step: 3)
        try (whole.dropLast(40)).write(to: URL(fileURLWithPath: path))
        _ = try await run(folder, from: checkpoint, [])
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
    }

    @Test("the environment has an entry for each session")
    func environment() async throws {
        let folder = try TemporaryFolder()
        _ = try await run(folder, [])
        let checkpoint = try CheckpointStore(RunFolder(existing: folder.path)).read(step: 3)
        _ = try await run(folder, from: checkpoint, [])
        let data = try Data(contentsOf: URL(fileURLWithPath: RunFolder(existing: folder.path).environment))
        let sessions = try #require(try JSONValue(parsing: data)["sessions"]?.arrayValue)
        #expect(sessions.map { $0["after_step"] } == [0, 3])
        #expect(sessions.allSatisfy { $0["machine"]?["processors"]?.intValue ?? 0 > 0 })
    }
}
