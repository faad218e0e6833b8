import Foundation
import Synchronization

/// Control-C. A command ends at once with status 130, unless it has asked to finish what it is at; a second Control-C
/// ends any.
enum Interruption {
    private static let isDeferred = Atomic<Bool>(false)
    private static let wasRequested = Atomic<Bool>(false)

    /// Whether the user wants the command to end.
    static var isRequested: Bool { wasRequested.load(ordering: .relaxed) }

    /// Catches SIGINT. Results are written line by line, so ending at once leaves whole lines.
    static func install() {
        // Touched here, so that the handler finds them initialised.
        isDeferred.store(false, ordering: .relaxed)
        wasRequested.store(false, ordering: .relaxed)
        signal(SIGINT) { _ in
            let isSecond = Interruption.wasRequested.exchange(true, ordering: .relaxed)
            if isSecond || !Interruption.isDeferred.load(ordering: .relaxed) {
                _exit(ExitStatus.interrupted.rawValue)
            }
        }
    }

    /// From now on the command looks at `isRequested` itself, or no longer does.
    static func setDeferred(_ value: Bool) { isDeferred.store(value, ordering: .relaxed) }

    /// Forgets a request that has been heeded, as a chat does that only breaks off an answer.
    static func clear() { wasRequested.store(false, ordering: .relaxed) }

    /// Ends the command if the user wants that.
    static func check() throws { if isRequested { throw CommandFailure(reported: .interrupted) } }
}
