import Foundation

/// The right to write into a run's folder, which one process at a time can have. It ends with the object, or with the
/// process however that ends; nothing is left in the folder.
public final class RunClaim: Sendable {
    private let descriptor: Int32

    /// Whether a process is writing a run.
    public static func isHeld(_ folder: RunFolder) -> Bool {
        let descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// Takes the right to a folder.
    ///
    /// - Throws: `TrackingError` (`unwritable`) while another process has it.
    public init(_ folder: RunFolder) throws(TrackingError) {
        descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw TrackingError(
                .unreadable, "run folder \(folder.path): can't be opened (\(SystemFile.reason(errno)))")
        }
        // One who looks whether the run is being written holds it for a moment.
        var attempts = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            // File systems that can't lock are trusted: what else could be done?
            guard errno == EWOULDBLOCK else { break }
            attempts += 1
            if attempts < 5 {
                usleep(20_000)
                continue
            }
            close(descriptor)
            throw TrackingError(
                .unwritable, "run folder \(folder.path): another process is writing this run; wait for it, or end it")
        }
    }

    deinit { close(descriptor) }
}
