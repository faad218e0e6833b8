import Distribution
import Foundation
import InferenceCore
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import Rewards
import TensorCore
import Tracking

/// A whole run: steps with everything around them, which is evaluation, records, saving, progress, and interruption.
///
/// Two runs of the same recipe write the same completions.jsonl and the same adapters, byte by byte, and the same
/// metrics.jsonl but for the values that `isTime(_:)` names.
public final class TrainingRun {
    /// How a run ended.
    public enum Outcome: Sendable, Equatable {
        /// All steps are done.
        case finished(step: Int)
        /// It was asked to stop, and saved what it had after this many steps.
        case interrupted(step: Int)
    }

    /// The recipe.
    public let recipe: Recipe
    /// The trainer.
    public private(set) var trainer: any Trainer
    /// Steps of the whole run.
    public let totalSteps: Int
    /// What the user should know about a run that goes on.
    public let notes: [String]
    private let model: LoadedModel
    private let evaluation: RunEvaluation
    /// What writes the records; `nil` on all ranks but the first.
    private let output: RunOutput?
    private let ranks: RankGroup
    private let signal: StopSignal
    private let progress: ProgressLine?
    private var observers: [any RunObserver]
    private let checker: String?
    private let publisher: (any AdapterPublisher)?
    private let rollouts: (any RolloutEngine)?
    private let engine: Engine
    private var remaining = RemainingTime()
    private let provenance: Provenance
    private var state = RunProgress()
    private var savedStep: Int?

    /// Prepares a run: the part that is trained, the trainer, the evaluation set, and the folder's first files.
    ///
    /// - Parameter data: The recipe's data sets.
    /// - Parameter rewards: The recipe's rewards; not needed for `sft`.
    /// - Parameter checkers: Those of `evaluation.rewards`; `nil` evaluates by the rewards of training.
    /// - Parameter folder: Where records go; with a checkpoint, where they went before.
    /// - Parameter checkpoint: Where to go on; `nil` begins.
    /// - Parameter publisher: Is given the adapter after each step; what it fails at is told, and the run goes on.
    /// - Parameter rollouts: Where the completions of training come from; `nil`: this process's own core. Evaluations are
    ///   always its own.
    /// - Parameter signal: Asks the run to stop, from anywhere.
    /// - Parameter progress: Shows how it goes; `nil` is silent.
    /// - Parameter observers: Make views of the records; one that fails is named once and left out from then on.
    /// - Parameter ranks: The processes that take the steps together. The first one keeps the records.
    /// - Throws: `TrainingError` (`changed` if the checkpoint is of another recipe, model or data) and the errors of
    ///   model, data and files.
    public init(
        _ recipe: Recipe, model: LoadedModel, data: (train: DataSet, evaluation: [NamedSet]), rewards: RewardSet?,
        checkers: RewardSet? = nil, folder: RunFolder, from checkpoint: Checkpoint? = nil,
        publisher: (any AdapterPublisher)? = nil, rollouts: (any RolloutEngine)? = nil,
        signal: StopSignal = StopSignal(), progress: ProgressLine? = nil, observers: [any RunObserver] = [],
        ranks: RankGroup = .alone
    ) throws {
        (self.recipe, self.model, self.signal, self.progress) = (recipe, model, signal, progress)
        (self.publisher, self.observers, self.ranks) = (publisher, ranks.isFirst ? observers : [], ranks)
        self.rollouts = rollouts
        checker = (checkers ?? rewards).map { Checker($0).name }
        if recipe.adapter.kind == .none, model.source is GGUFModel {
            throw TrainingError(
                .unsupported,
                "adapter.kind none writes a whole model folder, which needs one to start from; "
                    + "\(model.source.path) is none: convert it first, or train an adapter")
        }
        provenance = try Provenance(recipe, model: model, data: data)
        notes = try checkpoint?.provenance.check(provenance) ?? []
        let parameters = try TrainedParameters(recipe, model: model)
        engine = Engine(
            model: model.model,
            maxBatch: recipe.rollout.maxBatch > 0 ? recipe.rollout.maxBatch : MemoryDemand.evaluationBatch)
        switch recipe.kind {
        case .grpo:
            guard let rewards else { throw TrainingError(.unsupported, "kind grpo needs rewards; add one") }
            totalSteps = recipe.steps ?? 100
            let parts = GRPOTrainer.Parts(
                recipe, model: model, data: data.train, rewards: rewards,
                reference: try ReferencePolicy(recipe, model: model))
            trainer = GRPOTrainer(parts, parameters: parameters, signal: signal, ranks: ranks, engine: rollouts)
            evaluation = try RunEvaluation(recipe, model: model, sets: data.evaluation, rewards: checkers ?? rewards)
        case .sft:
            let parts = try SFTTrainer.Parts(recipe, model: model, data: data.train)
            totalSteps = try SFTTrainer.Parts.steps(recipe, data: data.train).steps
            trainer = SFTTrainer(parts, parameters: parameters, signal: signal, ranks: ranks)
            evaluation = try RunEvaluation(
                recipe, model: model, sets: data.evaluation, rewards: checkers, parts: parts)
        }
        if let checkpoint {
            try trainer.restore(checkpoint.trainer)
            state = checkpoint.progress
            savedStep = trainer.state.step
        }
        output =
            ranks.isFirst
            ? try RunOutput(
                folder, recipe: recipe, data: ["train": data.train.report], progress: state, step: trainer.state.step)
            : nil
    }

    /// Whether a metric depends on the clock: `step_time`, `tokens_per_second`, and names that begin with `time/`.
    public static func isTime(_ name: String) -> Bool {
        name == "step_time" || name == "tokens_per_second" || name.hasPrefix("time/")
    }

    /// Takes all steps, or goes on until some step.
    ///
    /// - Parameter last: The step to end after, if that is before the run's own last.
    /// - Returns: How it ended; an interruption is no error.
    /// - Throws: The errors of the trainer and of the files. What was saved before stays.
    public nonisolated(nonsending) func run(until last: Int = .max) async throws -> Outcome {
        defer { progress?.finish() }
        do {
            let outcome = try await takeSteps(until: last)
            await close()
            return outcome
        } catch {
            await close()
            throw error
        }
    }

    /// Frees what generation holds elsewhere; `run(until:)` does it by itself.
    public nonisolated(nonsending) func close() async { await rollouts?.close() }

    private nonisolated(nonsending) func takeSteps(until last: Int) async throws -> Outcome {
        if let output { notify { try $0.begin(output.folder) } }
        defer { notify { try $0.milestone() } }
        do {
            try RankCheck(ranks).compare(provenance, trainer, model: model)
            try await begin()
            while trainer.state.step < min(last, totalSteps) {
                try ranks.check(signal)
                try RankCheck(ranks).compare(trainer.parameters.set, step: trainer.state.step)
                try await conclude(try await trainer.step())
            }
        } catch let error as TrainingError where error.code == .interrupted {
            if savedStep != trainer.state.step { try save() }
            progress?.message("stopped after step \(trainer.state.step) of \(totalSteps); all of it is saved")
            return .interrupted(step: trainer.state.step)
        } catch let error as TrainingError
            where [.notFinite, .mismatch, .rewardFailed, .rollout].contains(error.code)
        {
            // The update that failed has moved nothing; what went before it must not be lost.
            if savedStep != trainer.state.step { try save() }
            if let batch = trainer.failedBatch {
                // The error itself must not be lost where this can't be written.
                let path = try? output?.save(failedBatch: batch, step: trainer.state.step + 1)
                progress?.message(path.map { "the batch that failed is in \($0)" } ?? "the batch can't be written")
            }
            throw error
        }
        if savedStep != trainer.state.step { try save() }
        try write { try $0.synchronize() }
        summarize()
        return .finished(step: trainer.state.step)
    }

    /// Saves and evaluates before the first step, or finishes the step that a checkpoint was taken in.
    private nonisolated(nonsending) func begin() async throws {
        if let result = state.pending {
            try await conclude(result)
        } else if trainer.state.step == 0 {
            try write { try $0.save(checkpoint) }
            guard recipe.evaluation.atStart, let metrics = try await evaluate() else { return }
            try record(step: 0, StepResult(metrics: metrics, completions: []))
        }
    }

    /// What follows a step: evaluation, records, saving. The records count once all of them are there.
    private nonisolated(nonsending) func conclude(_ result: StepResult) async throws {
        var complete = result
        let step = trainer.state.step
        if isDue(recipe.evaluation.every, step) {
            do { if let metrics = try await evaluate() { complete.metrics.merge(metrics) } } catch let error
                as TrainingError
                where error.code == .interrupted || error.code == .rewardFailed
            {
                // The step has its own records meanwhile; a resumed run evaluates and writes them again.
                try write { try $0.append(step: step, result) }
                state.pending = result
                savedStep = nil
                throw error
            }
        }
        try record(step: step, complete)
        state.pending = nil
        if let output { (state.metricsBytes, state.completionsBytes) = output.recordLengths }
        let isSaved = recipe.checkpoint.every > 0 && step % recipe.checkpoint.every == 0
        if isSaved { try save() }
        if isSaved || isDue(recipe.evaluation.every, step) { notify { try $0.milestone() } }
        show(complete, step: step)
        await publish()
        for warning in complete.warnings { progress?.message(warning) }
    }

    /// Writes a step's records, and shows them to the observers.
    private func record(step: Int, _ result: StepResult) throws {
        try write { try $0.append(step: step, result) }
        let metrics = MetricsRecord.step(step, result.metrics)
        let recorded = RecordedStep(step: step, metrics: metrics, completions: result.completions)
        notify { try $0.add(recorded) }
    }

    /// Tells the observers something; the run goes on without one that can't do its work.
    private func notify(_ action: (any RunObserver) throws -> Void) {
        observers = observers.filter { observer in
            do { try action(observer) } catch {
                progress?.message("\(observer.name) is not kept any more: \(error)")
                return false
            }
            return true
        }
    }

    /// Hands the adapter on to where it is served.
    private nonisolated(nonsending) func publish() async {
        guard let publisher, case .adapter(let adapter) = trainer.parameters else { return }
        do { try await publisher.publish(adapter, step: trainer.state.step) } catch {
            progress?.message("step \(trainer.state.step): not published: \(error)")
        }
    }

    private func isDue(_ every: Int, _ step: Int) -> Bool { every > 0 && (step % every == 0 || step == totalSteps) }

    /// Evaluates, and keeps the adapter if it is the best so far.
    private nonisolated(nonsending) func evaluate() async throws -> JSONObject? {
        let step = trainer.state.step
        guard
            let (metrics, groups) = try await evaluation(engine, adapter: trainer.adapter, signal: signal, ranks: ranks)
        else {
            return nil
        }
        if !groups.isEmpty { try write { try $0.append(evaluation: groups.records(step: step)) } }
        state.add(evaluation: metrics, step: step)
        if state.bestStep == step, case .adapter(let adapter) = trainer.parameters {
            try write { try $0.save(adapter, step: step, isBest: true) }
        }
        return metrics
    }

    /// Says what the run has done to held-out accuracy.
    private func summarize() {
        guard let first = state.firstEvaluation, let last = state.lastEvaluation, recipe.evaluation.atStart,
            state.accuracy != nil
        else { return }
        func text(_ metrics: JSONObject) -> String {
            func percent(_ name: String) -> String {
                String(format: "%.1f", (metrics[name]?.doubleValue ?? .nan) * 100)
            }
            return "\(percent("eval_accuracy")) % (95 % interval \(percent("eval_accuracy_low"))–"
                + "\(percent("eval_accuracy_high")))"
        }
        progress?.message("held-out accuracy: \(text(first)) before, \(text(last)) after \(trainer.state.step) steps")
        if let output, let best = state.bestEvaluation, let step = state.bestStep, step != trainer.state.step {
            progress?.message("best after \(step) steps: \(text(best)); its adapter is \(output.folder.bestAdapter)")
        }
    }

    /// The run as it is between two steps.
    public var checkpoint: Checkpoint {
        Checkpoint(provenance: provenance, trainer: trainer.savedState, progress: state)
    }

    /// Saves what was learned and where to go on; the checkpoint comes last, so that all it counts on is there.
    private func save() throws {
        try write { output in
            try output.synchronize()
            switch trainer.parameters {
            case .adapter(let adapter): try output.save(adapter, step: trainer.state.step)
            case .all(let full):
                let type: StoredType = recipe.model.precision == .bf16 ? .bfloat16 : .float32
                try output.save(full, of: model, type: type)
            }
            try output.save(checkpoint)
        }
        savedStep = trainer.state.step
    }

    /// Writes on the first rank; all ranks fail if it can't.
    private func write(_ body: (RunOutput) throws -> Void) throws {
        try ranks.first { if let output { try body(output) } }
    }

    private func show(_ result: StepResult, step: Int) {
        for note in result.failureNotes { progress?.message("step \(step): \(note)") }
        let seconds = result.metrics["step_time"]?.doubleValue ?? .nan
        progress?.show(
            ProgressState(
                step: step, total: totalSteps, reward: result.metrics["reward"]?.doubleValue,
                passRate: result.passRate(checker), accuracy: state.accuracy,
                tokensPerSecond: result.metrics["tokens_per_second"]?.doubleValue,
                remainingSeconds: remaining.update(stepSeconds: seconds, step: step, total: totalSteps),
                phases: PhaseTimes(result.metrics).summary()))
    }
}
