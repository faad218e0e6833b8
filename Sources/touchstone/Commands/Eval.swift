import ArgumentParser
import Foundation
import OrderedJSON
import Recipes
import Training

/// `touchstone eval`.
struct Eval: AsyncParsableCommand, RankedCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures a model or an adapter on held-out problems, or compares two of them.",
        discussion: """
            The target is a recipe, whose data.evaluation is asked and whose rollout, evaluation and rewards say how; or a \
            model with --data, which is judged by {type: task} unless --reward says otherwise. A line for each set: \
            eval_accuracy (avg@k), eval_pass_at_K (unbiased), eval_maj_at_K, each with the ends of its 95 % interval \
            (_low, _high), and the other metrics of an evaluation; after several sets a line for all. --items writes a line \
            for each problem with its completions.

            --compare asks two adapters the same problems with the same seeds ("base" is the model itself) and gives their \
            difference (the first minus the second) with its 95 % interval, and the chance p_value of one as large between \
            equals: McNemar's exact test for one completion a problem, an exact sign-flip test for more.

            Example:
              touchstone eval Recipes/quickstart.yaml --adapter Checkpoints/quickstart-…/best --samples 8
              touchstone eval Qwen3-0.6B --data '{generator: knights_and_knaves, difficulty: [1, 4]}' --greedy
              touchstone eval Qwen3-0.6B --data '{path: gsm8k-test.jsonl, prompt: question, answer_after: "####"}' \
            --count 200 --samples 4 --compare run-a/adapter base --items items.jsonl
            """)

    @Argument(help: ArgumentHelp("A recipe in YAML, or a model.", valueName: "recipe|model"))
    var target: String

    @Option(
        name: .long,
        help: ArgumentHelp("Overrides a value of the recipe; may be repeated.", valueName: "key.path=value"))
    var set: [String] = []

    @Option(name: .long, help: ArgumentHelp("What is asked, as data.evaluation has it, or a file.", valueName: "data"))
    var data: String?

    @Option(
        name: .long,
        help: ArgumentHelp("What judges, as in evaluation.rewards; may be repeated.", valueName: "reward"))
    var reward: [String] = []

    @Option(name: .long, help: ArgumentHelp("A PEFT folder to apply.", valueName: "folder"))
    var adapter: String?

    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp("Two adapters to compare; base is the model itself.", valueName: "adapter"))
    var compare: [String] = []

    @Option(name: .long, help: ArgumentHelp("Problems of each set, from the first on.", valueName: "n"))
    var count: Int?

    @Option(name: .long, help: ArgumentHelp("Completions of each problem.", valueName: "k"))
    var samples: Int?

    @OptionGroup(title: "Sampling") var sampling: SamplingOptions

    @Option(name: .long, help: ArgumentHelp("Seed of the random draws.", valueName: "s"))
    var seed: Int?

    @Option(name: .long, help: ArgumentHelp("Longest completion, in tokens.", valueName: "n"))
    var maxNewTokens: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Whether the chat template is to make the model think; both asks each problem both ways.",
            valueName: "true|false|both"))
    var enableThinking: Recipe.Evaluation.Thinking?

    @OptionGroup var thought: ThoughtOptions

    @Option(name: .long, help: ArgumentHelp("System message.", valueName: "text"))
    var system: String?

    @Option(name: .long, help: ArgumentHelp("Where a line for each problem goes; must be new.", valueName: "file"))
    var items: String?

    @OptionGroup var compute: ComputeOptions
    @OptionGroup var ranks: RankOptions
    @OptionGroup var messages: MessageOptions

    func validate() throws {
        guard compare.isEmpty || compare.count == 2 else {
            throw ValidationError("--compare takes two adapters, got \(compare.count)")
        }
        if !compare.isEmpty, adapter != nil {
            throw ValidationError("--adapter and --compare are both given: give one of them")
        }
        for (name, value, greatest) in [
            ("--count", count, 1_000_000), ("--samples", samples, 4096), ("--max-new-tokens", maxNewTokens, 1_048_576),
        ] {
            guard let value, !(1...greatest).contains(value) else { continue }
            throw ValidationError("\(name) is \(value), expected 1 to \(greatest)")
        }
        if let seed, seed < 0 { throw ValidationError("--seed is \(seed), expected at least 0") }
    }

    func run() async throws {
        try await ranks.run(messages.messages) { group, messages in
            let target = try EvaluationTarget(self, messages: messages, group: group)
            Interruption.setDeferred(true)
            do {
                if compare.count == 2 {
                    try await target.compare(compare[0], compare[1])
                } else {
                    try await target.evaluate(adapter ?? EvaluationTarget.base)
                }
            } catch let error as TrainingError where error.code == .interrupted {
                throw CommandFailure(reported: .interrupted)
            }
        }
    }
}

extension Recipe.Evaluation.Thinking: ExpressibleByArgument {}
