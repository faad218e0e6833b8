import Glibc
import SystemPackage

/// The three pipes of a child process, and one that wakes its thread.
/// All ends are close-on-exec; those of this process never block.
struct ChildPipes: ~Copyable {
    let childInput: FileDescriptor
    let childOutput: FileDescriptor
    let childError: FileDescriptor
    let input: Int32
    let output: Int32
    let error: Int32
    /// Read end.
    let wake: Int32
    /// Write end.
    let waker: Int32

    init() throws(WorkerError) {
        var ends: [Int32] = []
        do {
            for _ in 0..<4 { ends += try Self.pipe() }
            for end in [ends[1], ends[2], ends[4], ends[6], ends[7]] {
                guard fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) == 0 else { throw Errno(rawValue: errno) }
            }
        } catch {
            for end in ends { close(end) }
            throw WorkerError(
                .cannotStart,
                "can't make a pipe: \(error); raise the limit of open files (ulimit -n) or start fewer workers",
                cause: error)
        }
        (childInput, input) = (FileDescriptor(rawValue: ends[0]), ends[1])
        (output, childOutput) = (ends[2], FileDescriptor(rawValue: ends[3]))
        (error, childError) = (ends[4], FileDescriptor(rawValue: ends[5]))
        (wake, waker) = (ends[6], ends[7])
    }

    /// Read and write end. `pipe2` is not visible from Swift; that both ends become close-on-exec a moment after they
    /// appear does no harm here, as every child is started with all descriptors but its own three closed.
    private static func pipe() throws -> [Int32] {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw Errno(rawValue: errno) }
        for end in ends {
            guard fcntl(end, F_SETFD, FD_CLOEXEC) == 0 else {
                let reason = Errno(rawValue: errno)
                for end in ends { close(end) }
                throw reason
            }
        }
        return ends
    }
}
