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
import Training

/// What `eval` measures: a model with evaluation sets and a checker.
struct EvaluationTarget {
    /// What the model itself is called among adapters.
    static let base = "base"

    private let model: LoadedModel
    private let evaluators: [Evaluator]
    private let engine: Engine
    private let items: JSONLinesWriter?
    private let messages: Messages
    /// Who generates and judges; the first rank writes.
    private let group: RankGroup

    /// Loads what the command line names.
    ///
    /// - Throws: `CommandFailure` if there is nothing to ask or to judge by, and the errors of recipe, data and model.
    init(_ command: Eval, messages: Messages, group: RankGroup) throws {
        (self.messages, self.group) = (messages, group)
        if group.isFirst, let items = command.items, FileManager.default.fileExists(atPath: items) {
            throw CommandFailure("\(items): is there already; give a new file to --items")
        }
        let recipe = try Self.recipe(command)
        let sets = try DataSet.evaluation(recipe).sets
        guard !sets.isEmpty else { throw CommandFailure("\(command.target): has no data.evaluation; give --data") }
        for note in sets.flatMap(\.data.notes) { messages.warning(note) }
        guard let rewards = try recipe.checkerSet(log: messages.info) ?? recipe.rewardSet(log: messages.info) else {
            throw CommandFailure("\(command.target): kind sft has no rewards; give --reward, or evaluation.rewards")
        }
        ComputeDevice.threadCount = recipe.threads
        if recipe.threads == 0 { RankOptions.shareThreads(group) }
        let model = try PreparedRun.model(recipe)
        self.model = model
        evaluators = try Evaluator.all(recipe, model: model, sets: sets, rewards: rewards)
        engine = Engine(model: model.model, maxBatch: recipe.rollout.maxBatch > 0 ? recipe.rollout.maxBatch : 64)
        items = group.isFirst ? try command.items.map { try JSONLinesWriter(path: $0) } : nil
    }

    /// Evaluates an adapter: a line for each set, and one for all if there are several.
    func evaluate(_ adapter: String) async throws {
        var results: [EvaluationResult] = []
        for evaluator in evaluators {
            let result = try await measure(evaluator, try loaded(adapter), adapter)
            try write(line(result, adapter))
            results.append(result)
        }
        guard results.count > 1 else { return }
        let mean = Proportion(meanOf: results.map(\.accuracy))
        try write([
            "set": "all", "adapter": .string(adapter), "eval_accuracy": .double(mean.mean),
            "eval_accuracy_low": .double(mean.low), "eval_accuracy_high": .double(mean.high),
        ])
    }

    /// Compares two adapters on the same problems with the same draws.
    func compare(_ first: String, _ second: String) async throws {
        let adapters = (try loaded(first), try loaded(second))
        var (a, b) = ([Double?](), [Double?]())
        for evaluator in evaluators {
            let mine = try await measure(evaluator, adapters.0, first)
            let theirs = try await measure(evaluator, adapters.1, second)
            try write(
                comparison(
                    mine.problems.map(\.share), theirs.problems.map(\.share), evaluator, evaluator.name,
                    (first, mine.accuracy.mean), (second, theirs.accuracy.mean)))
            a += mine.problems.map(\.share)
            b += theirs.problems.map(\.share)
        }
        guard evaluators.count > 1 else { return }
        func mean(_ shares: [Double?]) -> Double { Proportion(shares: shares.compactMap { $0 }).mean }
        try write(
            comparison(a, b, evaluators[0], "all", (first, mean(a)), (second, mean(b))))
    }

    private func write(_ line: JSONObject) throws { if group.isFirst { try StandardOutput.write(line: line) } }

    private func measure(_ evaluator: Evaluator, _ adapter: Adapter?, _ name: String) async throws -> EvaluationResult {
        let result = try await evaluator(engine, adapter: adapter, signal: Interruption.stopSignal, ranks: group)
        for problem in result.problems {
            var record: JSONObject = ["adapter": .string(name)]
            for (key, value) in problem.record(set: result.name) { record[key] = value }
            try items?.append(record)
        }
        let set = result.name.isEmpty ? "" : "\(result.name): "
        func percent(_ share: Double) -> String { String(format: "%.1f", share * 100) }
        let accuracy = result.accuracy
        messages.info(
            "\(set)\(name): \(percent(accuracy.mean)) % (95 % interval \(percent(accuracy.low))–\(percent(accuracy.high))) of "
                + "\(result.problems.count) problems, \(result.samples) completions each")
        if result.skipped > 0 { messages.warning("\(set)\(result.skipped) problems were too long and are left out") }
        return result
    }

    private func line(_ result: EvaluationResult, _ adapter: String) -> JSONObject {
        var line: JSONObject = ["set": .string(result.name), "adapter": .string(adapter)]
        for (key, value) in MetricsRecord.sanitized(result.unnamed.metrics) { line[key] = value }
        line["eval_skipped"] = .integer(result.skipped)
        return line
    }

    private func comparison(
        _ a: [Double?], _ b: [Double?], _ evaluator: Evaluator, _ set: String,
        _ first: (name: String, accuracy: Double),
        _ second: (name: String, accuracy: Double)
    ) -> JSONObject {
        let paired = PairedComparison(a, b, samples: evaluator.sampler.groupSize)
        func number(_ value: Double) -> JSONValue { value.isFinite ? .double(value) : .null }
        return [
            "set": .string(set), "first": .string(first.name), "second": .string(second.name),
            "first_accuracy": number(first.accuracy), "second_accuracy": number(second.accuracy),
            "difference": number(paired.difference), "difference_low": number(paired.low),
            "difference_high": number(paired.high), "p_value": number(paired.p), "test": .string(paired.test.rawValue),
            "problems": .integer(paired.problems), "wins": .integer(paired.wins), "losses": .integer(paired.losses),
            "samples": .integer(evaluator.sampler.groupSize),
        ]
    }

    private func loaded(_ path: String) throws -> Adapter? {
        var adapter: Adapter?
        if path != Self.base {
            do { adapter = try Adapter(try AdapterFolder(path: path), model: model.model) } catch {
                throw CommandFailure("\(path): \(error)")
            }
        }
        try RankCheck(group).compare(model.model, adapter: adapter)
        return adapter
    }
}

extension EvaluationTarget {
    /// The recipe with what the command line changes in it; a model gets one of its own.
    private static func recipe(_ command: Eval) throws -> Recipe {
        var overrides = command.set
        if let data = command.data {
            let isYAML = data.hasPrefix("{") || data.hasPrefix("[")
            let path = URL(fileURLWithPath: data).standardizedFileURL.path
            overrides.append("data.evaluation=\(isYAML ? data : "{path: \(JSONValue.string(path).text())}")")
        }
        if !command.reward.isEmpty {
            overrides.append("evaluation.rewards=[\(command.reward.joined(separator: ", "))]")
        }
        let isRecipe = [".yaml", ".yml"].contains { command.target.lowercased().hasSuffix($0) }
        var recipe: Recipe
        if isRecipe {
            recipe = try Recipe.load(path: command.target, overrides: overrides)
        } else {
            guard command.data != nil else {
                throw CommandFailure("\(command.target): a model needs --data to be asked")
            }
            recipe = try Recipe(
                yaml: Self.yaml(command), folder: FileManager.default.currentDirectoryPath, overrides: overrides,
                source: "--data or --set")
            if command.samples == nil, command.sampling.greedy || command.sampling.temperature == 0 {
                recipe.evaluation.samples = 1
            }
        }
        return try changed(recipe, by: command)
    }

    /// The recipe of a bare model. What it would train on is never made.
    private static func yaml(_ command: Eval) -> String {
        """
        kind: grpo
        name: eval
        threads: \(command.compute.threads)
        model: {path: \(JSONValue.string(command.target).text()), precision: \(command.compute.precision.rawValue)}
        data:
          train: {generator: arithmetic, seed: \(Int.max)}
          evaluation: null
        rewards: [{type: task}]
        rollout: {max_new_tokens: 512}
        """
    }

    private static func changed(_ recipe: Recipe, by command: Eval) throws -> Recipe {
        var recipe = recipe
        let sampling = command.sampling
        if sampling.greedy { recipe.evaluation.temperature = 0 }
        if let temperature = sampling.temperature { recipe.evaluation.temperature = temperature }
        if let topP = sampling.topP { recipe.rollout.topP = topP }
        if let topK = sampling.topK { recipe.rollout.topK = topK }
        if let minP = sampling.minP { recipe.rollout.minP = minP }
        if let penalty = sampling.repetitionPenalty { recipe.rollout.repetitionPenalty = penalty }
        if let seed = command.seed { recipe.seed = seed }
        if let count = command.count { recipe.evaluation.count = count }
        if let samples = command.samples { recipe.evaluation.samples = samples }
        if let tokens = command.maxNewTokens { recipe.evaluation.maxNewTokens = tokens }
        if let thinking = command.enableThinking { recipe.evaluation.thinking = thinking }
        if let budget = command.thought.thinkingBudget { recipe.rollout.thinking.budget = budget }
        if let tokens = command.thought.answerTokens { recipe.rollout.thinking.answerTokens = tokens }
        if let system = command.system { recipe.data.system = system }
        if recipe.evaluation.temperature == 0 {
            if let samples = command.samples, samples > 1 {
                throw CommandFailure(
                    "--samples is \(samples), but greedy completions are all the same; give 1", status: .wrongUsage)
            }
            recipe.evaluation.samples = 1
        }
        return recipe
    }
}
