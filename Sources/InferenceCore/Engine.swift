import QwenModel
import TensorCore

/// Generates many completions as one continuous batch: finished sequences leave, waiting ones enter, prompts are computed
/// in pieces beside the sequences that decode, and a prompt's samples share its keys and values.
///
/// What is generated for a sample depends on its request alone, never on what else is in the batch. Not thread-safe: one
/// thread at a time.
public final class Engine {
    /// The model.
    public let model: QwenModel
    /// Sequences that decode at the same time at most.
    public let maxBatch: Int
    /// Longest sequence, prompt included, in tokens.
    public let maxContext: Int
    /// Prompt tokens computed in one step at most; a smaller number lets decoding sequences wait less.
    public var promptBudget = 512
    private var pool: PagePool
    private var prefixes = PrefixCache()
    private var reusedTokens = 0
    private var waiting: [ActiveRequest] = []
    private var prompts: [ActiveRequest] = []
    private var sequences: [ActiveSequence] = []
    private var samplers: [RowSampler] = []
    private var submitted = 0
    /// Seconds spent so far.
    public private(set) var times = EngineTimes()

    /// Memory that keys and values may take unless told otherwise, in bytes.
    public static let standardCacheBytes = 8 << 30

    /// An engine without work.
    ///
    /// - Parameter maxBatch: Sequences that decode at the same time at most.
    /// - Parameter maxContext: Longest sequence in tokens; the model's own limit unless given.
    /// - Parameter cacheBytes: Memory that keys and values may take; grown only as needed.
    public init(
        model: QwenModel, maxBatch: Int = 64, maxContext: Int? = nil, cacheBytes: Int = Engine.standardCacheBytes
    ) {
        self.model = model
        self.maxBatch = max(1, maxBatch)
        self.maxContext = maxContext ?? model.configuration.maxPositionEmbeddings
        let pages = model.makePages(64)
        pool = PagePool(pages: pages, limit: cacheBytes / pages.pageBytes)
    }

    /// Whether nothing is waiting or running.
    public var isIdle: Bool { waiting.isEmpty && prompts.isEmpty && sequences.isEmpty }

    /// What it holds now.
    public var load: EngineLoad {
        var load = EngineLoad()
        (load.waiting, load.prompts, load.sequences) = (waiting.count, prompts.count, sequences.count)
        (load.pages, load.cachedPages, load.pageLimit) = (pool.used, prefixes.count, pool.limit)
        func samples(_ requests: some Sequence<ActiveRequest>) -> Int {
            min(requests.reduce(0) { $0 + $1.request.samples.count - $1.started }, maxBatch - sequences.count)
        }
        load.ready = samples(prompts.lazy.filter { $0.logits != nil })
        load.coming = samples([prompts, waiting].joined())
        load.reusedTokens = reusedTokens
        return load
    }

    /// Runs all requests as one continuous batch.
    ///
    /// - Parameter onCompletion: Sees each completion as it ends.
    /// - Returns: All completions, in order of request and sample.
    /// - Throws: `InferenceError` for a request that can't be served, before anything is computed, or for logits that
    ///   no token can be chosen from. Nothing is left running then.
    public func generate(_ requests: [GenerationRequest], onCompletion: ((Completion) -> Void)? = nil) throws
        -> [Completion]
    {
        for request in requests { try check(request) }
        var completions: [Completion] = []
        var rest = requests[...]
        try generate(room: .max, next: { rest.popFirst() }) { completion in
            completions.append(completion)
            onCompletion?(completion)
        }
        return completions.sorted { ($0.request, $0.sample) < ($1.request, $1.sample) }
    }

    /// Runs requests as one continuous batch, taking the next one whenever there is room for it, until there are no more.
    ///
    /// - Parameter room: Samples that are unfinished at a time; a request with more is taken when nothing else is left.
    /// - Parameter next: The next request; `nil` when there are no more.
    /// - Parameter onCompletion: Sees each completion as it ends; requests are numbered as they were taken.
    /// - Throws: As `generate(_:onCompletion:)`, and what `next` throws. Nothing is left running then.
    public func generate(
        room: Int, next: () throws -> GenerationRequest?, onCompletion: (Completion) -> Void
    ) throws {
        precondition(isIdle, "generate: the engine is at work")
        submitted = 0
        var (unfinished, isDrained, size) = (0, false, 0)
        do {
            repeat {
                while !isDrained, unfinished == 0 || unfinished + size <= room {
                    guard let request = try next() else {
                        isDrained = true
                        break
                    }
                    size = request.samples.count
                    unfinished += size
                    try submit(request)
                }
                for completion in try step() {
                    unfinished -= 1
                    onCompletion(completion)
                }
            } while !isIdle || !isDrained
        } catch {
            cancelAll()
            throw error
        }
        // An update that follows has use for the memory.
        if pool.used == 0 { pool.shrink() }
    }

    /// Puts a request at the end of the queue.
    ///
    /// - Returns: Its number, which its completions carry.
    /// - Throws: `InferenceError` if it can't be served.
    @discardableResult
    public func submit(_ request: GenerationRequest) throws -> Int {
        try check(request)
        defer { submitted += 1 }
        waiting.append(ActiveRequest(index: submitted, request: request))
        return submitted
    }

    /// Drops everything that waits or runs.
    public func cancelAll() {
        for sequence in sequences { pool.release(sequence.pages) }
        for request in prompts { pool.release(request.pages) }
        prefixes.removeAll(from: &pool)
        (waiting, prompts, sequences) = ([], [], [])
    }

    /// Drops a request, wherever it stands; without effect if it has ended.
    public func cancel(_ request: Int) {
        waiting.removeAll { $0.index == request }
        for sequence in sequences where sequence.parent.index == request { pool.release(sequence.pages) }
        for prompt in prompts where prompt.index == request { pool.release(prompt.pages) }
        sequences.removeAll { $0.parent.index == request }
        prompts.removeAll { $0.index == request }
    }

    /// Checks that a request can be served.
    ///
    /// - Throws: `InferenceError` with what to do.
    public func check(_ request: GenerationRequest) throws {
        try request.parameters.validate()
        guard !request.prompt.isEmpty else {
            throw InferenceError(.invalidParameter, "a prompt has no tokens; it needs at least one")
        }
        if let token = request.prompt.first(where: { $0 < 0 || $0 >= model.configuration.vocabularySize }) {
            throw InferenceError(
                .invalidToken,
                "prompt token \(token) is outside the vocabulary of \(model.configuration.vocabularySize)")
        }
        guard !request.samples.isEmpty else {
            throw InferenceError(.invalidParameter, "a request asks for no samples; it needs at least one")
        }
        guard request.maxNewTokens > 0 else {
            throw InferenceError(.invalidParameter, "max_new_tokens is \(request.maxNewTokens), expected at least 1")
        }
        guard request.prompt.count < maxContext else {
            throw InferenceError(
                .invalidParameter,
                "a prompt has \(request.prompt.count) tokens, the context holds \(maxContext); shorten it or raise the limit"
            )
        }
        guard pagesNeeded(request) <= pool.limit else {
            throw InferenceError(
                .invalidParameter,
                "a sequence of up to \(length(request)) tokens does not fit the memory for keys and values; "
                    + "lower max_new_tokens")
        }
    }

    private func length(_ request: GenerationRequest) -> Int {
        request.prompt.count + min(request.maxNewTokens, maxContext - request.prompt.count)
    }

    private static func pageCount(_ tokens: Int) -> Int {
        (tokens + KeyValuePages.pageSize - 1) / KeyValuePages.pageSize
    }

    /// Pages that a sample needs besides those it shares with its prompt.
    private func samplePages(_ request: GenerationRequest) -> Int {
        Self.pageCount(length(request)) - request.prompt.count / KeyValuePages.pageSize
    }

    /// Pages of a prompt and one sample.
    private func pagesNeeded(_ request: GenerationRequest) -> Int {
        Self.pageCount(request.prompt.count) + samplePages(request)
    }

    /// One step: admits what fits, computes one token of each sequence and a piece of the prompts, and chooses tokens.
    ///
    /// - Returns: The completions that ended.
    /// - Throws: `InferenceError` for unusable logits; the caller should `cancelAll`.
    public func step() throws -> [Completion] {
        let outcome = advance()
        if let failure = outcome.failures.first { throw failure.error }
        return outcome.completions
    }

    /// As `step`, but a request whose logits are unusable ends alone, and the others go on.
    public func advance() -> StepOutcome {
        var outcome = StepOutcome()
        prefixes.forgetAdaptersThatWent(from: &pool)
        admitPrompts()
        branch(&outcome)
        guard !isIdle else { return outcome }
        let start = ContinuousClock.now
        let work = StepBatch(sequences: sequences, prompts: prompts, promptBudget: promptBudget, model: model)
        defer { times.add((ContinuousClock.now - start) / .seconds(1), work) }
        guard !work.batch.ids.isEmpty else { return outcome }
        let (hidden, logits) = ComputeDevice.inPlace {
            let hidden = model.hiddenStates(work.batch, pages: pool.pages)
            return (hidden, model.logits(hidden, rows: work.logitRows, batch: work.batch))
        }
        work.tellPrompts(hidden, model: model)
        for (offset, piece) in work.prefilled.enumerated() {
            piece.request.computed += piece.count
            outcome.prompted += piece.count
            guard piece.isLast else { continue }
            let row = work.decoding.count + work.prefilled[..<offset].count { $0.isLast }
            piece.request.logits = logits.rows(row..<row + 1).copy()
            keep(
                piece.request.request.prompt, count: piece.request.computed, piece.request.pages, piece.request.request)
        }
        outcome.decoded = work.decoding.count
        finish(work.decoding, choose(work.decoding.enumerated().map { ($1, logits.rows($0..<$0 + 1)) }), &outcome)
        return outcome
    }

    /// Lets prompts in while there is room for them and one sample each, beside the first samples of those let in
    /// before: then some sequence can always run to its end.
    private func admitPrompts() {
        while let next = waiting.first, sequences.count + prompts.count < maxBatch {
            let promised = prompts.filter { $0.started == 0 }.map { samplePages($0.request) }.reduce(0, +)
            let (request, prompt) = (next.request, next.request.prompt)
            // The last token is always computed: its logits are needed, or all tokens' if they are told.
            let key = request.onPrompt == nil ? request.cacheKey : nil
            let known = key.map { prefixes.pages(for: prompt, under: $0, limit: prompt.count - 1) } ?? []
            pool.share(known)
            guard makeRoom(promised + pagesNeeded(request) - known.count) else {
                pool.release(known)
                return
            }
            next.pages = known + pool.take(Self.pageCount(prompt.count) - known.count)
            next.computed = known.count * KeyValuePages.pageSize
            reusedTokens += next.computed
            prompts.append(next)
            waiting.removeFirst()
        }
    }

    /// Whether so many pages are available, if need be after forgetting beginnings that were kept.
    private func makeRoom(_ pages: Int) -> Bool {
        if pool.available < pages { prefixes.makeRoom(pages, in: &pool) }
        return pool.available >= pages
    }

    /// Keeps what has been computed for prompts that begin alike.
    private func keep(_ tokens: [Int], count: Int, _ pages: [Int32], _ request: GenerationRequest) {
        guard let key = request.cacheKey else { return }
        prefixes.insert(tokens, count: count, pages: pages, under: key, of: request.adapter, pool: &pool)
    }

    /// Starts samples of computed prompts while there is room, and chooses their first tokens.
    private func branch(_ outcome: inout StepOutcome) {
        var started: [(ActiveSequence, Tensor)] = []
        for request in prompts {
            guard let logits = request.logits else { continue }
            let prompt = request.request.prompt.count
            let shared = prompt / KeyValuePages.pageSize
            let fresh = samplePages(request.request)
            while request.started < request.request.samples.count, sequences.count + started.count < maxBatch,
                makeRoom(fresh)
            {
                let pages = pool.take(fresh)
                pool.share(request.pages[..<shared])
                if prompt % KeyValuePages.pageSize != 0 {
                    pool.pages.copyPage(from: Int(request.pages[shared]), to: Int(pages[0]))
                }
                let sequence = ActiveSequence(
                    parent: request, sample: request.started, limit: request.newTokenLimit(context: maxContext),
                    pages: Array(request.pages[..<shared]) + pages)
                started.append((sequence, logits))
                request.started += 1
            }
        }
        for request in prompts where request.started == request.request.samples.count && request.logits != nil {
            pool.release(request.pages)
            request.logits = nil
        }
        prompts.removeAll { $0.started == $0.request.samples.count }
        sequences += started.map(\.0)
        finish(started.map(\.0), choose(started), &outcome)
    }

    /// Appends the chosen tokens; sequences that end with them leave, and so do requests that nothing can be chosen for.
    private func finish(
        _ chosen: [ActiveSequence], _ results: [Result<ChosenToken, InferenceError>], _ outcome: inout StepOutcome
    ) {
        var ended: Set<ObjectIdentifier> = []
        for (sequence, result) in zip(chosen, results) {
            switch result {
            case .success(let choice):
                guard let reason = sequence.append(choice) else { continue }
                outcome.completions.append(sequence.completion(reason))
                ended.insert(ObjectIdentifier(sequence))
                let tokens = sequence.parent.request.prompt + sequence.tokens
                keep(tokens, count: tokens.count - 1, sequence.pages, sequence.parent.request)
                pool.release(sequence.pages)
            case .failure(let error):
                let index = sequence.parent.index
                if !outcome.failures.contains(where: { $0.request == index }) {
                    outcome.failures.append((index, error))
                }
            }
        }
        if !ended.isEmpty { sequences.removeAll { ended.contains(ObjectIdentifier($0)) } }
        for failure in outcome.failures { cancel(failure.request) }
    }

    /// Chooses a token for each sequence from its row of logits, in parallel.
    private func choose(_ rows: [(sequence: ActiveSequence, logits: Tensor)]) -> [Result<ChosenToken, InferenceError>] {
        while samplers.count < rows.count { samplers.append(RowSampler()) }
        let slots = ChoiceSlots(count: rows.count)
        nonisolated(unsafe) let (rows, samplers) = (rows, samplers)
        parallelFor(rows.count) { index in
            let (sequence, logits) = rows[index]
            let row = UnsafeBufferPointer(start: logits.floats, count: logits.count)
            slots.results[index] = Result { () throws(InferenceError) in
                try samplers[index].choose(row, for: sequence)
            }
        }
        return Array(slots.results)
    }
}

/// Results that threads write side by side.
private final class ChoiceSlots: @unchecked Sendable {
    let results: UnsafeMutableBufferPointer<Result<ChosenToken, InferenceError>>

    init(count: Int) {
        results = .allocate(capacity: count)
        results.initialize(repeating: .success(ChosenToken()))
    }

    deinit {
        results.deinitialize()
        results.deallocate()
    }
}
