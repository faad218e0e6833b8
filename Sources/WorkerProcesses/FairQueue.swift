import Synchronization

/// Hands a fixed set of resources to whoever waits, in the order of asking.
public final class FairQueue<Resource: Sendable>: Sendable {
    private struct State {
        var free: [Resource]
        var waiting: [(id: UInt64, continuation: CheckedContinuation<Resource, any Error>)] = []
        var nextID: UInt64 = 0
    }

    private let state: Mutex<State>

    /// A queue for some resources, all of them free.
    public init(_ resources: [Resource]) { state = Mutex(State(free: resources)) }

    /// Takes a free resource, or waits for one.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits.
    public func take() async throws -> Resource {
        let id = state.withLock { state in
            state.nextID &+= 1
            return state.nextID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer: Result<Resource, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if !state.free.isEmpty { return .success(state.free.removeFirst()) }
                    state.waiting.append((id, continuation))
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            let cancelled = state.withLock { state in
                state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0).continuation }
            }
            cancelled?.resume(throwing: CancellationError())
        }
    }

    /// Gives a resource back, to the one that has waited longest if there is one.
    public func giveBack(_ resource: Resource) {
        let next = state.withLock { state -> CheckedContinuation<Resource, any Error>? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst().continuation }
            state.free.append(resource)
            return nil
        }
        next?.resume(returning: resource)
    }
}
