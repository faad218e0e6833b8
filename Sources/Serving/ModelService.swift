import ConstrainedDecoding
import Foundation
import InferenceCore
import OrderedJSON
import QwenModel
import Randomness
import Synchronization
import TextGeneration
import Tokenization

/// An answer to a request for completions.
public enum Reply: Sendable {
    /// All at once: a JSON object.
    case whole(JSONValue)
    /// Piece by piece.
    case stream(AnswerStream)
}

/// What a server does, without HTTP: bodies of requests in OpenAI's form go in, answers come out.
public final class ModelService: Sendable {
    /// Limits of single requests.
    public struct Options: Sendable {
        /// Tokens of a completion whose request gives no limit.
        public var defaultMaxTokens: Int
        /// Seconds after which a request is given up, waiting included; `nil` never.
        public var timeout: Double?

        /// Options.
        public init(defaultMaxTokens: Int = 2048, timeout: Double? = 600) {
            self.defaultMaxTokens = defaultMaxTokens
            self.timeout = timeout
        }
    }

    /// The base model.
    public let served: ServedModel
    /// The adapters.
    public let shelf: AdapterShelf
    /// What runs the requests.
    public let scheduler: Scheduler
    private let options: Options
    let startTime = Int(Date().timeIntervalSince1970)

    /// A service at work.
    public init(_ served: ServedModel, shelf: AdapterShelf, scheduler: Scheduler, options: Options = Options()) {
        self.served = served
        self.shelf = shelf
        self.scheduler = scheduler
        self.options = options
    }

    /// Answers the body of `/v1/chat/completions`.
    ///
    /// - Throws: `ServingError`.
    public func chat(_ body: some Sequence<UInt8> & Sendable) async throws(ServingError) -> Reply {
        let request = try ChatRequest(try RequestFields(body: body), defaults: served.defaults)
        let target = try target(request.sampling.model)
        let rendered = try served.render(request.conversation)
        let isOpen = rendered.suffix(64).split(whereSeparator: \.isWhitespace).last?.hasSuffix(ThoughtSplitter.opening)
        let thought = ThoughtSplitter(isOpen: isOpen ?? false)
        let prompt = try served.encode(rendered)
        let limits = try request.thinkingBudget.map { (budget) throws(ServingError) in try thoughtLimits(budget) }
        let text = AnswerText(
            served.tokenizer, stops: try stops(request.sampling), thought: thought,
            readsCalls: request.readsToolCalls && request.sampling.form == nil)
        let constraint = try served.constraint(
            request.sampling.form, thought: served.tokenizer.thought(after: rendered))
        var generation = try generation(
            prompt, request.sampling, target, place: 0, alternatives: request.alternatives, thought: limits)
        generation.constraint = constraint
        let format = format("chatcmpl-", target)
        return try await reply(
            [generation], target, request.sampling, text,
            ChoiceForm(
                kind: .chat, format: format, tellsLogProbs: request.logProbs,
                tellsTokens: request.sampling.returnsTokens))
    }

    /// Answers the body of `/v1/completions`.
    ///
    /// - Throws: `ServingError`.
    public func complete(_ body: some Sequence<UInt8> & Sendable) async throws(ServingError) -> Reply {
        let request = try TextRequest(try RequestFields(body: body), defaults: served.defaults)
        let target = try target(request.sampling.model)
        let constraint = try served.constraint(request.sampling.form, thought: nil)
        var generations: [GenerationRequest] = []
        for (place, prompt) in request.prompts.enumerated() {
            let tokens: [Int]
            switch prompt {
            case .text(let text): tokens = try served.encode(text)
            case .tokens(let ids): tokens = ids
            }
            var generation = try generation(
                tokens, request.sampling, target, place: place, alternatives: request.alternatives ?? 0, thought: nil)
            generation.constraint = constraint
            generations.append(generation)
        }
        let format = format("cmpl-", target)
        return try await reply(
            generations, target, request.sampling, AnswerText(served.tokenizer, stops: try stops(request.sampling)),
            ChoiceForm(
                kind: .text, format: format, tellsLogProbs: request.alternatives != nil,
                tellsTokens: request.sampling.returnsTokens),
            echo: request.echoes ? echo(request, generations) : nil)
    }
}

extension ModelService {
    /// What a request's `model` names: the base, or a version of an adapter that it keeps to its end.
    private func target(_ name: String) throws(ServingError) -> AdapterLease? {
        if served.names.contains(name) { return nil }
        if let lease = shelf.lease(name) { return lease }
        throw ServingError(
            .notFound, "the model '\(name.prefix(128))' does not exist; /v1/models lists those there are",
            parameter: "model")
    }

    private func format(_ prefix: String, _ target: AdapterLease?) -> AnswerFormat {
        AnswerFormat(
            prefix: prefix, model: target?.version.name ?? served.name,
            fingerprint: target?.version.digest ?? Self.baseKey, tokenizer: served.tokenizer)
    }

    /// What keys and values of the base are shared under.
    private static let baseKey = "base"

    private func stops(_ sampling: SamplingFields) throws(ServingError) -> StopMatcher {
        do { return try StopMatcher(stops: sampling.stops) } catch {
            throw ServingError(.invalidRequest, error.message, parameter: "stop")
        }
    }

    /// The limit of a thought.
    private func thoughtLimits(_ budget: Int) throws(ServingError) -> ThoughtLimits {
        guard let tokens = ThoughtTokens(served.tokenizer) else {
            throw ServingError(
                .invalidRequest, "'thinking_budget' is given, but this model has no <think> and </think> tokens",
                parameter: "thinking_budget")
        }
        return ThoughtLimits(
            opening: tokens.opening, closing: tokens.closing, handOff: tokens.handOff, budget: budget)
    }

    /// The engine's request: the one that `touchstone generate` makes of the same prompt, seed and place.
    private func generation(
        _ prompt: [Int], _ sampling: SamplingFields, _ target: AdapterLease?, place: Int, alternatives: Int,
        thought: ThoughtLimits?
    ) throws(ServingError) -> GenerationRequest {
        guard prompt.count < scheduler.maxContext else {
            throw ServingError(
                .tooLarge,
                "the prompt has \(prompt.count) tokens, the context holds \(scheduler.maxContext) with the answer; "
                    + "shorten it")
        }
        var request = GenerationRequest(
            prompt: prompt,
            samples: (0..<sampling.count).map {
                RandomAddress(seed: sampling.seed, purpose: .sampling, prompt: place, sample: $0)
            },
            adapter: target?.version.adapter, parameters: sampling.parameters,
            // Where none are wanted one is made, and not told.
            maxNewTokens: max(sampling.maxTokens ?? options.defaultMaxTokens, 1),
            endTokens: (sampling.ignoresEnd ? [] : served.endTokens).union(sampling.stopTokens))
        request.alternatives = alternatives
        request.cacheKey = target?.version.digest ?? Self.baseKey
        if !sampling.stops.isEmpty {
            let watch = StopWatch(served.tokenizer, stops: try stops(sampling))
            request.isStopped = { watch.isStopped($0, $1) }
        }
        request.thought = thought
        return request
    }

    /// The prompts as they are told again.
    private func echo(_ request: TextRequest, _ generations: [GenerationRequest]) -> Echo {
        let texts = zip(request.prompts, generations).map { prompt, generation in
            if case .text(let text) = prompt { return text }
            return served.tokenizer.decode(generation.prompt)
        }
        return Echo(texts: texts, isAll: request.sampling.maxTokens == 0)
    }

    private func reply(
        _ generations: [GenerationRequest], _ target: AdapterLease?, _ sampling: SamplingFields, _ text: AnswerText,
        _ form: ChoiceForm, echo: Echo? = nil
    ) async throws(ServingError) -> Reply {
        let answering = Answering(
            form: form, samples: sampling.count, jobs: generations.count,
            promptTokens: generations.reduce(0) { $0 + $1.prompt.count }, promptIDs: generations.map(\.prompt),
            streamsUsage: sampling.streamsUsage, text: text, echo: echo,
            events: try submit(
                generations, target, label: form.format.model, tellsPrompt: echo != nil && form.tellsLogProbs))
        return sampling.streams ? .stream(try await answering.stream()) : .whole(try await answering.whole())
    }

    /// Hands the jobs to the scheduler. They are given up as soon as nobody reads the events any more.
    private func submit(
        _ generations: [GenerationRequest], _ target: AdapterLease?, label: String, tellsPrompt: Bool
    ) throws(ServingError) -> AsyncStream<Answering.Event> {
        let (events, continuation) = AsyncStream<Answering.Event>.makeStream()
        let box = EventBox(continuation, samples: generations.reduce(0) { $0 + $1.samples.count })
        var ids: [UInt64] = []
        let deadline = options.timeout.map { ContinuousClock.now + .seconds($0) }
        for (index, request) in generations.enumerated() {
            let job = ServingJob(request: request, label: label, deadline: deadline, tellsPrompt: tellsPrompt) {
                event in
                // The version is in use until the scheduler lets go of the job.
                withExtendedLifetime(target) { box.put((index, event)) }
            }
            do { ids.append(try scheduler.submit(job)) } catch {
                for id in ids { scheduler.cancel(id) }
                throw error
            }
        }
        let (scheduler, submitted) = (scheduler, ids)
        continuation.onTermination = { reason in
            guard case .cancelled = reason else { return }
            for id in submitted { scheduler.cancel(id) }
        }
        return events
    }
}

/// Passes events on until every sample has ended or one has failed.
private final class EventBox: Sendable {
    private let continuation: AsyncStream<Answering.Event>.Continuation
    private let left: Mutex<Int>

    init(_ continuation: AsyncStream<Answering.Event>.Continuation, samples: Int) {
        self.continuation = continuation
        left = Mutex(samples)
    }

    func put(_ event: Answering.Event) {
        continuation.yield(event)
        switch event.event {
        case .token, .prompt: return
        case .failure: continuation.finish()
        case .completion:
            let isLast = left.withLock { left in
                left -= 1
                return left == 0
            }
            if isLast { continuation.finish() }
        }
    }
}
