import ArgumentParser
import Distribution
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import TensorCore
import TextGeneration
import Tracking
import Training

/// `touchstone plan`.
struct PlanCommand: AsyncParsableCommand, RankedCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Tells how much memory a recipe or a model will take, without loading weights.",
        discussion: """
            For a recipe: what it holds all the time, what generation and the update hold beside it, and the peak. \
            Completions are taken to be as long as they may.

            For a model: its parameters, the memory for generating, and for training an adapter of rank 16 on every linear \
            layer with 8 prompts × 8 completions; then, by precision and context, one sequence, and one group of 8 \
            completions; and the largest Qwen that this machine can hold. Without a path: that alone.

            With --ranks and a run of the recipe that took some steps on one rank: how long a step will take on several, \
            each with as many threads. How much longer a token takes with fewer sequences at a time is measured here, so \
            that this loads the model. Where ranks share a machine, and so the bandwidth of its memory, start the command \
            itself by mpirun with as many as one machine will have: they measure at the same time.

            Example:
              touchstone plan
              touchstone plan Recipes/quickstart.yaml --ranks 4 --measured Checkpoints/quickstart --bandwidth 125 --latency 0.1
              touchstone plan Recipes/quickstart.yaml --set rollout.max_new_tokens=256
              touchstone plan Qwen2.5-Coder-0.5B-Instruct --precision bf16 --prompt-tokens 256 --max-new-tokens 512
            """)

    @Argument(help: "A recipe in YAML, a Hugging Face folder or a .gguf file; none for what fits this machine.")
    var path: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Overrides a value of the recipe; may be repeated.", valueName: "key.path=value"))
    var set: [String] = []

    @Option(name: .long, help: ArgumentHelp("Tokens of a prompt, for a model.", valueName: "n"))
    var promptTokens = 256

    @Option(name: .long, help: ArgumentHelp("Tokens of a completion, for a model.", valueName: "n"))
    var maxNewTokens = 256

    @Option(name: .long, help: ArgumentHelp("Sequences generated at a time, for a model.", valueName: "n"))
    var batch = 64

    @Option(name: .long, help: ArgumentHelp("Ranks to predict a recipe's step for.", valueName: "n"))
    var ranks: Int?

    @Option(name: .long, help: ArgumentHelp("A run of the recipe on one rank, for its times.", valueName: "folder"))
    var measured: String?

    @Option(name: .long, help: ArgumentHelp("What a rank's network carries each way, MB a second.", valueName: "n"))
    var bandwidth = 125.0

    @Option(name: .long, help: ArgumentHelp("How long a message is on its way, milliseconds.", valueName: "n"))
    var latency = 0.1

    @Flag(name: .long, help: "One JSON object instead of text.")
    var json = false

    @OptionGroup var launch: RankOptions
    @OptionGroup var messages: MessageOptions

    func validate() throws {
        guard (ranks == nil) == (measured == nil) else {
            throw ValidationError("--ranks and --measured go together: the prediction starts from measured times")
        }
        guard (1...100_000).contains(ranks ?? 1), bandwidth > 0, latency >= 0, latency < 1e6 else {
            throw ValidationError("--ranks is 1 to 100000, --bandwidth above 0, --latency 0 or more")
        }
        for (name, value) in [
            ("--prompt-tokens", promptTokens), ("--max-new-tokens", maxNewTokens), ("--batch", batch),
        ] {
            guard (1...1_000_000).contains(value) else {
                throw ValidationError("\(name) is \(value), expected 1 to 1000000")
            }
        }
    }

    func run() async throws {
        try await launch.run(messages.messages) { group, _ in try report(group) }
    }

    private func report(_ group: RankGroup) throws {
        let isRecipe = path.map { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") } ?? false
        guard isRecipe || set.isEmpty else {
            throw ValidationError("--set changes a recipe; \(path ?? "nothing") is none")
        }
        guard isRecipe || ranks == nil else {
            throw ValidationError("--ranks is for a recipe; \(path ?? "nothing") is none")
        }
        let report =
            switch path {
            case let path? where isRecipe: try recipeReport(path, group)
            case let path?: try modelReport(path)
            case nil: machineReport
            }
        guard group.isFirst else { return }
        try StandardOutput.write(json ? JSONValue.object(report).text() + "\n" : PlanText.text(report))
    }

    private func recipeReport(_ path: String, _ group: RankGroup) throws -> JSONObject {
        let plan = try RecipePlan(path, overrides: set)
        guard let ranks, let measured else { return plan.report }
        var cost = try plan.cost(measured: RunFolder(existing: measured), ranks: ranks, by: group)
        (cost.bandwidth, cost.latency) = (bandwidth * 1e6, latency * 1e-3)
        return cost.report(ranks: ranks)
    }

    private func modelReport(_ path: String) throws -> JSONObject {
        let location = try ModelLocation(path)
        let configuration = try QwenConfiguration(try location.configuration(), path: path)
        var source: GGUFModel?
        if case .gguf(let file) = location { source = try GGUFModel(file) }
        var report: JSONObject = [
            "model": .string(path), "parameters": .integer(configuration.parameterCount),
        ]
        for precision in ComputeOptions.Precision.allCases {
            report[precision.rawValue] = .object(section(configuration, precision.elementType, source))
        }
        report["by context"] = .object(ModelMemory.report(configuration))
        for (key, value) in machineReport { report[key] = value }
        return report
    }

    private var machineReport: JSONObject {
        let (memory, context) = (ModelMemory.machineBytes, promptTokens + maxNewTokens)
        return [
            "machine_bytes": .integer(memory),
            "largest that fits": .object(ModelMemory.largest(memory: memory, context: max(context, 512))),
        ]
    }

    private func section(
        _ configuration: QwenConfiguration, _ precision: ElementType, _ source: GGUFModel?
    ) -> JSONObject {
        var demand = MemoryDemand(model: configuration, precision: precision)
        demand.weightBytes = configuration.weightBytes(precision, storedIn: source)
        let generation = demand.generating(
            sequences: batch, promptTokens: promptTokens, newTokens: maxNewTokens)
        let training = demand.training(
            prompts: 8, completions: 8, promptTokens: promptTokens, newTokens: maxNewTokens)
        return [
            "token_bytes": .integer(configuration.keyValueBytes(precision)),
            "generation": .object(generation.plan.json), "training": .object(training.plan.json),
        ]
    }
}
