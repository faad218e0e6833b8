import Synchronization

/// One process's life as a line worker: at most one question at a time is answered by one line.
final class LineConversation: ChildListener {
    private struct Question {
        let continuation: CheckedContinuation<String, any Error>
        let accepts: @Sendable (String) -> Bool
        let timeout: Duration
        var bytes = 0
    }

    private struct State {
        var process: ChildProcess?
        var question: Question?
        var isCancelled = false
        var lines: LineSplitter
        var errorLines = LineSplitter(limit: 4096)
        var errorBudget = LineConversation.errorBudget
        var errorTail: [UInt8] = []
        var closed: ChildStream?
        var isDoomed = false
        var end: ProcessEnd?
        var waitingForEnd: [CheckedContinuation<ProcessEnd, Never>] = []
    }

    /// How long a process that closed a pipe may take to end, so that its status can be told.
    private static let graceToEnd = Duration.milliseconds(250)
    /// The bytes of standard error that are handed on for each question.
    private static let errorBudget = 1 << 20
    private static let tailSize = 4096

    private let command: WorkerCommand
    private let limit: Int
    private let events: @Sendable (WorkerEvent) -> Void
    private let state: Mutex<State>

    init(_ command: WorkerCommand, limit: Int, events: @escaping @Sendable (WorkerEvent) -> Void) {
        (self.command, self.limit, self.events) = (command, limit, events)
        state = Mutex(State(lines: LineSplitter(limit: limit)))
    }

    /// Starts the process.
    func start() async throws(WorkerError) {
        let process = try await ChildProcess.start(command, listener: self)
        state.withLock { if $0.end == nil { $0.process = process } }
        events(.started(process: process.pid))
    }

    /// Whether another question makes sense.
    var isUsable: Bool { state.withLock { $0.end == nil && $0.closed == nil && !$0.isDoomed } }

    /// Sends a line and waits for the one that answers it. Whatever goes wrong, the group is killed.
    func ask(_ line: String, timeout: Duration, accepts: @escaping @Sendable (String) -> Bool) async throws -> String {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let refusal: (any Error)? = state.withLock { state in
                    if state.isCancelled { return CancellationError() }
                    if let end = state.end { return died(end, state) }
                    state.lines.skipBegunLine()
                    state.errorBudget = Self.errorBudget
                    state.question = Question(continuation: continuation, accepts: accepts, timeout: timeout)
                    state.process?.setDeadline(.now + timeout)
                    state.process?.send(Array(line.utf8) + [0x0A])
                    return nil
                }
                if let refusal { continuation.resume(throwing: refusal) }
            }
        } onCancel: {
            state.withLock { $0.isCancelled = true }
            fail { _ in CancellationError() }
        }
    }

    /// Closes standard input, so that the process ends by itself if it is a decent one.
    func closeInput() { state.withLock { $0.process }?.send([], thenClose: true) }

    /// Kills the group.
    func kill() { state.withLock { $0.process }?.kill() }

    /// Waits until the process is gone and reaped.
    func waitForEnd() async -> ProcessEnd {
        await withCheckedContinuation { continuation in
            let end = state.withLock { state in
                if state.end == nil { state.waitingForEnd.append(continuation) }
                return state.end
            }
            if let end { continuation.resume(returning: end) }
        }
    }

    /// The last lines of standard error, at most 4 KiB.
    var errorTail: String { state.withLock { String(decoding: $0.errorTail, as: UTF8.self) } }

    func childWrote(_ child: ChildProcess, _ bytes: UnsafeRawBufferPointer) {
        var unasked: [String] = []
        var answer: (Question, Result<String, any Error>)?
        state.withLock { state in
            state.lines.append(bytes)
            if let count = state.question?.bytes { state.question?.bytes = count + bytes.count }
            while answer == nil, let line = state.lines.next() {
                answer = reply(line, &state, &unasked)
            }
            if answer == nil, let question = state.question, question.bytes > limit || state.lines.overflowed {
                answer = take(&state).map { ($0, .failure(flooded())) }
                state.isDoomed = true
            }
            // A flood that nobody asked for is thrown away.
            if state.question == nil { state.lines.dropOverflow() }
        }
        for line in unasked { events(.unaskedLine(line)) }
        guard let (question, result) = answer else { return }
        if case .failure = result { child.kill() }
        question.continuation.resume(with: result)
    }

    /// Judges one line. Returns the question that it ends, with what it ends with.
    private func reply(
        _ line: [UInt8], _ state: inout State, _ unasked: inout [String]
    ) -> (Question, Result<String, any Error>)? {
        guard let text = String(validating: line, as: UTF8.self) else {
            guard let question = take(&state) else { return nil }
            state.isDoomed = true
            let shown = String(decoding: line.prefix(60), as: UTF8.self)
            return (question, .failure(error(.unreadable, "the reply is not UTF-8: '\(shown)'", state)))
        }
        guard let question = state.question, question.accepts(text) else {
            if unasked.count < 16 { unasked.append(String(text.prefix(1000))) }
            return nil
        }
        return take(&state).map { ($0, .success(text)) }
    }

    func childWroteError(_: ChildProcess, _ bytes: UnsafeRawBufferPointer) {
        var lines: [String] = []
        state.withLock { state in
            state.errorTail = Array((state.errorTail + bytes.suffix(Self.tailSize)).suffix(Self.tailSize))
            let heard = bytes.prefix(max(0, state.errorBudget))
            guard !heard.isEmpty else { return }
            state.errorBudget -= heard.count
            state.errorLines.append(UnsafeRawBufferPointer(rebasing: heard))
            while let line = state.errorLines.next() { lines.append(String(decoding: line, as: UTF8.self)) }
            state.errorLines.dropOverflow()
            if state.errorBudget == 0 { lines.append("… (too much on standard error: the rest is dropped)") }
        }
        for line in lines { events(.errorLine(line)) }
    }

    func childClosed(_ child: ChildProcess, _ stream: ChildStream) {
        state.withLock { state in
            if state.closed == nil { state.closed = stream }
            if state.question != nil { child.setDeadline(.now + Self.graceToEnd) }
        }
    }

    func childIsLate(_: ChildProcess) {
        fail { state in
            if let stream = state.closed {
                error(.unreadable, "the process closed its \(stream.rawValue) but did not end", state)
            } else {
                error(.timeout, "no reply within \(state.question?.timeout ?? .zero)", state)
            }
        }
    }

    func childEnded(_ end: ProcessEnd, after _: Duration) {
        let (question, failure, waiting) = state.withLock { state in
            state.end = end
            state.process = nil
            defer { state.waitingForEnd = [] }
            return (take(&state), died(end, state), state.waitingForEnd)
        }
        question?.continuation.resume(throwing: failure)
        for waiter in waiting { waiter.resume(returning: end) }
        events(.ended(end))
    }

    /// Ends the open question with an error, if there is one, and kills the group.
    private func fail(_ reason: (borrowing State) -> any Error) {
        let (question, failure) = state.withLock { state -> (Question?, (any Error)?) in
            guard state.question != nil else { return (nil, nil) }
            let failure = reason(state)
            state.isDoomed = true
            return (take(&state), failure)
        }
        guard let question, let failure else { return }
        kill()
        question.continuation.resume(throwing: failure)
    }

    private func take(_ state: inout State) -> Question? {
        defer { state.question = nil }
        if state.question != nil { state.process?.setDeadline(nil) }
        return state.question
    }

    private func flooded() -> WorkerError {
        WorkerError(
            .floodedOutput,
            "worker '\(command.shortText)': more than \(limit) bytes came before the end of the reply line; killed it")
    }

    private func died(_ end: ProcessEnd, _ state: borrowing State) -> WorkerError {
        error(.died(end), "the process ended (\(end)) without a reply", state)
    }

    /// An error with the last line of standard error, which mostly tells the reason.
    private func error(_ code: WorkerError.Code, _ text: String, _ state: borrowing State) -> WorkerError {
        let last = String(decoding: state.errorTail, as: UTF8.self).split(whereSeparator: \.isNewline).last ?? ""
        let hint = last.isEmpty ? "" : "; its last message: \(last.prefix(200))"
        return WorkerError(code, "worker '\(command.shortText)': \(text)\(hint)")
    }
}
