import Foundation
import Synchronization

/// What happens when the system refuses memory: nothing that was begun can be finished, so the process ends, with a message
/// that says what to lower.
public enum OutOfMemory {
    private static let advice = Mutex("use a smaller model, batch or context")
    private static let handler = Mutex<@Sendable (String) -> Never>({ fatalError($0) })

    /// Says what to do about it, in words, as things stand now: told with the error.
    public static func advise(_ words: String) { advice.withLock { $0 = words } }

    /// Sets what ends the process; it is given the message. Unless set, the process traps.
    public static func handle(_ body: @escaping @Sendable (_ message: String) -> Never) {
        handler.withLock { $0 = body }
    }

    /// Ends the process.
    ///
    /// - Parameter bytes: What was refused.
    static func end(_ bytes: Int) -> Never {
        let words = advice.withLock { $0 }
        handler.withLock { $0 }("out of memory: the system refused \(bytes >> 20) MiB; \(words)")
    }
}
