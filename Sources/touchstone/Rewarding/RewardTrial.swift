import Foundation
import OrderedJSON
import Recipes
import Rewards
import TextGeneration
import Tokenization

/// A recipe's rewards and data, without its model.
struct RewardTrial {
    /// The recipe.
    let recipe: Recipe
    /// Its rewards.
    let rewards: RewardSet
    /// Its data sets.
    let data: (train: DataSet, evaluation: [NamedSet])
    /// The model's tokenizer, if it is there.
    let tokenizer: Tokenizer?

    /// Reads what the command line names.
    init(_ options: RecipeOptions, messages: Messages) throws {
        try self.init(path: options.recipe, overrides: options.set, messages: messages)
    }

    /// Reads a recipe.
    ///
    /// - Throws: `CommandFailure` if it has no rewards, and the errors of recipe, data and rewards.
    init(path: String, overrides: [String], messages: Messages) throws {
        recipe = try Recipe.load(path: path, overrides: overrides)
        guard let rewards = try recipe.rewardSet(log: messages.info) else {
            throw CommandFailure("\(path): kind \(recipe.kind.rawValue) has no rewards; expected kind grpo")
        }
        self.rewards = rewards
        data = try DataSet.load(recipe)
        try rewards.check(data.train)
        try rewards.check(data.evaluation)
        do { tokenizer = try ModelLocation(recipe.model.path).tokenizer() } catch {
            tokenizer = nil
            messages.warning("without the model's tokenizer, rewards of length fail where no ids are given: \(error)")
        }
    }

    /// A sample of a data row.
    func sample(_ completion: String, of row: DataRow) -> RewardSample {
        RewardSample(
            prompt: row.question, messages: row.messages, completion: completion, completionIDs: tokens(completion),
            columns: row.allColumns)
    }

    /// The token ids of a completion with the end token that it had.
    func tokens(_ completion: String) -> [Int] {
        guard let tokenizer, !completion.isEmpty else { return [] }
        return tokenizer.encode(completion) + (tokenizer.eosID.map { [$0] } ?? [])
    }
}

extension DataRow {
    /// The columns with the answer, as rewards see them.
    var allColumns: JSONObject {
        var columns = columns
        if let answer { columns["answer"] = .string(answer) }
        return columns
    }

    /// The conversation, or `null`.
    var messages: JSONValue { if case .messages(let messages) = content { .array(messages) } else { .null } }

    /// The last user message, or the plain prompt.
    var question: String {
        switch content {
        case .messages(let messages):
            messages.last { $0["role"]?.stringValue == "user" }?["content"]?.stringValue ?? ""
        case .text(let prompt), .completion(let prompt, _): prompt
        case .tokens: ""
        }
    }
}

/// The completions of a file, as rewards see them.
struct SavedCompletions {
    /// A completion and what its line is called.
    struct Line {
        let id: JSONValue
        let sample: RewardSample
    }

    /// Fields that are no columns.
    private static let fields: Set<String> = [
        "id", "step", "row", "sample", "prompt", "messages", "completion", "completion_ids", "finish_reason", "tokens",
        "reward", "rewards", "advantage", "columns",
    ]

    private var lines: JSONLinesInput
    private let trial: RewardTrial

    /// Opens a file; `-` is standard input.
    init(_ path: String, trial: RewardTrial, messages: Messages) throws {
        lines = try JSONLinesInput(path: path, messages: messages)
        self.trial = trial
    }

    /// The next few completions; `nil` at the end.
    mutating func next(_ count: Int) throws -> [Line]? {
        var batch: [Line] = []
        let trial = trial
        while batch.count < count, let line = try lines.next({ try Self.line($0, trial) }) { batch.append(line) }
        return batch.isEmpty ? nil : batch
    }

    /// Ends the command with status 1 if some lines could not be used.
    func finish() throws { try lines.finish() }

    private static func line(_ line: InputLine, _ trial: RewardTrial) throws -> Line {
        let completion = try line.text("completion")
        let row = try row(line, trial)
        var columns = row?.allColumns ?? [:]
        for (key, value) in line.object where !fields.contains(key) { columns[key] = value }
        if let given = line.field("columns") {
            guard let object = given.objectValue else {
                throw LineError("\"columns\" is \(InputLine.shown(given)), expected an object")
            }
            for (key, value) in object { columns[key] = value }
        }
        let ids =
            line.has("completion_ids") ? try line.ids("completion_ids", vocabulary: .max) : trial.tokens(completion)
        return Line(
            id: line.id,
            sample: RewardSample(
                prompt: line.has("prompt") ? try line.text("prompt") : row?.question ?? "",
                messages: line.field("messages") ?? row?.messages ?? .null, completion: completion, completionIDs: ids,
                finishReason: line.has("finish_reason") ? try line.text("finish_reason") : "stop", columns: columns))
    }

    /// The row of the training data that a run's line names.
    private static func row(_ line: InputLine, _ trial: RewardTrial) throws -> DataRow? {
        guard let value = line.field("row") else { return nil }
        guard let number = value.intValue, let row = trial.data.train.row(number: number) else {
            let count = trial.data.train.count.map(String.init) ?? "any number of"
            throw LineError("\"row\" is \(InputLine.shown(value)), expected one of the \(count) rows of data.train")
        }
        return row
    }
}

/// What rewards said over many batches.
struct RewardSummary {
    private var outcomes: [String: [RewardOutcome]] = [:]
    private var names: [String] = []

    /// Whether a reward failed on any sample.
    var hasFailures: Bool { outcomes.values.contains { $0.contains { $0.failure != nil } } }

    /// Adds a batch.
    mutating func add(_ report: RewardReport) {
        if names.isEmpty { names = report.parts.map(\.name) }
        for part in report.parts { outcomes[part.name, default: []] += part.outcomes }
    }

    /// A line for each reward.
    var lines: [String] {
        names.map { name in
            let all = outcomes[name] ?? []
            let summary = RewardReport.Summary(all)
            func text(_ value: Double?) -> String { value.map { String(format: "%.4g", $0) } ?? "–" }
            let causes = summary.failed.sorted { $0.key.rawValue < $1.key.rawValue }
                .map { "\($0.value) \($0.key.rawValue)" }.joined(separator: ", ")
            let first = all.lazy.compactMap(\.failure).first.map { "; first: \($0)" } ?? ""
            return "\(name): mean \(text(summary.mean)), std \(text(summary.standardDeviation)), applies to "
                + "\(text(summary.applicable * 100)) % of \(all.count)"
                + (causes.isEmpty ? "" : ", failed: \(causes)\(first)")
        }
    }
}
