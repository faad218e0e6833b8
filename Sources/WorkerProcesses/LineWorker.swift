import Synchronization

/// What happens around a worker, for a log.
public enum WorkerEvent: Hashable, Sendable {
    /// A process was started.
    case started(process: Int32)
    /// It wrote a line to standard error (cut at 4 KiB; at most 1 MiB between two questions).
    case errorLine(String)
    /// It wrote a line to standard output that answers no question.
    case unaskedLine(String)
    /// It ended; the next question starts another.
    case ended(ProcessEnd)
}

/// A long-lived process that answers one line with one line.
///
/// It is started by the first question, and again by the first one after it died or was killed. Questions from several
/// tasks wait for each other in order. Every question has a deadline; when it passes, or when anything else goes wrong,
/// the whole process group is killed before the error is thrown: a late reply can't be taken for the next question's.
///
///     let worker = LineWorker(WorkerCommand("python3", ["worker.py"]))
///     let reply = try await worker.ask(#"{"id":1}"#, timeout: .seconds(5))
///     await worker.stop()
public final class LineWorker: Sendable {
    private struct State {
        var conversation: LineConversation?
        var starts = 0
        var isStopped = false
    }

    /// What is run.
    public let command: WorkerCommand
    private let limit: Int
    private let events: @Sendable (WorkerEvent) -> Void
    private let turn = FairQueue([()])
    private let state = Mutex(State())

    /// A worker; nothing is started yet.
    ///
    /// - Parameter maximumReplyBytes: The bytes allowed before the end of a reply line; 16 MiB unless told otherwise.
    /// - Parameter events: Hears what happens, on a thread of the worker's; must not block.
    public init(
        _ command: WorkerCommand, maximumReplyBytes: Int = 1 << 24,
        events: @escaping @Sendable (WorkerEvent) -> Void = { _ in }
    ) {
        (self.command, limit, self.events) = (command, max(1, maximumReplyBytes), events)
    }

    deinit { state.withLock { $0.conversation }?.kill() }

    /// How often a process was started.
    public var starts: Int { state.withLock { $0.starts } }

    /// The last 4 KiB that the current or last process wrote to standard error.
    public var errorTail: String { state.withLock { $0.conversation }?.errorTail ?? "" }

    /// Sends one line and waits for the line that answers it.
    ///
    /// - Parameter line: The question, without a line break.
    /// - Parameter timeout: How long the reply may take from now on, or from when earlier questions were answered.
    /// - Parameter startTimeout: The same for a process that this question has started; `timeout` unless given.
    /// - Parameter accepts: Whether a line is the reply; others are told as `.unaskedLine` and skipped.
    /// - Parameter reading: Makes something of the reply; what it throws ends the process too, since a worker that
    ///   answers wrongly once can't be relied on.
    /// - Returns: What was made of the reply without its line break.
    /// - Throws: `WorkerError`, what `reading` throws, or `CancellationError`. In all cases no process is left.
    public func ask<Reply: Sendable>(
        _ line: String, timeout: Duration, startTimeout: Duration? = nil,
        accepts: @escaping @Sendable (String) -> Bool = { _ in true },
        reading: @Sendable (String) throws -> Reply
    ) async throws -> Reply {
        guard !line.utf8.contains(0x0A) else {
            throw WorkerError(
                .invalidQuestion, "worker '\(command.shortText)': the question holds a line break; send one line")
        }
        try await turn.take()
        defer { turn.giveBack(()) }
        try Task.checkCancellation()
        let (conversation, isFresh) = try await running()
        let timeout = isFresh ? startTimeout ?? timeout : timeout
        do {
            return try reading(try await conversation.ask(line, timeout: timeout, accepts: accepts))
        } catch {
            conversation.kill()
            _ = await conversation.waitForEnd()
            throw state.withLock { $0.isStopped } ? stopped : error
        }
    }

    /// Sends one line and waits for the line that answers it; see above.
    public func ask(
        _ line: String, timeout: Duration, accepts: @escaping @Sendable (String) -> Bool = { _ in true }
    ) async throws -> String {
        try await ask(line, timeout: timeout, accepts: accepts) { $0 }
    }

    /// Ends the process: closes its standard input, waits, and kills what is left. Later questions throw `stopped`.
    public func stop(grace: Duration = .seconds(1)) async {
        let conversation = state.withLock { state in
            state.isStopped = true
            return state.conversation
        }
        guard let conversation else { return }
        conversation.closeInput()
        let killer = Task.detached {
            try? await Task.sleep(for: grace)
            conversation.kill()
        }
        _ = await conversation.waitForEnd()
        killer.cancel()
    }

    private var stopped: WorkerError { WorkerError(.stopped, "worker '\(command.shortText)': was stopped") }

    /// The process to ask; starts one if need be.
    private func running() async throws -> (LineConversation, isFresh: Bool) {
        let current = state.withLock { $0.isStopped ? nil : $0.conversation }
        if let current {
            if current.isUsable { return (current, false) }
            current.kill()
            _ = await current.waitForEnd()
        }
        let fresh = LineConversation(command, limit: limit, events: events)
        guard !state.withLock({ $0.isStopped }) else { throw stopped }
        try await fresh.start()
        let isStopped = state.withLock { state in
            state.conversation = fresh
            state.starts += 1
            return state.isStopped
        }
        guard !isStopped else {
            fresh.kill()
            _ = await fresh.waitForEnd()
            throw stopped
        }
        return (fresh, true)
    }
}
