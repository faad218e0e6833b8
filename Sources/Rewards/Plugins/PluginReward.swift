import WorkerProcesses

/// Worker processes that score completions: a line of JSON goes in, a line of JSON comes out.
///
/// Processes are started when they are first needed and live as long as the reward. A batch goes to the next free one;
/// with all of them busy it waits, and the time-out begins only when a worker takes it. A worker that answers late or
/// wrongly, floods its output or dies is killed with all its children, its samples are failed, and the next batch starts
/// a fresh one.
public struct PluginReward: RewardFunction {
    /// How long workers may take.
    public struct Limits: Hashable, Sendable {
        /// For one batch.
        public var reply: Duration
        /// For the first batch of a fresh process, which may have to load something.
        public var start: Duration

        /// Limits.
        public init(reply: Duration = .seconds(30), start: Duration = .seconds(120)) {
            self.reply = reply
            self.start = start
        }
    }

    /// The name in the metrics.
    public let name: String
    private let pool: LineWorkerPool
    private let limits: Limits
    private let python: PythonModule?
    private let log: @Sendable (String) -> Void
    private let numbers = MessageNumbers()

    /// A plugin; no process is started yet.
    ///
    /// - Parameter command: The program and its arguments. `-m touchstone_reward` finds the module that this program
    ///   brings along.
    /// - Parameter folder: Where it runs; `nil` for this process's own folder.
    /// - Parameter workers: Processes at the same time.
    /// - Parameter log: Is told what workers write to standard error, and why a batch has failed.
    /// - Throws: `RewardsError` if the command is empty or the module can't be put down.
    public init(
        name: String = "plugin", command: [String], folder: String? = nil, workers: Int = 1, limits: Limits = Limits(),
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(RewardsError) {
        self.name = name
        self.limits = limits
        self.log = log
        python = command.contains(PythonModule.name) ? try PythonModule() : nil
        var worker: WorkerCommand
        do throws(WorkerError) { worker = try WorkerCommand(words: command, workingFolder: folder) } catch {
            throw RewardsError(.invalidOption, "\(name): \(error.message)", cause: error)
        }
        if let python { worker.environment = .inherited(changes: ["PYTHONPATH": python.searchPath]) }
        pool = LineWorkerPool(worker, size: workers) { event in
            switch event {
            case .started, .ended: break
            case .errorLine(let line): log("\(name): \(line)")
            case .unaskedLine(let line): log("\(name): wrote to standard output without being asked: \(line)")
            }
        }
    }

    /// The workers' outcomes.
    public func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        do { return try await ask(ScoreExchange(id: numbers.next(), batch)) } catch let failure as RewardFailure {
            log("\(name): \(batch.count) samples have failed: \(failure)")
            throw failure
        }
    }

    private func ask(_ exchange: ScoreExchange) async throws -> RewardBatch {
        do {
            return try await pool.ask(exchange.message, timeout: limits.reply, startTimeout: limits.start) {
                try exchange.read($0)
            }
        } catch let error as WorkerError {
            throw RewardFailure(Self.boundary(error.code), error.message)
        }
    }

    /// Ends the workers; later batches fail.
    public func stop() async { await pool.stop() }

    private static func boundary(_ code: WorkerError.Code) -> RewardFailure.Boundary {
        switch code {
        case .timeout: .timeout
        case .died, .invalidQuestion: .crash
        case .floodedOutput, .unreadable: .unparsable
        case .cannotStart, .stopped: .unavailable
        }
    }
}
