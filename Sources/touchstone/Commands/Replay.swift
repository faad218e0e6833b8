import ArgumentParser
import InferenceCore
import OrderedJSON
import TextGeneration
import Tracking
import Training

/// `touchstone replay`.
struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draws one completion of a run again, from its address.",
        discussion: """
            The address is a line's "step", "group" and "sample" in completions.jsonl. Takes the newest checkpoint \
            before that step, retraces steps where it lies further back, and draws that one completion alone: the same \
            tokens and log-probabilities, bit for bit. Writes one JSON object with ids and logprobs; "same" says whether \
            they have the digest that the run recorded, and the status is 1 if not. The run's folder is only read.

            Example:
              touchstone replay Checkpoints/quickstart-20260131-142305 --step 41 --prompt 0 --sample 3
            """)

    @Argument(help: "The folder of a run.")
    var folder: String

    @Option(name: .long, help: "The step, from 1.")
    var step: Int

    @Option(name: .long, help: "Which of the step's prompts (\"group\" in the records), from 0.")
    var prompt = 0

    @Option(name: .long, help: "Which of the prompt's completions, from 0.")
    var sample = 0

    @OptionGroup var messages: MessageOptions

    func validate() throws {
        guard step >= 1 else { throw ValidationError("--step is \(step), expected 1 for the first") }
    }

    func run() async throws {
        let messages = messages.messages
        let folder = try RunFolder(existing: folder)
        let checkpoint = try CheckpointStore(folder).newest(upTo: step - 1)
        let prepared =
            try checkpoint.map { try PreparedRun(ResumedRun.recipe(of: $0), messages: messages) }
            ?? PreparedRun(folder.recipe, overrides: [], messages: messages)
        let distance = step - 1 - (try checkpoint?.step ?? 0)
        if distance > 0 { messages.info("retraces \(distance) steps up to the one before step \(step)") }
        Interruption.setDeferred(true)
        let result = try await PreparedRun.withTemporaryFolder { temporary in
            let run = try prepared.run(in: temporary, from: checkpoint?.withoutRecords, retracing: folder)
            do {
                try await run.retrace(to: step - 1)
                return try run.rollout(prompt: prompt, sample: sample)
            } catch let error as TrainingError where error.code == .interrupted {
                throw CommandFailure(reported: .interrupted)
            }
        }
        let recorded = try recordedDigest(folder)
        let (row, completion) = (result.prompt.row.index, result.completion)
        let isSame = recorded.map { $0 == completion.contentDigest }
        let line: JSONValue = [
            "step": .integer(step), "group": .integer(prompt), "row": .integer(row), "sample": .integer(sample),
            "same": isSame.map { .bool($0) } ?? .null, "digest": .string(completion.contentDigest),
            "finish_reason": .string(completion.finishReason.rawValue),
            "prompt": .string(result.prompt.text), "text": .string(prepared.text(of: completion.tokens)),
            "ids": .array(completion.tokens.map { .integer($0) }),
            "logprobs": .array(completion.logProbs.map { .double(Double($0)) }),
        ]
        try StandardOutput.write(line.text() + "\n")
        if isSame == nil { messages.warning("\(folder.completions): has no line of this address to compare with") }
        if isSame == false { throw CommandFailure("the completion is not the recorded one (\(recorded ?? ""))") }
    }

    /// The digest of the address in the run's records; `nil` if it is not there.
    private func recordedDigest(_ folder: RunFolder) throws -> String? {
        var lines = try LineReader(path: folder.completions)
        while let line = try lines.next() {
            guard let record = try? JSONValue(parsing: line.bytes), record["step"]?.intValue == step,
                record["group"]?.intValue == prompt, record["sample"]?.intValue == sample
            else { continue }
            return record["digest"]?.stringValue
        }
        return nil
    }
}
