import InferenceCore
import OrderedJSON

/// A request on its way: the events of its samples become an answer, whole or piece by piece.
struct Answering: Sendable {
    /// An event of a job, with the job's place in the request.
    typealias Event = (job: Int, event: JobEvent)

    let form: ChoiceForm
    /// The samples of each job.
    let samples: Int
    let jobs: Int
    let promptTokens: Int
    let promptIDs: [[Int]]
    let streamsUsage: Bool
    /// What each sample's text is made with.
    let text: AnswerText
    /// The prompts, if they are told again.
    let echo: Echo?
    let events: AsyncStream<Event>

    private var choices: Int { jobs * samples }

    /// The whole answer.
    ///
    /// - Throws: `ServingError` if it could not be made to the end.
    func whole() async throws(ServingError) -> JSONValue {
        var texts = Array(repeating: text, count: choices)
        var pieces = Array(repeating: AnswerPiece(), count: choices)
        var prompts = EchoedPrompts(echo, jobs: jobs)
        var done: [Int: JSONValue] = [:]
        var tokens = 0
        for await (job, event) in events {
            switch event {
            case .failure(let error): throw error
            case .prompt(let piece): prompts.add(piece, to: job)
            case .token(let token):
                guard echo?.isAll != true else { continue }
                let index = job * samples + token.sample
                pieces[index].append(texts[index].append(token))
            case .completion(let completion):
                let index = job * samples + completion.sample
                pieces[index].append(texts[index].finish())
                pieces[index] = prompts.piece(of: job, before: pieces[index])
                if echo?.isAll != true { tokens += completion.tokens.count }
                done[index] = form.whole(index, pieces[index], finish: finish(completion, texts[index]))
            }
        }
        guard done.count == choices else { throw ServingError(.unavailable, "the request was given up") }
        var answer = form.format.object(
            form.objectName(isPiece: false), choices: done.sorted { $0.key < $1.key }.map(\.value))
        answer["usage"] = AnswerFormat.usage(prompt: promptTokens, completion: tokens)
        if form.tellsTokens {
            let lists: [JSONValue] = promptIDs.map { .array($0.map { .integer($0) }) }
            answer["prompt_token_ids"] = lists.count == 1 ? lists[0] : .array(lists)
        }
        return .object(answer)
    }

    /// The answer piece by piece, as JSON texts.
    ///
    /// - Returns: A stream that ends with the answer, or with an error's JSON.
    /// - Throws: `ServingError` if there is not even a first token.
    func stream() async throws(ServingError) -> AnswerStream {
        var iterator = events.makeAsyncIterator()
        guard let first = await iterator.next() else { throw ServingError(.unavailable, "the request was given up") }
        if case .failure(let error) = first.event { throw error }
        return AnswerStream(answering: self, first: first)
    }

    func finish(_ completion: Completion, _ text: AnswerText) -> String {
        if echo?.isAll == true { return FinishReason.length.rawValue }
        return text.callCount > 0 && completion.finishReason == .stop
            ? "tool_calls" : completion.finishReason.rawValue
    }
}

extension AnswerPiece {
    mutating func append(_ other: AnswerPiece) {
        content += other.content
        thought += other.thought
        calls += other.calls
        tokens += other.tokens
    }
}
