/// What went wrong with a worker process.
public struct WorkerError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault.
    public enum Code: Hashable, Sendable {
        /// The program can't be started: not found, not executable, no such folder, no more processes or descriptors.
        case cannotStart
        /// No reply came before the deadline. The process group was killed.
        case timeout
        /// The process ended without a reply.
        case died(ProcessEnd)
        /// More bytes came than were allowed before the reply line's end. The process group was killed.
        case floodedOutput
        /// The reply is not UTF-8, or the process closed a pipe while it went on living. The process group was killed.
        case unreadable
        /// The question holds a line break, so it would be taken for two.
        case invalidQuestion
        /// The worker was stopped by `stop()`.
        case stopped
    }

    /// The kind of fault.
    public let code: Code
    /// What, where, got, expected, and what to do; one line.
    public let message: String
    /// The error underneath, if there is one.
    public let cause: (any Error)?
    /// The message.
    public var description: String { message }

    /// An error with its message.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }
}

/// How a process ended.
public enum ProcessEnd: Hashable, Sendable, CustomStringConvertible {
    /// It ended by itself with an exit status.
    case exited(Int32)
    /// A signal ended it: 9 is a kill, 11 a segmentation fault.
    case signalled(Int32)
    /// The system did not tell.
    case unknown

    /// Whether it ended by itself with status 0.
    public var isSuccess: Bool { self == .exited(0) }

    /// Such as `exit status 1` or `signal 9`.
    public var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .signalled(let signal): "signal \(signal)"
        case .unknown: "unknown status"
        }
    }
}
