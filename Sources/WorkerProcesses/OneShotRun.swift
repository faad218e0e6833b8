import Synchronization

/// Limits of one run of a program.
public struct RunLimits: Hashable, Sendable {
    /// The wall time after which the process group is killed.
    public var wallTime: Duration
    /// The bytes kept of standard output.
    public var outputBytes: Int
    /// The bytes kept of standard error.
    public var errorBytes: Int
    /// Whether a program that writes more to standard output than is kept is killed; otherwise the rest is thrown away.
    public var floodKills: Bool

    /// Limits; 10 s, 1 MiB of output and 64 KiB of messages unless told otherwise.
    public init(
        wallTime: Duration = .seconds(10), outputBytes: Int = 1 << 20, errorBytes: Int = 1 << 16,
        floodKills: Bool = true
    ) {
        self.wallTime = wallTime
        self.outputBytes = max(0, outputBytes)
        self.errorBytes = max(0, errorBytes)
        self.floodKills = floodKills
    }
}

/// What a program did in one run.
public struct RunResult: Hashable, Sendable {
    /// Why it ended.
    public enum Outcome: Hashable, Sendable {
        /// By itself, or by a signal from elsewhere.
        case ended
        /// Killed at the deadline.
        case timedOut
        /// Killed because it wrote too much.
        case flooded
    }

    /// Why it ended.
    public var outcome: Outcome
    /// How it ended.
    public var end: ProcessEnd
    /// The start of standard output, at most `RunLimits.outputBytes`.
    public var output: [UInt8]
    /// Whether standard output went on.
    public var outputWasCut: Bool
    /// The start of standard error, at most `RunLimits.errorBytes`.
    public var errorOutput: [UInt8]
    /// Whether standard error went on.
    public var errorOutputWasCut: Bool
    /// From the start to the end, as the thread saw them that looks after the process.
    public var wallTime: Duration
}

extension WorkerCommand {
    /// Runs the program once: standard input from bytes, both outputs read at the same time, everything bounded.
    ///
    /// Reading stops when the main process ends, not when the pipes close, so that a child left behind can't hold up
    /// the result; what is left of the process group is killed then.
    ///
    /// - Throws: `WorkerError` (`cannotStart`), or `CancellationError`; the process group is killed in that case too.
    public func run(input: [UInt8] = [], limits: RunLimits = RunLimits()) async throws -> RunResult {
        try Task.checkCancellation()
        let listener = OneShotListener(limits)
        let process = try await ChildProcess.start(
            self, orders: .init(input: input, wallTime: limits.wallTime), listener: listener)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { listener.wait($0) }
        } onCancel: {
            process.kill()
        }
        try Task.checkCancellation()
        return result
    }
}

/// Collects what one run writes.
private final class OneShotListener: ChildListener {
    private struct State {
        var result = RunResult(
            outcome: .ended, end: .unknown, output: [], outputWasCut: false, errorOutput: [], errorOutputWasCut: false,
            wallTime: .zero)
        var isOver = false
        var waiting: CheckedContinuation<RunResult, Never>?
    }

    private let limits: RunLimits
    private let state = Mutex(State())

    init(_ limits: RunLimits) { self.limits = limits }

    func wait(_ continuation: CheckedContinuation<RunResult, Never>) {
        let result: RunResult? = state.withLock {
            if $0.isOver { return $0.result }
            $0.waiting = continuation
            return nil
        }
        if let result { continuation.resume(returning: result) }
    }

    func childWrote(_ child: ChildProcess, _ bytes: UnsafeRawBufferPointer) {
        let isFlood = state.withLock { state in
            let room = limits.outputBytes - state.result.output.count
            state.result.output += bytes.prefix(room)
            guard bytes.count > room else { return false }
            state.result.outputWasCut = true
            guard limits.floodKills, state.result.outcome == .ended else { return false }
            state.result.outcome = .flooded
            return true
        }
        if isFlood { child.kill() }
    }

    func childWroteError(_: ChildProcess, _ bytes: UnsafeRawBufferPointer) {
        state.withLock { state in
            let room = limits.errorBytes - state.result.errorOutput.count
            state.result.errorOutput += bytes.prefix(room)
            if bytes.count > room { state.result.errorOutputWasCut = true }
        }
    }

    func childClosed(_: ChildProcess, _: ChildStream) {}

    func childIsLate(_ child: ChildProcess) {
        state.withLock { if $0.result.outcome == .ended { $0.result.outcome = .timedOut } }
        child.kill()
    }

    func childEnded(_ end: ProcessEnd, after wallTime: Duration) {
        let (waiting, result) = state.withLock { state in
            (state.result.end, state.result.wallTime) = (end, wallTime)
            state.isOver = true
            return (state.waiting.take(), state.result)
        }
        waiting?.resume(returning: result)
    }
}
