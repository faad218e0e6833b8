import ArgumentParser
import Foundation
import OrderedJSON
import Recipes
import Rewards
import Training

/// `touchstone reward`.
struct Reward: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tries the rewards of a recipe without training.",
        subcommands: [RewardTest.self, RewardCompare.self, RewardScreen.self])
}

/// A recipe with its overrides.
struct RecipeOptions: ParsableArguments {
    @Argument(help: "A recipe in YAML.")
    var recipe: String

    @Option(
        name: .long,
        help: ArgumentHelp("Overrides a value of the recipe; may be repeated.", valueName: "key.path=value"))
    var set: [String] = []
}

/// `touchstone reward test`.
struct RewardTest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Runs a recipe's rewards over completions, or over the known answers of its data.",
        discussion: """
            With --completions each line gives {"id","reward","rewards"}: what each reward says and their weighted sum. \
            A line is one of a run's completions.jsonl, whose row is looked up in the recipe's data, or \
            {"completion", "prompt"?, "messages"?, "completion_ids"?, "finish_reason"?, "columns"?}; other fields are \
            columns.

            Without it, each reward that knows answers is given the row's answer, which must score 1, and a wrong one, \
            which must score 0. Lines tell what is not so, then there is a line for each reward. The exit status is 1 if \
            anything was wrong or has failed.

            Example:
              touchstone reward test Recipes/quickstart.yaml
              touchstone reward test Recipes/quickstart.yaml --completions Checkpoints/quickstart-…/completions.jsonl
            """)

    @OptionGroup var recipe: RecipeOptions

    @Option(name: .long, help: ArgumentHelp("JSON Lines with completions; - is standard input.", valueName: "file"))
    var completions: String?

    @Option(name: .long, help: ArgumentHelp("Rows of each data set whose answers are tried.", valueName: "n"))
    var count = 100

    @OptionGroup var messages: MessageOptions

    func run() async throws {
        let messages = messages.messages
        let trial = try RewardTrial(recipe, messages: messages)
        guard let completions else { return try await AnswerTrial(trial, count: count).run() }
        var lines = try SavedCompletions(completions, trial: trial, messages: messages)
        var summary = RewardSummary()
        while let batch = try lines.next(64) {
            let report = try await trial.rewards.score(batch.map(\.sample))
            for (index, line) in batch.enumerated() {
                let reward = report.combined[index].map { JSONValue.double($0) } ?? .null
                try StandardOutput.write(
                    line: ["id": line.id, "reward": reward, "rewards": .object(report.outcomes(of: index))])
            }
            summary.add(report)
        }
        for line in summary.lines { messages.info(line) }
        try lines.finish()
        if summary.hasFailures { throw CommandFailure(reported: .failed) }
    }
}

/// `touchstone reward compare`.
struct RewardCompare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Lists the completions that the rewards of two recipes judge differently.",
        discussion: """
            The completions are those of `reward test`. A line for each that differs: {"id","completion","rewards":\
            {NAME:{"a","b"}},"a","b"}, where a and b are the weighted sums, and under rewards what differs. A reward that \
            only one recipe has is null in the other.

            Example:
              touchstone reward compare old.yaml new.yaml --completions run/completions.jsonl
            """)

    @Argument(help: "A recipe in YAML.")
    var a: String

    @Argument(help: "Another one.")
    var b: String

    @Option(name: .long, help: ArgumentHelp("JSON Lines with completions; - is standard input.", valueName: "file"))
    var completions: String

    @OptionGroup var messages: MessageOptions

    func run() async throws {
        let messages = messages.messages
        let first = try RewardTrial(path: a, overrides: [], messages: messages)
        let second = try RewardTrial(path: b, overrides: [], messages: messages)
        var lines = try SavedCompletions(completions, trial: first, messages: messages)
        var (all, different) = (0, 0)
        while let batch = try lines.next(64) {
            let samples = batch.map(\.sample)
            let reports = (try await first.rewards.score(samples), try await second.rewards.score(samples))
            for (index, line) in batch.enumerated() {
                all += 1
                let differences = Self.differences(reports.0.outcomes(of: index), reports.1.outcomes(of: index))
                guard !differences.isEmpty || reports.0.combined[index] != reports.1.combined[index] else { continue }
                different += 1
                try StandardOutput.write(line: [
                    "id": line.id, "completion": .string(line.sample.completion), "rewards": .object(differences),
                    "a": reports.0.combined[index].map { .double($0) } ?? .null,
                    "b": reports.1.combined[index].map { .double($0) } ?? .null,
                ])
            }
        }
        messages.info("\(different) of \(all) completions are judged differently")
        try lines.finish()
    }

    private static func differences(_ a: JSONObject, _ b: JSONObject) -> JSONObject {
        var differences = JSONObject()
        for name in a.keys + b.keys.filter({ a[$0] == nil }) where a[name] != b[name] {
            differences[name] = ["a": a[name] ?? .null, "b": b[name] ?? .null]
        }
        return differences
    }
}

/// `touchstone reward screen`.
struct RewardScreen: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "screen",
        abstract: "Finds out which problems of a recipe's training data a model can learn from.",
        discussion: """
            The model answers each problem several times. A line a problem: {"row","pass_rate","samples","answer","keep"}. \
            A problem is kept unless all samples are right or none is, or the row's own answer does not score 1: such \
            groups have no spread and teach nothing. --kept writes the rows that are kept as data for another run: \
            --set data.train='{path: kept.jsonl}'.

            Example:
              touchstone reward screen Recipes/quickstart.yaml --count 200 --samples 8 --kept kept.jsonl > difficulty.jsonl
            """)

    @OptionGroup var recipe: RecipeOptions

    @Option(name: .long, help: ArgumentHelp("Problems, from the first on.", valueName: "n"))
    var count = 200

    @Option(name: .long, help: ArgumentHelp("Samples of each problem.", valueName: "k"))
    var samples = 8

    @Option(name: .long, help: ArgumentHelp("Where the rows go that are kept; must be new.", valueName: "file"))
    var kept: String?

    @OptionGroup var messages: MessageOptions

    func validate() throws {
        guard (1...1_000_000).contains(count) else { throw ValidationError("--count: expected 1 to 1000000") }
        guard (2...4096).contains(samples) else { throw ValidationError("--samples: expected 2 to 4096") }
    }

    func run() async throws {
        try await Screening(recipe, count: count, samples: samples, kept: kept, messages: messages.messages).run()
    }
}
