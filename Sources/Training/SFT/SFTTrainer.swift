import Distribution
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import TensorCore

/// Supervised fine-tuning: the likelihood of given completions.
public final class SFTTrainer: Trainer {
    /// What a trainer is made of.
    public struct Parts: Sendable {
        /// The rows.
        public var data: DataSet
        /// Turns them into sequences.
        public var encoder: SFTEncoder
        /// What is minimised.
        public var loss: CrossEntropy
        /// How parameters move.
        public var optimizer: ParameterOptimizer
        /// Rows of a step.
        public var batchSize: Int
        /// Rows of the whole run: the last step may have fewer. `nil`: no end.
        public var totalRows: Int?

        /// Parts; see the properties.
        public init(
            data: DataSet, encoder: SFTEncoder, loss: CrossEntropy, optimizer: ParameterOptimizer, batchSize: Int,
            totalRows: Int? = nil
        ) {
            self.data = data
            self.encoder = encoder
            self.loss = loss
            self.optimizer = optimizer
            self.batchSize = batchSize
            self.totalRows = totalRows
        }
    }

    /// What the trainer is made of.
    public let parts: Parts
    /// What is trained.
    public let parameters: TrainedParameters
    /// What a checkpoint holds besides the parameters.
    public private(set) var state: TrainerState
    /// The adapter as it is now; `nil` when every parameter is trained.
    public private(set) var adapter: Adapter?
    /// The batch of the update that failed last, if one has.
    public private(set) var failedBatch: JSONObject?
    private let signal: StopSignal
    private let ranks: RankGroup

    /// A trainer.
    ///
    /// - Parameter state: Where to go on; the beginning unless given.
    /// - Parameter signal: Ends an unfinished step when a stop is asked for.
    /// - Parameter ranks: Who takes the steps together.
    public init(
        _ parts: Parts, parameters: TrainedParameters, state: TrainerState? = nil, signal: StopSignal = StopSignal(),
        ranks: RankGroup = .alone
    ) {
        self.parts = parts
        self.parameters = parameters
        self.state = state ?? TrainerState()
        (self.signal, self.ranks) = (signal, ranks)
        adapter = parameters.install()
    }

    /// Takes a step on the next rows.
    public nonisolated(nonsending) func step() async throws -> StepResult {
        let (watch, idle) = (Stopwatch(), IdleWatch())
        var next = state
        let end = min(state.position + parts.batchSize, parts.totalRows ?? .max)
        var (units, skipped) = ([TrainingUnit](), 0)
        while next.position < end {
            let found = try parts.encoder.units(parts.data.row(at: next.position))
            skipped += found.isEmpty ? 1 : 0
            units += found
            next.position += 1
        }
        let updateWatch = Stopwatch()
        let (result, norm) = try update(units, &next.optimizer)
        adapter = parameters.install()
        let optimizerSeconds = updateWatch.seconds - result.times.forward - result.times.backward
        let tokens = units.reduce(0) { $0 + $1.tokenCount + $1.group.completions.count }
        next.step += 1
        next.tokenCount += tokens
        let learningRate = parts.optimizer.schedule.rate(at: state.step)
        state = next
        let seconds = watch.seconds
        return StepResult(
            metrics: [
                "loss": .double(result.loss), "grad_norm": .double(norm), "learning_rate": .double(learningRate),
                "entropy": .double(result.entropy), "learned_tokens": .integer(result.tokens),
                "num_tokens": .integer(state.tokenCount), "rows/skipped": .integer(skipped),
                "epoch": parts.data.count.map { .double(Double(state.position) / Double($0)) } ?? .null,
                "step_time": .double(seconds), "tokens_per_second": .double(Double(tokens) / max(seconds, 1e-9)),
                "time/forward": .double(result.times.forward), "time/backward": .double(result.times.backward),
                "time/optimizer": .double(optimizerSeconds), "time/idle": .double(idle.seconds),
            ], completions: [])
    }

    /// The loss and the optimizer's step; nothing has changed but `failedBatch` when either can't be computed.
    private func update(
        _ units: [TrainingUnit], _ optimizer: inout OptimizerState
    ) throws(TrainingError) -> (CrossEntropy.Result, norm: Double) {
        OutOfMemory.advise("go on with --resume and a lower batch.activation_memory")
        do throws(TrainingError) {
            let result = try parts.loss(
                units, adapter: adapter, parameters: parameters.set, step: state.step, signal: signal, ranks: ranks)
            return (result, try parts.optimizer.advance(parameters.set, state: &optimizer, step: state.step))
        } catch {
            parameters.set.clearGradients()
            failedBatch = record(of: units, error)
            throw error
        }
    }

    /// A batch that failed.
    private func record(of units: [TrainingUnit], _ error: TrainingError) -> JSONObject {
        let sequences = units.map { unit -> JSONValue in
            let learned = unit.learned.map { JSONValue.array($0.map { .array($0.map { .bool($0) }) }) } ?? .null
            let completions = unit.group.completions.map { JSONValue.array($0.map { .integer($0) }) }
            return [
                "prompt_ids": .array(unit.group.prompt.map { .integer($0) }), "completions": .array(completions),
                "learned": learned,
            ]
        }
        return [
            "step": .integer(state.step + 1), "error": .string(error.message),
            "learning_rate": .double(parts.optimizer.schedule.rate(at: state.step)), "sequences": .array(sequences),
        ]
    }
}

extension SFTTrainer {
    /// Parameters and counters.
    public var savedState: SavedState {
        ["parameters": .group(parameters.set.savedState), "state": .group(state.savedState)]
    }

    /// Goes on where another trainer of the recipe was.
    public func restore(_ saved: SavedState) throws {
        try parameters.set.restore(saved.group("parameters"))
        try state.restore(saved.group("state"))
        try state.optimizer.check(parts.optimizer.rule, parameterCount: parameters.set.count, saved.place)
        adapter = parameters.install()
    }
}

extension SFTTrainer.Parts {
    /// The parts of a recipe. An epoch's last batch is filled up from the next epoch; only the run's last may be smaller.
    ///
    /// - Throws: `TrainingError` (`data`) for epochs over data without end.
    public init(_ recipe: Recipe, model: LoadedModel, data: DataSet) throws(TrainingError) {
        let steps = try Self.steps(recipe, data: data)
        self.init(
            data: data,
            encoder: SFTEncoder(model.text, maxTokens: recipe.sft.maxTokens, learnsAll: recipe.sft.learn == .all),
            loss: CrossEntropy(model: model.model, limits: PassLimits(recipe.batch)),
            optimizer: ParameterOptimizer(recipe, totalSteps: steps.steps), batchSize: recipe.sft.batchSize,
            totalRows: steps.rows)
        loss.routerBalance = recipe.optimizer.routerBalance
        loss.dropout = (recipe.adapter.dropout, UInt64(bitPattern: Int64(recipe.seed)))
    }

    /// How many steps a recipe has, and how many rows where epochs say so.
    static func steps(_ recipe: Recipe, data: DataSet) throws(TrainingError) -> (steps: Int, rows: Int?) {
        if let steps = recipe.steps { return (steps, nil) }
        guard let count = data.count else {
            throw TrainingError(.data, "sft.epochs: data.train has no end; give steps, or data.train.count")
        }
        let rows = max(1, Int((min(recipe.sft.epochs ?? 3, 1e5) * Double(count)).rounded()))
        return ((rows + recipe.sft.batchSize - 1) / recipe.sft.batchSize, rows)
    }
}
