import FileTesting
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import TensorCore
import Testing

@testable import Training

/// The law of every stateful part. A new conformance of `Checkpointable` adds a row to the table.
@Suite("Checkpointable parts", .enabled(if: TestModel.isThere, "reference data beside the package is missing"))
struct CheckpointableTests {
    /// A part with a state of some steps, and a fresh one of the same recipe.
    struct Part: Sendable, CustomTestStringConvertible {
        let name: String
        let make: @Sendable () async throws -> (used: any Checkpointable, fresh: any Checkpointable)
        var testDescription: String { name }
    }

    static let parts = [
        Part(name: "optimizer") {
            (
                OptimizerState(
                    step: 3, memory: [("second", [1, -0.0, .leastNonzeroMagnitude]), ("first", [2, 3, 4])]),
                OptimizerState()
            )
        },
        Part(name: "trainer state") {
            var (state, fresh) = (TrainerState(), TrainerState())
            (state.step, state.position, state.tokenCount) = (4, 17, 1 << 40)
            state.optimizer = OptimizerState(step: 4, memory: [("m", [1, 2])])
            (state.reference, fresh.reference) = ([3, 4], [0, 0])
            return (state, fresh)
        },
        Part(name: "curriculum") {
            let recipe = try TestModel.recipe([
                "data.train=[{generator: arithmetic, digits: [1, 1], count: 5}, {generator: sorting, difficulty: [1, 4]}]",
                "data.curriculum={window: 2}",
            ])
            let data = try DataSet.load(recipe).train
            let settings = try #require(recipe.data.curriculum)
            var (used, fresh) = (
                Curriculum(settings, data: data, seed: 7), Curriculum(settings, data: data, seed: 7)
            )
            for position in 0..<6 {
                let row = used.row(at: position, of: data)
                used.observe([(row.index, position % 2 == 0 ? 1 : 0)], of: data)
            }
            return (used, fresh)
        },
        Part(name: "parameters") {
            let sets = (0..<2).map { _ in ParameterSet([("a", [2, 3]), ("b.weight", [4])]) }
            for index in 0..<10 { sets[0].values.floats[index] = Float(index) / 3 }
            sets[1].gradients.floats[2] = 5
            return (sets[0], sets[1])
        },
        Part(name: "run progress") {
            var progress = RunProgress(metricsBytes: 12, completionsBytes: 34)
            progress.add(evaluation: ["eval_accuracy": 0.25, "time/evaluate": 3.0], step: 0)
            progress.add(evaluation: ["eval_accuracy": .double(.nan)], step: 2)
            progress.pending = StepResult(
                metrics: ["reward": 0.1, "loss": -0.0], completions: [["a": "b\n"], ["c": 1]])
            return (progress, RunProgress())
        },
        Part(name: "provenance") {
            let recipe = try TestModel.recipe()
            return (
                try Provenance(recipe, model: TestModel.load(), data: DataSet.load(recipe)), Provenance()
            )
        },
        Part(name: "GRPO trainer") {
            let used = try TestModel.trainer(try TestModel.recipe())
            _ = try await used.step()
            return (used, try TestModel.trainer(try TestModel.recipe()))
        },
        Part(name: "SFT trainer") {
            let recipe = try TestModel.recipe(kind: "sft")
            func trainer() throws -> SFTTrainer {
                let model = try TestModel.load()
                return SFTTrainer(
                    try SFTTrainer.Parts(recipe, model: model, data: DataSet.load(recipe).train),
                    parameters: try TrainedParameters(recipe, model: model))
            }
            let used = try trainer()
            _ = try await used.step()
            return (used, try trainer())
        },
    ]

    @Test("a fresh part that takes a state has that state, through a file too", arguments: parts)
    func roundTrip(part: Part) async throws {
        let (used, fresh) = try await part.make()
        let folder = try TemporaryFolder()
        try StateFile.write(used.savedState, to: folder.path + "/state.h5")
        var restored = fresh
        #expect(restored.savedState != used.savedState, "the table's part has not moved")
        try restored.restore(StateFile.read(folder.path + "/state.h5"))
        #expect(restored.savedState.differences(from: used.savedState) == [])
    }

    @Test("a state with a value missing, or of another kind, is refused by name", arguments: parts)
    func refusals(part: Part) async throws {
        let (used, fresh) = try await part.make()
        let state = used.savedState
        for name in state.names {
            for replacement in [nil, SavedState.Value.bytes([1])] {
                var (changed, copy) = (state, fresh)
                changed[name] = replacement
                let error = #expect(throws: ModelFileError.self, "\(name)") { try copy.restore(changed) }
                #expect(error?.message.contains(name) == true || part.name == "parameters", "\(error?.message ?? "")")
            }
        }
    }

    @Test("an optimizer's memory that is not the rule's is refused")
    func otherOptimizer() async throws {
        let used = try TestModel.trainer(try TestModel.recipe(["optimizer.name=sgd", "optimizer.momentum=0.9"]))
        _ = try await used.step()
        let fresh = try TestModel.trainer(try TestModel.recipe())
        let error = #expect(throws: ModelFileError.self) { try fresh.restore(used.savedState) }
        #expect(error?.message.contains("which is not that of [\"first_moment\", \"second_moment\"]") == true)
    }

    @Test("a trainer that takes another's state goes on with the same bits")
    func goingOn() async throws {
        let (used, fresh) = (
            try TestModel.trainer(try TestModel.recipe()), try TestModel.trainer(try TestModel.recipe())
        )
        for _ in 0..<2 { _ = try await used.step() }
        try fresh.restore(used.savedState)
        for _ in 0..<2 {
            let results = [try await used.step(), try await fresh.step()]
            #expect(results[0].metrics.withoutTimes == results[1].metrics.withoutTimes)
            #expect(results[0].completions == results[1].completions)
        }
        #expect(used.savedState == fresh.savedState)
    }
}
