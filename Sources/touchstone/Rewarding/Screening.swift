import Foundation
import InferenceCore
import OrderedJSON
import Recipes
import Rewards
import Tracking
import Training

/// Lets a model answer the problems of a recipe several times, to find those that it can learn from.
struct Screening {
    /// Problems that are generated for at the same time.
    private static let chunk = 32

    private let prepared: PreparedRun
    private let rewards: RewardSet
    private let evaluator: Evaluator
    private let messages: Messages
    private let kept: JSONLinesWriter?

    /// Loads what a recipe names.
    ///
    /// - Throws: `CommandFailure` if the recipe has no rewards or the file for kept rows is there already.
    init(_ options: RecipeOptions, count: Int, samples: Int, kept: String?, messages: Messages) throws {
        self.messages = messages
        if let kept, FileManager.default.fileExists(atPath: kept) {
            throw CommandFailure("\(kept): is there already; give a new file to --kept")
        }
        prepared = try PreparedRun(
            options.recipe,
            overrides: options.set + [
                "evaluation.samples=\(samples)", "evaluation.count=\(count)", "evaluation.temperature=",
            ],
            messages: messages)
        guard let rewards = try prepared.recipe.rewardSet(log: messages.info) else {
            throw CommandFailure("\(options.recipe): kind sft has no rewards; expected kind grpo")
        }
        try rewards.check(prepared.data.train)
        self.rewards = rewards
        evaluator = try Evaluator(
            prepared.recipe, model: prepared.model, data: prepared.data.train, rewards: rewards,
            thinks: prepared.recipe.rollout.thinkingShare >= 0.5)
        self.kept = try kept.map { try JSONLinesWriter(path: $0) }
    }

    /// Writes a line for each problem.
    func run() async throws {
        let recipe = prepared.recipe
        let engine = Engine(
            model: prepared.model.model, maxBatch: recipe.rollout.maxBatch > 0 ? recipe.rollout.maxBatch : 64)
        Interruption.setDeferred(true)
        var (done, keeping) = (0, 0)
        for start in stride(from: 0, to: evaluator.prompts.count, by: Self.chunk) {
            let prompts = Array(evaluator.prompts[start..<min(start + Self.chunk, evaluator.prompts.count)])
            let part = Evaluator(prompts: prompts, sampler: evaluator.sampler, rewards: rewards)
            let groups: [ScoredGroup]
            do {
                groups = try await part(engine, adapter: nil, signal: Interruption.stopSignal).problems.map(\.group)
            } catch let error
                as TrainingError where error.code == .interrupted
            { throw CommandFailure(reported: .interrupted) }
            for group in groups {
                done += 1
                if try await write(group, rate: part.checker.passRate(of: group)) { keeping += 1 }
            }
        }
        messages.info("\(keeping) of \(done) problems are worth keeping")
    }

    /// Writes the line of a problem; says whether it is kept.
    private func write(_ group: ScoredGroup, rate: Double?) async throws -> Bool {
        let row = group.prompt.row
        let answer = try await answer(of: row)
        let keep = rate.map { $0 > 0 && $0 < 1 } == true && answer != "wrong"
        try StandardOutput.write(line: [
            "row": .integer(row.index), "pass_rate": rate.map { .double($0) } ?? .null,
            "samples": .integer(group.samples.count), "answer": .string(answer), "keep": .bool(keep),
        ])
        guard keep else { return false }
        var columns = row.allColumns
        // A generator's rows have no column for the prompt.
        if columns["prompt"] == nil, columns["messages"] == nil { columns["prompt"] = .string(row.question) }
        try kept?.append(columns)
        return true
    }

    /// Whether the row's own answer scores 1: `right`, `wrong`, or `unknown` where no reward knows it.
    private func answer(of row: DataRow) async throws -> String {
        for entry in rewards.entries {
            guard let function = entry.function as? any AnswerChecking,
                let right = function.exemplars(row.allColumns)?.right
            else { continue }
            let sample = RewardSample(
                prompt: row.question, messages: row.messages, completion: right, columns: row.allColumns)
            return try await RewardSet([.init(function)]).score([sample]).combined == [1] ? "right" : "wrong"
        }
        return "unknown"
    }
}
