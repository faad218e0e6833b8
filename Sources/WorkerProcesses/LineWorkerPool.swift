/// Several line workers of the same command: as many questions at once as there are workers, the others wait in order.
///
/// Waiting is the back-pressure: `ask` does not return before its reply is there, and takes no memory but its question.
public final class LineWorkerPool: Sendable {
    /// The workers.
    public let workers: [LineWorker]
    private let free: FairQueue<LineWorker>

    /// A pool; processes are started as they are needed.
    ///
    /// - Parameter size: The number of processes, at least 1.
    public init(
        _ command: WorkerCommand, size: Int, maximumReplyBytes: Int = 1 << 24,
        events: @escaping @Sendable (WorkerEvent) -> Void = { _ in }
    ) {
        workers = (0..<max(1, size)).map { _ in
            LineWorker(command, maximumReplyBytes: maximumReplyBytes, events: events)
        }
        free = FairQueue(workers)
    }

    /// Asks the next free worker; see `LineWorker.ask`. The time spent waiting for a worker does not count.
    public func ask(
        _ line: String, timeout: Duration, accepts: @escaping @Sendable (String) -> Bool = { _ in true }
    ) async throws -> String {
        let worker = try await free.take()
        defer { free.giveBack(worker) }
        return try await worker.ask(line, timeout: timeout, accepts: accepts)
    }

    /// Asks the next free worker and makes something of its reply; see `LineWorker.ask`.
    public func ask<Reply: Sendable>(
        _ line: String, timeout: Duration, startTimeout: Duration? = nil,
        reading: @Sendable (String) throws -> Reply
    ) async throws -> Reply {
        let worker = try await free.take()
        defer { free.giveBack(worker) }
        return try await worker.ask(line, timeout: timeout, startTimeout: startTimeout, reading: reading)
    }

    /// Asks many questions, each of the next free worker.
    ///
    /// - Returns: One result for each question, in order.
    /// - Throws: `CancellationError` only.
    public func askAll(_ lines: [String], timeout: Duration) async throws -> [Result<String, WorkerError>] {
        try await inOrder(lines, width: workers.count) { line in
            do {
                return .success(try await self.ask(line, timeout: timeout))
            } catch let error as WorkerError {
                return .failure(error)
            }
        }
    }

    /// Stops all workers; see `LineWorker.stop`.
    public func stop(grace: Duration = .seconds(1)) async {
        await withTaskGroup { group in
            for worker in workers { group.addTask { await worker.stop(grace: grace) } }
        }
    }
}

/// Transforms the elements of a list, so many at once, and returns the results in the list's order.
///
/// - Throws: The first error that `transform` throws; the others are cancelled then.
public func inOrder<Element: Sendable, Output: Sendable>(
    _ elements: [Element], width: Int, _ transform: @escaping @Sendable (Element) async throws -> Output
) async throws -> [Output] {
    try await withThrowingTaskGroup(of: (Int, Output).self) { group in
        var results = [Output?](repeating: nil, count: elements.count)
        var next = 0
        while next < elements.count || !group.isEmpty {
            if next < elements.count, next < max(1, width) {
                group.addTask { [index = next] in (index, try await transform(elements[index])) }
                next += 1
                continue
            }
            guard let (index, output) = try await group.next() else { break }
            results[index] = output
            if next < elements.count {
                group.addTask { [index = next] in (index, try await transform(elements[index])) }
                next += 1
            }
        }
        return results.compactMap { $0 }
    }
}
