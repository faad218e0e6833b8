import Glibc

/// Moves the bytes of one child process until it has ended.
struct ChildLoop: Sendable {
    var input: Int32
    var output: Int32
    var error: Int32
    let wake: Int32
    private var outgoing: [UInt8] = []
    private var written = 0
    private var closesInput = false

    init(input: Int32, output: Int32, error: Int32, wake: Int32) {
        (self.input, self.output, self.error, self.wake) = (input, output, error, wake)
    }

    /// The bytes a pipe can hold at most; what a process left there when it ended is not more.
    private static let largestPipe = 1 << 20
    private static let readSize = 1 << 16

    /// Runs on the child's own thread until the process has ended, then kills its group and reads what it left.
    mutating func run(_ child: ChildProcess) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.readSize, alignment: 16)
        defer { buffer.deallocate() }
        var ended = false
        while !ended {
            let timeout = takeOrders(child)
            var polled = [
                pollfd(fd: child.pidDescriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
                pollfd(fd: output, events: Int16(POLLIN), revents: 0),
                pollfd(fd: error, events: Int16(POLLIN), revents: 0),
                pollfd(fd: written < outgoing.count ? input : -1, events: Int16(POLLOUT), revents: 0),
            ]
            let count = poll(&polled, nfds_t(polled.count), timeout)
            guard count >= 0 || errno == EINTR || errno == EAGAIN else {
                child.kill()
                break
            }
            ended = polled[0].revents != 0
            if polled[1].revents != 0 { _ = read(wake, buffer.baseAddress, buffer.count) }
            if polled[2].revents != 0 { readOutput(child, buffer) }
            if polled[3].revents != 0 { readError(child, buffer) }
            if polled[4].revents != 0 { writeInput(child) }
            checkDeadlines(child)
        }
        child.finish()
        readRest(child, buffer)
        closeAll()
    }

    /// Fetches what is to be written. Returns how long to wait, in milliseconds; -1 for ever.
    private mutating func takeOrders(_ child: ChildProcess) -> Int32 {
        let next = child.state.withLock { state -> ContinuousClock.Instant? in
            if written == outgoing.count, !state.outgoing.isEmpty {
                (outgoing, written) = (state.outgoing, 0)
                state.outgoing = []
            }
            closesInput = state.closesInput && state.outgoing.isEmpty
            return [state.deadline, state.killTime].compactMap { $0 }.min()
        }
        if input < 0 { (outgoing, written) = ([], 0) }
        if closesInput, written == outgoing.count, input >= 0 {
            close(input)
            input = -1
        }
        return next.map { ($0 - .now).pollMilliseconds } ?? -1
    }

    /// Acts on what is due. This comes after reading: what is in the pipe already is not late, however long this thread
    /// was kept waiting.
    private func checkDeadlines(_ child: ChildProcess) {
        let now = ContinuousClock.now
        let (isLate, mustKill) = child.state.withLock { state in
            let isLate = state.deadline.map { $0 <= now } ?? false
            let mustKill = state.killTime.map { $0 <= now } ?? false
            if isLate { state.deadline = nil }
            if mustKill { state.killTime = nil }
            return (isLate, mustKill)
        }
        if mustKill { child.killGroup() }
        if isLate { child.listener.childIsLate(child) }
    }

    private mutating func writeInput(_ child: ChildProcess) {
        let count = outgoing.withUnsafeBytes { write(input, $0.baseAddress?.advanced(by: written), $0.count - written) }
        if count > 0 {
            written += count
            if written == outgoing.count { (outgoing, written) = ([], 0) }
        } else if errno != EAGAIN, errno != EINTR {
            close(input)
            input = -1
            (outgoing, written) = ([], 0)
            child.listener.childClosed(child, .input)
        }
    }

    private mutating func readOutput(_ child: ChildProcess, _ buffer: UnsafeMutableRawBufferPointer) {
        let count = read(output, buffer.baseAddress, buffer.count)
        if count > 0 {
            child.listener.childWrote(child, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            close(output)
            output = -1
            child.listener.childClosed(child, .output)
        }
    }

    private mutating func readError(_ child: ChildProcess, _ buffer: UnsafeMutableRawBufferPointer) {
        let count = read(error, buffer.baseAddress, buffer.count)
        if count > 0 {
            child.listener.childWroteError(child, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            close(error)
            error = -1
        }
    }

    /// Reads what the process left in its pipes, but doesn't wait for their end: a child of the child that left the
    /// group may hold them open for ever.
    private func readRest(_ child: ChildProcess, _ buffer: UnsafeMutableRawBufferPointer) {
        for (descriptor, isOutput) in [(output, true), (error, false)] where descriptor >= 0 {
            var total = 0
            while total < Self.largestPipe {
                let count = read(descriptor, buffer.baseAddress, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                total += count
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                if isOutput {
                    child.listener.childWrote(child, bytes)
                } else {
                    child.listener.childWroteError(child, bytes)
                }
            }
        }
    }

    /// Closes this process's ends of the pipes.
    func closeAll() {
        for descriptor in [input, output, error, wake] where descriptor >= 0 { close(descriptor) }
    }
}

extension Duration {
    /// Milliseconds for `poll`, rounded up, at most an hour.
    fileprivate var pollMilliseconds: Int32 {
        guard self > .zero else { return 0 }
        guard self < .seconds(3600) else { return 3_600_000 }
        let (seconds, attoseconds) = components
        return Int32(clamping: seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

/// A thread with SIGPIPE blocked.
enum ChildThread {
    private final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs a closure on a new thread, or on one of the task pool if the system has no more.
    static func start(_ body: @escaping @Sendable () -> Void) {
        let work = Unmanaged.passRetained(Work(body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 1 << 19)
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let status = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                ChildThread.blockBrokenPipeSignal()
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        if status != 0 {
            work.release()
            Task.detached {
                blockBrokenPipeSignal()
                body()
            }
        }
    }

    private static func blockBrokenPipeSignal() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}
