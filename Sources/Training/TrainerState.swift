import ModelFiles
import OrderedJSON
import QwenModel

/// Everything besides the parameters that a trainer needs to go on exactly where it stopped. Draws are addressed by step,
/// so no generator has a state.
public struct TrainerState: Sendable, Equatable {
    /// Steps taken.
    public var step = 0
    /// Where the next step begins to read the stream of rows.
    public var position = 0
    /// Tokens seen so far, prompts included.
    public var tokenCount = 0
    /// The optimizer's memory.
    public var optimizer = OptimizerState()
    /// Which tasks come next; `nil`: the data's own order.
    public var curriculum: Curriculum?
    /// The values of a reference policy that has parameters of its own, in the order of the trained ones.
    public var reference: [Float]?

    /// The state before the first step.
    public init() {}
}

extension TrainerState: Checkpointable {
    /// The counters, the optimizer's own state, and the curriculum and the moving reference if there are any.
    public var savedState: SavedState {
        var state: SavedState = [
            "step": .integer(step), "position": .integer(position), "token_count": .integer(tokenCount),
            "optimizer": .group(optimizer.savedState),
        ]
        state["curriculum"] = curriculum.map { .group($0.savedState) }
        state["reference"] = reference.map { .floats($0, shape: [$0.count]) }
        return state
    }

    /// Takes back all of it; a state with a reference wants one as long, and one with a curriculum wants one that fits.
    public mutating func restore(_ state: SavedState) throws {
        step = try state.count("step")
        position = try state.count("position")
        tokenCount = try state.count("token_count")
        try optimizer.restore(state.group("optimizer"))
        if curriculum != nil { try curriculum?.restore(state.group("curriculum")) }
        if let count = reference?.count { reference = try state.floats("reference", shape: [count]) }
    }
}

/// What one step gives to whoever keeps records.
public struct StepResult: Sendable {
    /// Metrics by their names in metrics.jsonl. Values that depend on the clock, and differ from run to run, are
    /// `step_time`, `tokens_per_second`, and those whose names begin with `time/`; all others are the same bits whenever a
    /// recipe is run again.
    public var metrics: JSONObject
    /// A record for each completion, for completions.jsonl; empty for supervised training.
    public var completions: [JSONObject]
    /// What the user should hear about this step, a line each.
    public var warnings: [String] = []

    /// The share of completions that a reward gives 1, among those that it could score; `nil` if there are none.
    func passRate(_ reward: String?) -> Double? {
        guard let reward else { return nil }
        let scores = completions.compactMap { $0["rewards"]?[reward]?["score"]?.doubleValue }
        return scores.isEmpty ? nil : Double(scores.count { $0 >= 1 }) / Double(scores.count)
    }
}

/// What takes steps. Its state holds all that moves: parameters, counters, the optimizer's memory.
public protocol Trainer: AnyObject, Checkpointable {
    /// What is trained.
    var parameters: TrainedParameters { get }
    /// What a checkpoint holds besides the parameters.
    var state: TrainerState { get }
    /// The adapter as it is now; `nil` when every parameter is trained.
    var adapter: Adapter? { get }
    /// The batch of the update that failed last, for whoever looks into it; `nil` when none has.
    var failedBatch: JSONObject? { get }

    /// Takes a step.
    ///
    /// - Throws: `TrainingError`, `InferenceError`; with code `interrupted` nothing has changed.
    nonisolated(nonsending) func step() async throws -> StepResult
}
