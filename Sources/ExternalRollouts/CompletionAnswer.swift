import InferenceCore
import OrderedJSON

/// What a server says it has generated, read from JSON but not yet believed.
struct CompletionAnswer {
    /// The model's name, where it is told.
    var model: String?
    /// The prompt's tokens, where they are told.
    var prompt: [Int]?
    /// The tokens.
    var tokens: [Int]
    /// Their log-probabilities.
    var logProbs: [Double]
    /// Why it ended, in the server's word.
    var finish: String

    /// Reads an answer.
    ///
    /// - Throws: `ExternalRolloutError` (`wrongAnswer`).
    init(_ text: String, from kind: ServerKind) throws(ExternalRolloutError) {
        let value: JSONValue
        do { value = try JSONValue(parsing: text) } catch {
            throw Self.fault("is no JSON (\(error)): \(ExternalRolloutError.shown(text))")
        }
        guard value.objectValue != nil else { throw Self.fault("is no JSON object") }
        switch kind {
        case .vllm, .touchstone: try self.init(openAI: value)
        case .sglang: try self.init(generated: value)
        }
    }

    /// OpenAI's form, with vLLM's `token_ids`, or tokens spelled `token_id:123` where a version has only those.
    private init(openAI value: JSONValue) throws(ExternalRolloutError) {
        guard let choices = value["choices"]?.arrayValue, choices.count == 1, let choice = choices.first else {
            throw Self.fault("has \(value["choices"]?.arrayValue?.count ?? 0) choices, expected 1")
        }
        guard let model = value["model"]?.stringValue else { throw Self.fault("names no model") }
        self.model = model
        guard let finish = choice["finish_reason"]?.stringValue else {
            throw Self.fault("has no finish_reason, expected stop or length")
        }
        self.finish = finish
        let spelled = choice["logprobs"]?["tokens"]?.arrayValue?.map { Self.token(spelled: $0.stringValue ?? "") }
        let listed = try Self.integers(choice["token_ids"], "token_ids")
        guard let tokens = listed ?? (spelled.map { $0.compactMap { $0 } }) else {
            throw Self.fault("has no token_ids; the server must know return_token_ids")
        }
        if listed == nil, tokens.count != spelled?.count {
            throw Self.fault("has no token_ids, and its tokens are texts; the server must know return_token_ids")
        }
        if let listed, let spelled, !spelled.isEmpty, spelled.allSatisfy({ $0 != nil }), spelled != listed {
            throw Self.fault("has token_ids that are not the tokens of its log-probabilities")
        }
        self.tokens = tokens
        logProbs = try Self.numbers(choice["logprobs"]?["token_logprobs"], "logprobs.token_logprobs")
        prompt = try Self.integers(choice["prompt_token_ids"] ?? value["prompt_token_ids"], "prompt_token_ids")
    }

    /// SGLang's own form.
    private init(generated value: JSONValue) throws(ExternalRolloutError) {
        guard let information = value["meta_info"] else { throw Self.fault("has no meta_info") }
        guard let finish = information["finish_reason"]?["type"]?.stringValue else {
            throw Self.fault("has no meta_info.finish_reason.type, expected stop or length")
        }
        self.finish = finish
        guard let pairs = information["output_token_logprobs"]?.arrayValue else {
            throw Self.fault("has no meta_info.output_token_logprobs")
        }
        var told: [Int] = []
        logProbs = []
        for pair in pairs {
            guard let logProb = pair[0]?.doubleValue, let token = pair[1]?.intValue else {
                throw Self.fault("has something else than [log-probability, token] in output_token_logprobs")
            }
            logProbs.append(logProb)
            told.append(token)
        }
        tokens = try Self.integers(value["output_ids"], "output_ids") ?? told
        guard tokens == told else {
            throw Self.fault("has output_ids that are not the tokens of its log-probabilities")
        }
    }

    /// `token_id:123`.
    private static func token(spelled text: String) -> Int? {
        guard text.hasPrefix("token_id:") else { return nil }
        return Int(text.dropFirst("token_id:".count))
    }

    /// A list of integers; `nil` where it is missing or null.
    private static func integers(_ value: JSONValue?, _ name: String) throws(ExternalRolloutError) -> [Int]? {
        guard let value, !value.isNull else { return nil }
        guard let list = value.arrayValue else { throw fault("has a \(name) that is no list") }
        let integers = list.compactMap(\.intValue)
        guard integers.count == list.count else { throw fault("has something else than integers in \(name)") }
        return integers
    }

    private static func numbers(_ value: JSONValue?, _ name: String) throws(ExternalRolloutError) -> [Double] {
        guard let list = value?.arrayValue else { throw fault("has no \(name); the server must know logprobs") }
        let numbers = list.compactMap(\.doubleValue)
        guard numbers.count == list.count else { throw fault("has something else than numbers in \(name)") }
        return numbers
    }

    private static func fault(_ what: String) -> ExternalRolloutError { .init(.wrongAnswer, "the answer " + what) }
}

/// Decides whether an answer is a completion of what was asked.
struct CompletionCheck: Sendable {
    /// Tokens that the model knows.
    let vocabularySize: Int
    /// Log-probabilities from here down stand for −∞: vLLM writes −9999.
    private static let leastLogProb = -9000.0
    /// Rounding may bring a log-probability above 0.
    private static let greatestLogProb = 1e-3

    /// The completion.
    ///
    /// - Parameter model: The name that was asked for.
    /// - Throws: `ExternalRolloutError` (`wrongAnswer`).
    func callAsFunction(
        _ answer: CompletionAnswer, to job: CompletionJob, model: String
    ) throws(ExternalRolloutError) -> Completion {
        if let told = answer.model, told != model {
            throw Self.fault("comes from the model '\(told.prefix(100))', expected '\(model)'")
        }
        if let prompt = answer.prompt, prompt != job.prompt {
            throw Self.fault(
                "is to a prompt of \(prompt.count) other tokens than the \(job.prompt.count) that were sent")
        }
        let reason = try finish(answer, job)
        return try completion(tokens: answer.tokens, logProbs: answer.logProbs, reason, of: job)
    }

    /// A completion of its parts, as they come from a server or from a file.
    ///
    /// - Throws: `ExternalRolloutError` (`wrongAnswer`).
    func completion(
        tokens: [Int], logProbs: [Double], _ reason: FinishReason, of job: CompletionJob
    ) throws(ExternalRolloutError) -> Completion {
        guard (1...job.maxNewTokens).contains(tokens.count) else {
            throw Self.fault("has \(tokens.count) tokens, expected 1 to \(job.maxNewTokens)")
        }
        guard logProbs.count == tokens.count else {
            throw Self.fault("has \(logProbs.count) log-probabilities for \(tokens.count) tokens")
        }
        if let token = tokens.first(where: { !(0..<vocabularySize).contains($0) }) {
            throw Self.fault("has the token \(token), expected 0 to \(vocabularySize - 1)")
        }
        if let value = logProbs.first(where: { !($0 > Self.leastLogProb && $0 <= Self.greatestLogProb) }) {
            throw Self.fault("has the log-probability \(value), expected a finite number up to 0")
        }
        if let place = tokens.dropLast().firstIndex(where: job.endTokens.contains) {
            throw Self.fault("goes on behind the end token \(tokens[place]); the server must know stop_token_ids")
        }
        let ends = tokens.last.map(job.endTokens.contains) ?? false
        switch reason {
        case .stop where !ends && !job.isStopped(tokens):
            throw Self.fault("says 'stop', but ends with neither an end token nor a stop text")
        case .length where tokens.count < job.maxNewTokens:
            throw Self.fault(
                "was cut off after \(tokens.count) of \(job.maxNewTokens) tokens; the server's longest sequence must hold "
                    + "prompt and completion (vLLM: --max-model-len)")
        default: break
        }
        return Completion(
            request: job.request, sample: job.sample, tokens: tokens,
            logProbs: logProbs.map { Float(min($0, 0)) }, finishReason: ends ? .stop : reason,
            thought: job.thought.map { Thought(of: tokens, $0, prompt: job.prompt) })
    }

    private func finish(_ answer: CompletionAnswer, _ job: CompletionJob) throws(ExternalRolloutError) -> FinishReason {
        guard let reason = FinishReason(rawValue: answer.finish) else {
            throw Self.fault("ended for '\(answer.finish.prefix(100))', expected stop or length")
        }
        return reason
    }

    private static func fault(_ what: String) -> ExternalRolloutError { .init(.wrongAnswer, "the answer " + what) }
}
