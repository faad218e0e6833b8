import ArgumentParser
import Distribution
import Foundation
import InferenceCore
import OrderedJSON
import TextGeneration
import Training

/// `touchstone generate`.
struct Generate: AsyncParsableCommand, RankedCommand {
    static let configuration = CommandConfiguration(
        abstract: "Generates completions of many prompts as one continuous batch.",
        discussion: """
            Reads {"ids":[…]}, {"prompt":"…"} (raw text; special tokens are recognised) or {"messages":[…]} (through the \
            chat template, with "tools" and "enable_thinking" if given) and writes \
            {"id","ids","text","logprobs","finish_reason"} of each completion, in the order of the input, as soon as it \
            is its turn. If a line has several, "ids" counts before "prompt" before "messages".

            The log-probabilities are those of the full softmax at the sampling temperature (at 1 when greedy): the same \
            bits that 'touchstone score' computes. A completion ends with an end token (eos_token_id of \
            generation_config.json, else of config.json, else the tokenizer's), which is its last id but not part of \
            the text; with --stop the text ends before the stop text, the ids are as generated.

            The sampling defaults of generation_config.json are NOT applied: without options tokens are drawn from the \
            model's own distribution (temperature 1). A completion depends on the seed, the line's place in the input and \
            the sample's number, not on other lines, --threads, --max-batch, or how many ranks of mpirun share the work.

            Example:
              touchstone generate Qwen3-0.6B --prompt "1 + 1 =" --greedy --max-new-tokens 8
              touchstone generate Qwen3-0.6B --input questions.jsonl --samples 4 --temperature 0.7 > answers.jsonl
            """)

    @Argument(help: ArgumentHelp("A Hugging Face folder or a .gguf file.", valueName: "model"))
    var model: String

    @Option(name: .long, help: ArgumentHelp("A PEFT folder to apply.", valueName: "folder"))
    var adapter: String?

    @Option(name: .long, help: ArgumentHelp("One prompt, in place of an input of lines.", valueName: "text"))
    var prompt: String?

    @Option(name: .long, help: ArgumentHelp("Longest completion, in tokens.", valueName: "n"))
    var maxNewTokens = 256

    @OptionGroup(title: "Sampling") var sampling: SamplingOptions

    @Option(name: .long, help: ArgumentHelp("Seed of the random draws.", valueName: "s"))
    var seed: UInt64 = 0

    @Option(name: .long, help: ArgumentHelp("Completions of each prompt; \"sample\" numbers them.", valueName: "g"))
    var samples = 1

    @Option(name: .long, help: ArgumentHelp("End a completion before this text; may be repeated.", valueName: "text"))
    var stop: [String] = []

    @Option(
        name: .long, help: ArgumentHelp("A further token that ends a completion; may be repeated.", valueName: "id"))
    var stopTokenID: [Int] = []

    @Flag(name: .customLong("ignore-eos"), help: "Go on after the model's end tokens.")
    var ignoreEOS = false

    @Option(name: .long, help: ArgumentHelp("Whether the chat template opens a thought.", valueName: "true|false"))
    var enableThinking: Bool?

    @OptionGroup var thought: ThoughtOptions

    @Option(name: .long, help: ArgumentHelp("Jinja text to use in place of the model's template.", valueName: "file"))
    var chatTemplate: String?

    @Option(name: .long, help: ArgumentHelp("Sequences that are generated at the same time.", valueName: "n"))
    var maxBatch = 64

    @OptionGroup var input: InputOptions
    @OptionGroup var compute: ComputeOptions
    @OptionGroup var ranks: RankOptions
    @OptionGroup var messages: MessageOptions

    func validate() throws {
        for (name, value) in [("--max-new-tokens", maxNewTokens), ("--samples", samples), ("--max-batch", maxBatch)]
        where !(1...1_000_000).contains(value) {
            throw ValidationError("\(name) is \(value), expected 1 to 1000000")
        }
        if prompt != nil, input.input != "-" {
            throw ValidationError("--prompt and --input are both given: give one of them")
        }
        do { _ = try StopMatcher(stops: stop) } catch { throw ValidationError(error.message) }
    }

    func run() async throws {
        try await ranks.run(messages.messages) { group, messages in
            compute.apply(group)
            let lines = try lines(group, messages)
            let loaded = try OpenedModel(model, adapter: adapter, compute: compute, messages: messages)
            try RankCheck(group).compare(loaded.model, adapter: loaded.adapter)
            let stops = try StopMatcher(stops: stop)
            let reader = try reader(loaded, stops)
            let output = CompletionOutput(tokenizer: loaded.tokenizer, stops: stops, isNumbered: samples > 1)
            var run = GenerationRun(
                Engine(model: loaded.model, maxBatch: maxBatch), lines, reader: reader, samples: samples, output: output
            )
            let start = ContinuousClock.now
            Interruption.setDeferred(true)
            try await lines.run { try run.run() }
            let (seconds, written) = ((ContinuousClock.now - start) / .seconds(1), lines.written)
            let rate = String(format: "%.1f s, %.0f tokens/s", seconds, Double(written.tokens) / max(seconds, 1e-9))
            messages.info("\(written.results) completions, \(written.tokens) tokens, \(rate)")
            try lines.finish()
        }
    }

    private func lines(_ group: RankGroup, _ messages: Messages) throws -> SharedLines {
        guard let prompt else {
            return try SharedLines(
                path: input.input, group: group, messages: messages,
                enough: max(1, GenerationRun.efficientBatch / samples))
        }
        return SharedLines(["prompt": .string(prompt)], name: "--prompt", group: group, messages: messages)
    }

    private func reader(_ loaded: OpenedModel, _ stops: StopMatcher) throws -> PromptReader {
        if !stop.isEmpty, loaded.tokenizer == nil {
            throw CommandFailure(
                "--stop needs text, but \(model) has no tokenizer.json; add the file or use --stop-token-id")
        }
        return PromptReader(
            loaded,
            .init(
                parameters: sampling.parameters(), seed: seed, samples: samples, maxNewTokens: maxNewTokens,
                endTokens: (ignoreEOS ? [] : loaded.endTokens).union(stopTokenID), stops: stops,
                enableThinking: enableThinking, thought: try thought.limits(loaded), chatTemplate: chatTemplate),
            hasStops: !stop.isEmpty)
    }
}
