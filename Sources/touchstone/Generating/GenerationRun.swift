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

/// Feeds an engine with requests as they are read, and writes completions in the order of the requests.
struct GenerationRun {
    private let engine: Engine
    private let samples: Int
    private let output: CompletionOutput
    private var queue: CompletionQueue
    /// The ids of requests that have not been written wholly.
    private var ids: [Int: JSONValue] = [:]
    private var outstanding = 0
    private var completions = 0
    private var tokens = 0
    private let start = ContinuousClock.now

    init(_ engine: Engine, samples: Int, output: CompletionOutput) {
        self.engine = engine
        self.samples = samples
        self.output = output
        queue = CompletionQueue(samples: samples)
    }

    /// What was done, for a message.
    var summary: String {
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let rate = String(format: "%.1f s, %.0f tokens/s", seconds, Double(tokens) / max(seconds, 1e-9))
        return "\(completions) completions, \(tokens) tokens, \(rate)"
    }

    /// Takes a request; computes while the engine has more to do than it can do at once.
    mutating func add(_ request: GenerationRequest, id: JSONValue) throws {
        do { ids[try engine.submit(request)] = id } catch let error as InferenceError {
            throw LineError(error.message)
        }
        outstanding += samples
        while outstanding >= 4 * engine.maxBatch { try step() }
    }

    /// Computes what is left.
    mutating func finish() throws { while !engine.isIdle { try step() } }

    /// One step of the engine. When the user interrupts, what has ended is written.
    private mutating func step() throws {
        guard !Interruption.isRequested else {
            engine.cancelAll()
            for completion in queue.drain() { try write(completion) }
            throw CommandFailure(reported: .interrupted)
        }
        for completion in try engine.step() {
            outstanding -= 1
            for ready in queue.add(completion) { try write(ready) }
        }
    }

    private mutating func write(_ completion: Completion) throws {
        try StandardOutput.write(line: output.line(completion, id: ids[completion.request] ?? .null))
        completions += 1
        tokens += completion.tokens.count
        if completion.sample == samples - 1 { ids[completion.request] = nil }
    }
}
