import InferenceCore
import Training

/// The servers of a run, and the adapter that each of them has loaded.
final class ServerCrew: Sendable {
    /// A version of the adapter, under a name that no other ever has.
    struct Version: Sendable, Equatable {
        /// The name that servers know it by.
        let name: String
        /// Its folder, as servers find it.
        let path: String
    }

    private let shelves: [ServerShelf]
    private let urls: [String]
    private let concurrency: Int
    private let timeout: Double
    private let check: CompletionCheck
    private let rules: WorkBoard.Rules
    private let log: @Sendable (String) -> Void

    /// - Parameter prefix: What the names of the run's adapters begin with.
    init(
        _ servers: [AdapterServer], prefix: String, concurrency: Int, timeout: Double, check: CompletionCheck,
        rules: WorkBoard.Rules, log: @escaping @Sendable (String) -> Void
    ) {
        shelves = servers.map { ServerShelf($0, prefix: prefix, log: log) }
        urls = servers.map(\.url)
        (self.concurrency, self.timeout, self.check) = (concurrency, timeout, check)
        (self.rules, self.log) = (rules, log)
    }

    /// Has the servers complete all jobs.
    ///
    /// - Throws: `ExternalRolloutError`, `TrainingError` (`interrupted`), `CancellationError`.
    func run(
        _ jobs: [CompletionJob], version: Version, signal: StopSignal,
        onCompletion: @escaping @Sendable (Completion) -> Void
    ) async throws {
        let board = WorkBoard(jobs, servers: urls, rules: rules, log: log)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for server in shelves.indices {
                for _ in 0..<min(concurrency, jobs.count) {
                    group.addTask {
                        try await self.work(server, board, version, onCompletion)
                        return true
                    }
                }
            }
            group.addTask {
                while !signal.isSet { try await Task.sleep(for: .milliseconds(100)) }
                return false
            }
            // The first to end ends all: every completion is there, or a stop was asked for.
            let isComplete = try await group.next() ?? true
            group.cancelAll()
            if !isComplete {
                throw TrainingError(.interrupted, "training was asked to stop while servers were generating")
            }
        }
    }

    /// One request after the other to one server.
    private func work(
        _ server: Int, _ board: WorkBoard, _ version: Version, _ onCompletion: @Sendable (Completion) -> Void
    ) async throws {
        while true {
            switch try await board.next(for: server) {
            case .done: return
            case .wait(let seconds): try await Task.sleep(for: .seconds(seconds))
            case .ask(let job):
                do {
                    try await shelves[server].prepare(version)
                    let completion = try await shelves[server].server.complete(
                        job, model: version.name, check: check, timeout: timeout)
                    if await board.finish(job, by: server) { onCompletion(completion) }
                } catch let error as ExternalRolloutError {
                    await shelves[server].doubt(error)
                    await board.fail(job, by: server, error)
                }
            }
        }
    }

    /// Has all servers forget the run's adapters; one that does not answer is not waited for.
    func close() async {
        await withTaskGroup(of: Void.self) { group in
            for shelf in shelves { group.addTask { await shelf.clear() } }
        }
    }
}

/// A server with the adapters of this run that it has loaded.
actor ServerShelf {
    let server: AdapterServer
    private let prefix: String
    private let log: @Sendable (String) -> Void
    private var current: ServerCrew.Version?
    private var loading: (version: ServerCrew.Version, task: Task<Void, any Error>)?
    /// Seconds that a server may take to forget an adapter.
    private static let farewell = 10.0

    init(_ server: AdapterServer, prefix: String, log: @escaping @Sendable (String) -> Void) {
        (self.server, self.prefix, self.log) = (server, prefix, log)
    }

    /// Makes sure that the server has a version, and no other of this run.
    ///
    /// - Throws: `ExternalRolloutError`, `CancellationError`.
    func prepare(_ version: ServerCrew.Version) async throws {
        if current == version { return }
        if loading?.version != version {
            let (server, prefix, log) = (server, prefix, log)
            let task = Task {
                try await server.load(version.name, from: version.path)
                await Self.forget(on: server, except: version.name, prefix: prefix, log)
            }
            loading = (version, task)
        }
        guard let task = loading?.task else { return }
        do { try await task.value } catch {
            if loading?.version == version { loading = nil }
            throw error
        }
        try Task.checkCancellation()
        if loading?.version == version { (current, loading) = (version, nil) }
    }

    /// A server that was away, or refuses, may have lost the adapter.
    func doubt(_ error: ExternalRolloutError) {
        if error.code == .connection || error.code == .refused { current = nil }
    }

    /// Has the server forget all adapters of this run.
    func clear() async {
        // Where nothing was loaded, nothing is asked.
        guard current != nil || loading != nil else { return }
        loading?.task.cancel()
        (current, loading) = (nil, nil)
        await Self.forget(on: server, except: nil, prefix: prefix, log)
    }

    /// Unloads the run's adapters but one, those of an earlier process too.
    private static func forget(
        on server: AdapterServer, except name: String?, prefix: String, _ log: @Sendable (String) -> Void
    ) async {
        do {
            for old in try await server.models() where old.hasPrefix(prefix) && old != name {
                try await server.unload(old, timeout: farewell)
            }
        } catch { log("\(server.url): an old adapter stays loaded: \(error)") }
    }
}
