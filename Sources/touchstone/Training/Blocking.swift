import Dispatch

/// Runs asynchronous work from a command, which is not asynchronous itself.
enum Blocking {
    private final class Slot<Value>: @unchecked Sendable {
        var result: Result<Value, any Error>?
    }

    /// Waits for the work, and calls `whileWaiting` ten times a second meanwhile. Control-C is left to the work.
    static func wait<Value: Sendable>(
        _ work: @escaping @Sendable () async throws -> Value, whileWaiting: () -> Void
    ) throws -> Value {
        let (slot, done) = (Slot<Value>(), DispatchSemaphore(value: 0))
        Interruption.setDeferred(true)
        defer { Interruption.setDeferred(false) }
        Task.detached {
            do { slot.result = .success(try await work()) } catch { slot.result = .failure(error) }
            done.signal()
        }
        while done.wait(timeout: .now() + .milliseconds(100)) == .timedOut { whileWaiting() }
        guard let result = slot.result else { throw CommandFailure("the work ended without a result") }
        return try result.get()
    }
}
