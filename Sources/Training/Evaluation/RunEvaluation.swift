import Distribution
import InferenceCore
import OrderedJSON
import QwenModel
import Recipes
import Rewards

/// All that a run is evaluated on: problems that are answered and checked, and for `sft` the loss on held-out rows.
struct RunEvaluation {
    private let evaluators: [Evaluator]
    private let sequences: [(name: String, units: [TrainingUnit])]
    private let loss: CrossEntropy?

    /// The evaluation of a `grpo` run.
    ///
    /// - Throws: `TrainingError`, as `Evaluator.all` does.
    init(_ recipe: Recipe, model: LoadedModel, sets: [NamedSet], rewards: RewardSet) throws(TrainingError) {
        evaluators = try Evaluator.all(recipe, model: model, sets: sets, rewards: rewards)
        (sequences, loss) = ([], nil)
    }

    /// The evaluation of an `sft` run; with rewards, problems are answered too.
    ///
    /// - Throws: `TrainingError` (`data`) for rows that can't be used.
    init(
        _ recipe: Recipe, model: LoadedModel, sets: [NamedSet], rewards: RewardSet?, parts: SFTTrainer.Parts
    ) throws {
        evaluators = try rewards.map { try Evaluator.all(recipe, model: model, sets: sets, rewards: $0) } ?? []
        sequences = try sets.map { set in
            let rows = (0..<min(recipe.evaluation.count ?? .max, set.data.count ?? 200)).map { set.data.row(index: $0) }
            return (set.name, try rows.flatMap { try parts.encoder.units($0) })
        }
        loss = parts.loss
    }

    /// Evaluates a policy.
    ///
    /// - Returns: The metrics, and the groups of all sets one after the other; `nil` where there is nothing to evaluate on.
    nonisolated(nonsending) func callAsFunction(
        _ engine: Engine, adapter: Adapter?, signal: StopSignal, ranks: RankGroup = .alone
    ) async throws -> (metrics: JSONObject, groups: [ScoredGroup])? {
        guard !evaluators.isEmpty || !sequences.isEmpty else { return nil }
        let watch = Stopwatch()
        var metrics = try losses(adapter, signal, ranks)
        var results: [EvaluationResult] = []
        for evaluator in evaluators {
            results.append(try await evaluator(engine, adapter: adapter, signal: signal, ranks: ranks))
        }
        if !results.isEmpty { metrics.merge(EvaluationResult.metrics(of: results)) }
        metrics["time/evaluate"] = .double(watch.seconds)
        return (metrics, results.flatMap { $0.problems.map(\.group) })
    }

    /// `eval_loss` over all learned tokens, and that of each named set.
    private func losses(_ adapter: Adapter?, _ signal: StopSignal, _ ranks: RankGroup) throws -> JSONObject {
        guard let loss else { return [:] }
        var metrics = JSONObject()
        var (sum, tokens) = (0.0, 0)
        for (name, units) in sequences {
            let result = try loss(units, adapter: adapter, parameters: nil, signal: signal, ranks: ranks)
            sum += result.loss * Double(result.tokens)
            tokens += result.tokens
            if sequences.count == 1 { metrics["eval_loss"] = .double(result.loss) }
            if !name.isEmpty { metrics["eval_\(name)_loss"] = .double(result.loss) }
        }
        if sequences.count > 1 { metrics["eval_loss"] = .double(sum / Double(max(tokens, 1))) }
        metrics["eval_learned_tokens"] = .integer(tokens)
        return metrics
    }
}
