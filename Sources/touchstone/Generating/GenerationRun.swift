import Foundation
import InferenceCore
import OrderedJSON
import TextGeneration
import Tokenization

/// How a completion is written.
struct CompletionOutput {
    /// Makes the text; `nil` for a model without a tokenizer.
    let tokenizer: Tokenizer?
    /// Where the text ends.
    let stops: StopMatcher
    /// Whether the sample's number is written.
    let isNumbered: Bool

    /// The line of a completion.
    func line(_ completion: Completion, id: JSONValue) -> JSONObject {
        var line: JSONObject = ["id": id]
        if isNumbered { line["sample"] = .integer(completion.sample) }
        line["ids"] = .array(completion.tokens.map { .integer($0) })
        line["text"] =
            tokenizer.map { .string(CompletionText.text(of: completion.tokens, $0, stops: stops)) } ?? .null
        line["logprobs"] = .array(completion.logProbs.map { .float($0) })
        line["finish_reason"] = .string(completion.finishReason.rawValue)
        return line
    }
}

/// Feeds an engine with this rank's share of lines, and hands in their completions.
struct GenerationRun {
    /// Sequences at a time that are computed efficiently.
    static let efficientBatch = 32

    private let engine: Engine
    private let lines: SharedLines
    private let reader: PromptReader
    private let samples: Int
    private let output: CompletionOutput
    /// The lines of requests that have not ended wholly.
    private var begun: [Int: InputLine] = [:]
    /// For each of them how many samples have ended.
    private var ended: [Int: Int] = [:]
    private var outstanding = 0

    init(_ engine: Engine, _ lines: SharedLines, reader: PromptReader, samples: Int, output: CompletionOutput) {
        (self.engine, self.lines, self.reader, self.output) = (engine, lines, reader, output)
        self.samples = samples
    }

    /// Generates until there are no more lines.
    mutating func run() throws {
        var isDrained = false
        repeat {
            // Some requests ahead, so that the engine always has enough to do.
            let room = (4 * engine.maxBatch - outstanding + samples - 1) / samples
            if !isDrained, room > 0 || outstanding == 0 {
                let taken = try lines.take(held: begun.count, wanted: max(1, room))
                isDrained = taken == nil
                for line in taken ?? [] { try add(line) }
            }
            if !engine.isIdle { try step() }
            try lines.flush()
        } while !isDrained || !engine.isIdle
    }

    private mutating func add(_ line: InputLine) throws {
        do {
            begun[try engine.submit(try reader.request(line))] = line
            outstanding += samples
        } catch let error as LineError {
            lines.fail(line, error)
        } catch let error as InferenceError {
            lines.fail(line, LineError(error.message))
        }
    }

    /// One step of the engine. When the user interrupts, what has ended is handed in.
    private mutating func step() throws {
        guard !Interruption.isRequested else {
            engine.cancelAll()
            throw CommandFailure(reported: .interrupted)
        }
        for completion in try engine.step() {
            outstanding -= 1
            guard let line = begun[completion.request] else { continue }
            lines.put(
                output.line(completion, id: line.id), index: line.index, part: completion.sample,
                isLast: completion.sample == samples - 1, tokens: completion.tokens.count)
            ended[completion.request, default: 0] += 1
            guard ended[completion.request] == samples else { continue }
            begun[completion.request] = nil
            ended[completion.request] = nil
        }
    }
}
