import Glibc
import Subprocess
import Synchronization
import SystemPackage

/// What is told about a child process, on the child's own thread, one call at a time.
protocol ChildListener: AnyObject, Sendable {
    /// Bytes from standard output.
    func childWrote(_ child: ChildProcess, _ bytes: UnsafeRawBufferPointer)
    /// Bytes from standard error.
    func childWroteError(_ child: ChildProcess, _ bytes: UnsafeRawBufferPointer)
    /// The child closed a pipe though it may live on: it will read or write no more there.
    func childClosed(_ child: ChildProcess, _ stream: ChildStream)
    /// The child's deadline is over.
    func childIsLate(_ child: ChildProcess)
    /// The process is gone and reaped. Everything it wrote before was told before. The last call of all.
    ///
    /// - Parameter wallTime: From the start to the end, as the child's own thread saw them.
    func childEnded(_ end: ProcessEnd, after wallTime: Duration)
}

/// A stream between this process and a child.
enum ChildStream: String, Sendable {
    case input = "standard input"
    case output = "standard output"
}

/// A running process, leader of a session and process group of its own.
///
/// `Subprocess` starts and reaps it; a thread of its own moves the bytes, so that a full pipe in one direction never
/// holds up another, and so that SIGPIPE can be blocked there without any say in the rest of the program.
/// The process stays a zombie until the group was killed: its number can't be taken by a stranger before that.
final class ChildProcess: Sendable {
    /// What a process is told at its start.
    struct Orders: Sendable {
        /// All that standard input gets before it is closed; `nil`: it stays open for `send`.
        var input: [UInt8]?
        /// How long after the start the listener hears `childIsLate`; `nil` for never.
        var wallTime: Duration?
    }

    struct State {
        var outgoing: [UInt8] = []
        var closesInput = false
        var deadline: ContinuousClock.Instant?
        /// When the group is killed at last; set once the children were.
        var killTime: ContinuousClock.Instant?
        /// The pipe that wakes the thread; -1 when the thread has ended.
        var waker: Int32
    }

    /// The process's number, also its group's.
    let pid: pid_t
    let pidDescriptor: Int32
    let listener: any ChildListener
    /// When it was started.
    let start: ContinuousClock.Instant
    private let killsChildrenFirst: Bool
    let state: Mutex<State>

    private init(
        pid: pid_t, pidDescriptor: Int32, waker: Int32, orders: Orders, killsChildrenFirst: Bool,
        listener: any ChildListener
    ) {
        self.killsChildrenFirst = killsChildrenFirst
        (self.pid, self.pidDescriptor, self.listener) = (pid, pidDescriptor, listener)
        let now = ContinuousClock.now
        start = now
        state = Mutex(
            State(
                outgoing: orders.input ?? [], closesInput: orders.input != nil,
                deadline: orders.wallTime.map { now + $0 }, waker: waker))
    }

    /// Starts a process.
    ///
    /// - Parameter orders: What holds from the start, however late the caller goes on.
    /// - Throws: `WorkerError` (`cannotStart`); the listener hears nothing then.
    static func start(
        _ command: WorkerCommand, orders: Orders = Orders(), listener: any ChildListener
    ) async throws(WorkerError) -> ChildProcess {
        let pipes = try ChildPipes()
        let loop = ChildLoop(input: pipes.input, output: pipes.output, error: pipes.error, wake: pipes.wake)
        let waker = pipes.waker
        let ends = (pipes.childInput, pipes.childOutput, pipes.childError)
        let started = await withCheckedContinuation { continuation in
            let answer = Once(continuation)
            Task.detached {
                let ended = await supervise(command, orders, ends, loop, waker, listener, answer)
                // Without a process the answer is an error already, and the listener must hear nothing.
                if let ended { listener.childEnded(ended.end, after: ended.wallTime) }
            }
        }
        return try started.get()
    }

    /// Runs a process from start to reaping. Returns `nil` if it never started.
    private static func supervise(
        _ command: WorkerCommand, _ orders: Orders,
        _ ends: (FileDescriptor, FileDescriptor, FileDescriptor), _ loop: ChildLoop, _ waker: Int32,
        _ listener: any ChildListener, _ answer: Once
    ) async -> (end: ProcessEnd, wallTime: Duration)? {
        var options = PlatformOptions()
        options.createSession = true
        do {
            let result = try await Subprocess.run(
                command.executable.contains("/") ? .path(FilePath(command.executable)) : .name(command.executable),
                arguments: Arguments(command.arguments), environment: command.environment.subprocessValue,
                workingDirectory: command.workingFolder.map { FilePath($0) }, platformOptions: options,
                input: .fileDescriptor(ends.0, closeAfterSpawningProcess: true),
                output: .fileDescriptor(ends.1, closeAfterSpawningProcess: true),
                error: .fileDescriptor(ends.2, closeAfterSpawningProcess: true)
            ) { execution in
                let identifier = execution.processIdentifier
                let child = ChildProcess(
                    pid: identifier.value, pidDescriptor: identifier.processDescriptor, waker: waker,
                    orders: orders, killsChildrenFirst: command.killsChildrenFirst, listener: listener)
                answer.resume(.success(child))
                // The process is not reaped before this returns.
                return await withCheckedContinuation { over in
                    ChildThread.start {
                        var loop = loop
                        loop.run(child)
                        over.resume(returning: ContinuousClock.now - child.start)
                    }
                }
            }
            switch result.terminationStatus {
            case .exited(let status): return (.exited(status), result.closureResult)
            case .signaled(let signal): return (.signalled(signal), result.closureResult)
            }
        } catch {
            let failure = WorkerError(.cannotStart, "can't start '\(command.shortText)': \(error)", cause: error)
            guard answer.resume(.failure(failure)) else { return (.unknown, .zero) }
            loop.closeAll()
            close(waker)
            return nil
        }
    }

    /// Sends bytes to standard input; they are written as fast as the process reads.
    func send(_ bytes: [UInt8], thenClose: Bool = false) {
        state.withLock {
            $0.outgoing += bytes
            if thenClose { $0.closesInput = true }
            Self.wake($0)
        }
    }

    /// Sets when the listener hears `childIsLate`; `nil` for never.
    func setDeadline(_ deadline: ContinuousClock.Instant?) {
        state.withLock {
            $0.deadline = deadline
            Self.wake($0)
        }
    }

    /// Kills the process and all that are still in its group. Does nothing when it is gone.
    func kill() {
        state.withLock {
            guard $0.waker >= 0, $0.killTime == nil else { return }
            if killsChildrenFirst, killChildren() {
                $0.killTime = .now + .seconds(2)
                Self.wake($0)
            } else {
                _ = Glibc.kill(-pid, SIGKILL)
            }
        }
    }

    /// Kills the group, its leader among the first.
    func killGroup() {
        state.withLock { state in
            if state.waker >= 0 { _ = Glibc.kill(-pid, SIGKILL) }
        }
    }

    /// Kills the children of the process, which is still there. Returns whether it had any.
    private func killChildren() -> Bool {
        let list = open("/proc/\(pid)/task/\(pid)/children", O_RDONLY | O_CLOEXEC)
        guard list >= 0 else { return false }
        defer { close(list) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(list, &buffer, buffer.count)
        let children = buffer.prefix(max(0, count)).split(separator: 0x20)
            .compactMap { pid_t(String(decoding: $0, as: UTF8.self)) }
        for child in children where child > 1 { _ = Glibc.kill(child, SIGKILL) }
        return !children.isEmpty
    }

    /// Ends the thread's part: kills what is left of the group, after which the process may be reaped.
    func finish() {
        state.withLock {
            guard $0.waker >= 0 else { return }
            _ = Glibc.kill(-pid, SIGKILL)
            close($0.waker)
            $0.waker = -1
        }
    }

    private static func wake(_ state: State) {
        guard state.waker >= 0 else { return }
        var one: UInt8 = 1
        // A full pipe wakes as well.
        _ = write(state.waker, &one, 1)
    }
}

/// A continuation that is resumed by whoever comes first.
final class Once: Sendable {
    typealias Answer = Result<ChildProcess, WorkerError>
    private let continuation: Mutex<CheckedContinuation<Answer, Never>?>

    init(_ continuation: CheckedContinuation<Answer, Never>) { self.continuation = Mutex(continuation) }

    /// Whether this was the first answer.
    @discardableResult func resume(_ answer: Answer) -> Bool {
        let first = continuation.withLock { $0.take() }
        first?.resume(returning: answer)
        return first != nil
    }
}

extension WorkerCommand.Environment {
    /// The environment as `Subprocess` takes it.
    fileprivate var subprocessValue: Subprocess.Environment {
        switch self {
        case .inherited(let changes):
            .inherit.updating(
                Dictionary(changes.map { (Subprocess.Environment.Key(stringLiteral: $0.key), $0.value) }) { $1 })
        case .exactly(let values):
            .custom(Dictionary(values.map { (Subprocess.Environment.Key(stringLiteral: $0.key), $0.value) }) { $1 })
        }
    }
}
