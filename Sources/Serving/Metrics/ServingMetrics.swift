import InferenceCore
import Synchronization

/// When a job came and what it asked, for the figures.
public final class JobTiming: Sendable {
    let label: String
    let promptTokens: Int
    let arrival = ContinuousClock.now
    let lastToken = Mutex<ContinuousClock.Instant?>(nil)

    init(label: String, promptTokens: Int) {
        self.label = label
        self.promptTokens = promptTokens
    }
}

/// What a server counts, and its page for Prometheus.
public final class ServingMetrics: Sendable {
    /// The figures of one model or adapter.
    private struct PerModel {
        var promptTokens = 0
        var tokens = 0
        var ended: [String: Int] = [:]
        var firstToken = Histogram(bounds: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
        var nextToken = Histogram(bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5])
    }

    private struct State {
        var models: [String: PerModel] = [:]
        var steps = Histogram(bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5])
        var batch = Histogram(bounds: [1, 2, 4, 8, 16, 32, 64, 128])
        var refused: [String: Int] = [:]
        /// Tokens of the last whole seconds, for the rate.
        var seconds: [Int: Int] = [:]
        var endedCount = 0
        var endedTokens = 0
    }

    private let state = Mutex(State())
    private let start = ContinuousClock.now
    /// Seconds that the rate is taken over.
    private static let window = 10

    /// Nothing counted yet.
    public init() {}

    private var second: Int { Int((ContinuousClock.now - start) / .seconds(1)) }

    func step(_ outcome: StepOutcome, seconds: Double) {
        state.withLock { state in
            state.steps.add(seconds)
            state.batch.add(Double(outcome.decoded))
        }
    }

    func token(of job: JobTiming) {
        let now = ContinuousClock.now
        let last = job.lastToken.withLock { last in
            defer { last = now }
            return last
        }
        let second = second
        state.withLock { state in
            state.models[job.label, default: PerModel()].tokens += 1
            if let last {
                state.models[job.label]?.nextToken.add((now - last) / .seconds(1))
            } else {
                state.models[job.label]?.promptTokens += job.promptTokens
                state.models[job.label]?.firstToken.add((now - job.arrival) / .seconds(1))
            }
            state.endedTokens += 1
            state.seconds[second, default: 0] += 1
            if state.seconds.count > 2 * Self.window {
                state.seconds = state.seconds.filter { $0.key > second - Self.window - 1 }
            }
        }
    }

    func ended(_ reason: String, label: String) {
        state.withLock { state in
            state.models[label, default: PerModel()].ended[reason, default: 0] += 1
            state.endedCount += 1
        }
    }

    /// Counts a request that was answered with an error.
    public func refused(_ code: ServingError.Code) {
        state.withLock { $0.refused[code.rawValue, default: 0] += 1 }
    }

    /// Tokens generated a second, over the last ten whole seconds.
    public var tokensPerSecond: Double {
        let now = second
        return state.withLock { state in
            let tokens = state.seconds.filter { $0.key < now && $0.key >= now - Self.window }.values.reduce(0, +)
            return Double(tokens) / Double(max(1, min(Self.window, now)))
        }
    }

    /// A guess at how long a queue takes: completions before it at the rate of late, 1 to 60 seconds.
    func secondsUntilFree(waiting: Int, batch: Int) -> Int {
        let rate = tokensPerSecond
        let mean = state.withLock { state in
            state.endedCount > 0 ? Double(state.endedTokens) / Double(state.endedCount) : 0
        }
        guard rate > 0 else { return 1 }
        return Int(min(max(Double(max(0, waiting - batch) + 1) * mean / rate, 1), 60))
    }

    /// The page for Prometheus, in its text format.
    public func page(load: EngineLoad, adapters: [AdapterVersion]) -> String {
        let rate = tokensPerSecond
        return state.withLock { state in
            var text = ""
            func put(_ name: String, _ type: String, _ help: String, _ lines: String) {
                let name = "touchstone_" + name
                text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
                text += lines.replacing("\u{1}", with: name)
            }
            func gauge(_ name: String, _ help: String, _ value: some Any) {
                put(name, "gauge", help, "\u{1} \(value)\n")
            }
            gauge("requests_waiting", "Requests that have not been let in.", load.waiting)
            gauge("prompts_running", "Requests whose prompt is being computed.", load.prompts)
            gauge("sequences_running", "Sequences that decode.", load.sequences)
            gauge("kv_pages_used", "Pages of keys and values in use, cached ones included.", load.pages)
            gauge("kv_pages_cached", "Pages kept for prompts that begin alike.", load.cachedPages)
            gauge("kv_pages_limit", "Pages there may be.", load.pageLimit)
            gauge(
                "kv_cache_usage_ratio", "Share of the pages that sequences use.",
                Double(load.pages - load.cachedPages) / Double(max(1, load.pageLimit)))
            gauge("tokens_per_second", "Tokens generated a second over the last ten seconds.", rate)
            put(
                "prefix_reused_tokens_total", "counter", "Prompt tokens that did not have to be computed.",
                "\u{1} \(load.reusedTokens)\n")
            let models = state.models.sorted { $0.key < $1.key }
            func perModel(_ line: (String, PerModel) -> String) -> String {
                models.map { line("model=\"\(Self.escaped($0.key))\"", $0.value) }.joined()
            }
            put(
                "prompt_tokens_total", "counter", "Prompt tokens of requests that got a first token.",
                perModel { "\u{1}{\($0)} \($1.promptTokens)\n" })
            put(
                "generation_tokens_total", "counter", "Tokens generated.", perModel { "\u{1}{\($0)} \($1.tokens)\n" })
            put(
                "completions_total", "counter", "Completions that ended, by reason.",
                perModel { labels, model in
                    model.ended.sorted { $0.key < $1.key }
                        .map { "\u{1}{\(labels),reason=\"\($0.key)\"} \($0.value)\n" }.joined()
                })
            put(
                "errors_total", "counter", "Requests answered with an error, by code.",
                state.refused.sorted { $0.key < $1.key }.map { "\u{1}{code=\"\($0.key)\"} \($0.value)\n" }.joined())
            put(
                "time_to_first_token_seconds", "histogram", "From a request's arrival to its first token.",
                perModel { $1.firstToken.lines("\u{1}", labels: $0) })
            put(
                "time_per_output_token_seconds", "histogram", "Between two tokens of a request.",
                perModel { $1.nextToken.lines("\u{1}", labels: $0) })
            put("step_seconds", "histogram", "A step of the engine.", state.steps.lines("\u{1}", labels: ""))
            put("batch_size", "histogram", "Sequences of a step.", state.batch.lines("\u{1}", labels: ""))
            put(
                "adapter_version", "gauge", "The version of each adapter that is served.",
                adapters.map {
                    "\u{1}{model=\"\(Self.escaped($0.name))\",digest=\"\($0.digest)\"} \($0.version)\n"
                }.joined())
            return text
        }
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
