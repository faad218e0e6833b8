import Foundation
import InferenceCore
import QwenModel
import Synchronization

/// Serves jobs as one continuous batch on a thread of its own: they join and leave it while others run.
///
/// What is generated for a job is what it would get alone. Jobs are let in in the order they came, as memory for keys and
/// values allows; each step gives every running sequence a token.
public final class Scheduler: Sendable {
    private struct State {
        var arrivals: [(id: UInt64, job: ServingJob)] = []
        var cancelled: [UInt64] = []
        /// Samples of jobs that have not ended.
        var samples = 0
        var nextID: UInt64 = 0
        var isDraining = false
        var isEnding = false
        var load = EngineLoad()
        /// Wait for the end.
        var waiters: [CheckedContinuation<Void, Never>] = []
        var hasEnded = false
    }

    /// A job that the engine works on.
    private struct Running {
        let id: UInt64
        let job: ServingJob
        var samplesLeft: Int
    }

    /// What is counted.
    public let metrics: ServingMetrics
    /// Limits as given.
    public let limits: ServingLimits
    /// Longest sequence in tokens.
    public let maxContext: Int
    private let breaks: StepBreaks
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)

    /// A scheduler at work.
    ///
    /// - Parameter breaks: What other work waits for, such as the shelf's that loads adapters.
    public init(
        model: QwenModel, limits: ServingLimits, metrics: ServingMetrics = ServingMetrics(), breaks: StepBreaks
    ) {
        self.limits = limits
        self.metrics = metrics
        self.breaks = breaks
        let longest = model.configuration.maxPositionEmbeddings
        maxContext = min(limits.maxContext ?? longest, longest)
        let context = maxContext
        let thread = Thread { [self] in
            serve(
                Engine(model: model, maxBatch: limits.maxBatch, maxContext: context, cacheBytes: limits.cacheBytes))
        }
        thread.name = "scheduler"
        thread.start()
    }

    /// What the engine held after its last step.
    public var load: EngineLoad { state.withLock { $0.load } }

    /// Samples that wait or run.
    public var samplesInFlight: Int { state.withLock { $0.samples } }

    /// Whether new jobs are taken.
    public var isAccepting: Bool { state.withLock { !$0.isDraining } }

    /// Takes a job.
    ///
    /// - Returns: Its number, to cancel it by.
    /// - Throws: `ServingError`: `overloaded` when as many wait as may, `unavailable` while the server ends.
    @discardableResult
    public func submit(_ job: ServingJob) throws(ServingError) -> UInt64 {
        let count = job.request.samples.count
        let room = limits.maxBatch + limits.maxQueue
        let wait = metrics.secondsUntilFree(waiting: samplesInFlight, batch: limits.maxBatch)
        let result: Result<UInt64, ServingError> = state.withLock { state in
            guard !state.isDraining else {
                return .failure(ServingError(.unavailable, "the server is ending", retryAfter: 10))
            }
            guard state.samples + count <= room else {
                return .failure(
                    ServingError(
                        .overloaded,
                        "\(state.samples) completions are running or waiting, at most \(room) may; try later",
                        retryAfter: wait))
            }
            state.nextID += 1
            state.samples += count
            state.arrivals.append((state.nextID, job))
            return .success(state.nextID)
        }
        let id = try result.get()
        wake.signal()
        return id
    }

    /// Gives a job up; its handler hears nothing more of it. Without effect if it has ended.
    public func cancel(_ id: UInt64) {
        state.withLock { $0.cancelled.append(id) }
        wake.signal()
    }

    /// Takes no more jobs, lets what waits or runs end, and ends.
    ///
    /// - Parameter grace: How long that may take; what is left then is given up.
    public func shutDown(grace: Duration) async {
        state.withLock { $0.isDraining = true }
        wake.signal()
        let limit = Task {
            try await Task.sleep(for: grace)
            state.withLock { $0.isEnding = true }
            wake.signal()
        }
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.waiters.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
        limit.cancel()
    }
}

extension Scheduler {
    /// The thread's work.
    private func serve(_ engine: Engine) {
        var running: [Int: Running] = [:]
        var pace = DecodePace()
        var seconds = 0.0
        while true {
            let (arrivals, cancelled, isDraining, isEnding) = state.withLock { state in
                defer { (state.arrivals, state.cancelled) = ([], []) }
                return (state.arrivals, state.cancelled, state.isDraining, state.isEnding)
            }
            for arrival in arrivals { begin(arrival.id, arrival.job, engine, &running) }
            giveUp(Set(cancelled), isEnding: isEnding, engine, &running)
            state.withLock { $0.load = engine.load }
            guard !engine.isIdle else {
                breaks.rest()
                if isDraining, state.withLock({ $0.arrivals.isEmpty }) { return end() }
                // Signals add up: a pass too many does no harm.
                wake.wait()
                continue
            }
            let hasBreak = breaks.beginStep(of: seconds)
            // What is about to get its first token waits for this step with its second.
            let load = engine.load
            engine.promptBudget = pace.budget(
                decoding: load.sequences + load.ready, coming: load.coming - load.ready,
                taken: hasBreak ? StepBreaks.share : 0)
            let start = ContinuousClock.now
            let outcome = engine.advance()
            seconds = (ContinuousClock.now - start) / .seconds(1)
            pace.learn(decoded: outcome.decoded, prompted: outcome.prompted, seconds: seconds)
            metrics.step(outcome, seconds: seconds)
            deliver(outcome, &running)
        }
    }

    private func begin(_ id: UInt64, _ job: ServingJob, _ engine: Engine, _ running: inout [Int: Running]) {
        var request = job.request
        let (handler, metrics) = (job.handler, metrics)
        let timing = JobTiming(label: job.label, promptTokens: request.prompt.count)
        request.onToken = { token in
            metrics.token(of: timing)
            handler(.token(token))
        }
        if job.tellsPrompt { request.onPrompt = { handler(.prompt($0)) } }
        do {
            let index = try engine.submit(request)
            running[index] = Running(id: id, job: job, samplesLeft: request.samples.count)
        } catch {
            release(request.samples.count)
            let message = (error as? InferenceError)?.message ?? "the request can't be served"
            handler(.failure(ServingError(.invalidRequest, message, cause: error)))
        }
    }

    /// Drops jobs that nobody waits for any more, are over their time, or are left at the end.
    private func giveUp(_ cancelled: Set<UInt64>, isEnding: Bool, _ engine: Engine, _ running: inout [Int: Running]) {
        let now = ContinuousClock.now
        for (index, entry) in running {
            let isLate = entry.job.deadline.map { $0 < now } ?? false
            guard isLate || isEnding || cancelled.contains(entry.id) else { continue }
            engine.cancel(index)
            running[index] = nil
            release(entry.samplesLeft)
            metrics.ended(isLate ? "timeout" : "cancelled", label: entry.job.label)
            if cancelled.contains(entry.id) { continue }
            entry.job.handler(
                .failure(
                    isLate
                        ? ServingError(.timeout, "the request took longer than the server allows; ask for fewer tokens")
                        : ServingError(.unavailable, "the server is ending", retryAfter: 10)))
        }
    }

    private func deliver(_ outcome: StepOutcome, _ running: inout [Int: Running]) {
        for completion in outcome.completions {
            guard let entry = running[completion.request] else { continue }
            running[completion.request]?.samplesLeft -= 1
            if entry.samplesLeft == 1 { running[completion.request] = nil }
            release(1)
            metrics.ended(completion.finishReason.rawValue, label: entry.job.label)
            entry.job.handler(.completion(completion))
        }
        for failure in outcome.failures {
            guard let entry = running.removeValue(forKey: failure.request) else { continue }
            release(entry.samplesLeft)
            metrics.ended("error", label: entry.job.label)
            entry.job.handler(.failure(ServingError(.failed, failure.error.message, cause: failure.error)))
        }
    }

    private func release(_ samples: Int) { state.withLock { $0.samples -= samples } }

    private func end() {
        let (waiters, late) = state.withLock { state in
            state.hasEnded = true
            defer { (state.waiters, state.arrivals) = ([], []) }
            return (state.waiters, state.arrivals)
        }
        for arrival in late { arrival.job.handler(.failure(ServingError(.unavailable, "the server is ending"))) }
        for waiter in waiters { waiter.resume() }
    }
}
