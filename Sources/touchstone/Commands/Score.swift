import ArgumentParser
import OrderedJSON
import TextGeneration
import Training

/// `touchstone score`.
struct Score: AsyncParsableCommand, RankedCommand {
    static let configuration = CommandConfiguration(
        abstract: "Computes the log-probability of each token given those before it.",
        discussion: """
            Reads {"ids":[…]}, {"text":"…"} or {"prompt":"…","completion":"…"} and writes \
            {"id","ids","logprobs":[null,…]}, in nats, under the full softmax at --temperature; the first token has none. \
            Prompt and completion are encoded separately and joined, as generation joins them. If a line has "ids", \
            they count. A token's number does not depend on the lines scored with it, on --threads, on how many ranks of mpirun share the work, \
            or on whether it was generated or scored.

            Example:
              echo '{"text":"The capital of France is Paris."}' | touchstone score Qwen3-0.6B
            """)

    @Argument(help: ArgumentHelp("A Hugging Face folder or a .gguf file.", valueName: "model"))
    var model: String

    @Option(name: .long, help: ArgumentHelp("A PEFT folder to apply.", valueName: "folder"))
    var adapter: String?

    @Option(name: .long, help: ArgumentHelp("What logits are divided by.", valueName: "t"))
    var temperature = 1.0

    @OptionGroup var input: InputOptions
    @OptionGroup var compute: ComputeOptions
    @OptionGroup var ranks: RankOptions
    @OptionGroup var messages: MessageOptions

    func validate() throws {
        guard (1e-3...1e3).contains(temperature) else {
            throw ValidationError("--temperature is \(temperature), expected a number from 0.001 to 1000")
        }
    }

    func run() async throws {
        try await ranks.run(messages.messages) { group, messages in
            compute.apply(group)
            let lines = try SharedLines(path: input.input, group: group, messages: messages, enough: 8)
            let loaded = try OpenedModel(model, adapter: adapter, compute: compute, messages: messages)
            try RankCheck(group).compare(loaded.model, adapter: loaded.adapter)
            var scorer = Scorer(loaded.model, adapter: loaded.adapter, temperature: Float(temperature))
            try await lines.run {
                while let taken = try lines.take(wanted: 256) {
                    for line in taken {
                        do {
                            hand(in: scorer.add(try Self.ids(of: line, loaded), line), to: lines)
                        } catch let error as LineError { lines.fail(line, error) }
                    }
                    hand(in: scorer.finish(), to: lines)
                    try lines.flush()
                }
            }
            try lines.finish()
        }
    }

    private func hand(in results: [Scorer.Result], to lines: SharedLines) {
        for result in results {
            lines.put(
                [
                    "id": result.line.id, "ids": .array(result.ids.map { .integer($0) }),
                    "logprobs": .array([.null] + result.logProbs.map { .float($0) }),
                ], index: result.line.index)
        }
    }

    /// The tokens that a line asks for.
    static func ids(of line: InputLine, _ loaded: OpenedModel) throws -> [Int] {
        let ids: [Int]
        if line.has("ids") {
            ids = try line.ids("ids", vocabulary: loaded.vocabularySize)
        } else if line.has("text") {
            ids = try loaded.lineIDs(try line.text("text"))
        } else if line.has("prompt") || line.has("completion") {
            ids = try loaded.lineIDs(try line.text("prompt")) + loaded.lineIDs(try line.text("completion"))
        } else {
            throw LineError("nothing to score, expected \"ids\", \"text\", or \"prompt\" and \"completion\"")
        }
        guard !ids.isEmpty else { throw LineError("there are no tokens to score, expected at least one") }
        guard ids.count <= loaded.contextLength else {
            throw LineError(
                "\(ids.count) tokens, the model's context holds \(loaded.contextLength) (max_position_embeddings)")
        }
        return ids
    }
}
