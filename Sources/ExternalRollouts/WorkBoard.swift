import Foundation
import InferenceCore

/// Which completions are still wanted, and which servers may be asked for them.
///
/// A server that fails is left alone for a while, twice as long each time, and then tried with one completion; what it had
/// goes to the others. When the last completions are taking long on one server, an idle one is asked for them too.
actor WorkBoard {
    /// How faults are dealt with.
    struct Rules: Sendable {
        /// How often a server may refuse or answer wrongly in a row.
        var retries = 3
        /// Seconds without any server.
        var patience = 1800.0
        /// Seconds that a server is left alone after its first failure.
        var pause = 0.5
        /// Seconds that it is left alone at most.
        var longestPause = 30.0
    }

    /// What a worker does next.
    enum Turn: Sendable {
        /// Asks for a completion.
        case ask(CompletionJob)
        /// Waits, in seconds.
        case wait(Double)
        /// Ends.
        case done
    }

    private struct Health {
        var failures = 0
        var refusals = 0
        var lastFailure: ContinuousClock.Instant?
        var resumes: ContinuousClock.Instant?
        var inFlight = 0
        var fault = ""

        var isFailing: Bool { failures > 0 }
    }

    private struct Flight {
        let server: Int
        let start: ContinuousClock.Instant
    }

    /// Seconds between two looks of an idle worker.
    private static let look = 0.05
    /// How much longer than the others a completion takes before a second server is asked for it.
    private static let slowness = 3.0
    /// Seconds below which nothing is slow.
    private static let leastSlow = 1.0

    private let servers: [String]
    private let rules: Rules
    private let log: @Sendable (String) -> Void
    private var health: [Health]
    private var waiting: [CompletionJob]
    private var unfinished: Set<Int>
    /// Servers that have answered wrongly, by job.
    private var refusedBy: [Int: Set<Int>] = [:]
    private var flights: [Int: [Flight]] = [:]
    private var jobs: [Int: CompletionJob] = [:]
    private var downSince: ContinuousClock.Instant?
    /// What answers have taken together, and how many there were.
    private var seconds = 0.0
    private var answers = 0

    init(
        _ jobs: [CompletionJob], servers: [String], rules: Rules, log: @escaping @Sendable (String) -> Void
    ) {
        (self.servers, self.rules, self.log) = (servers, rules, log)
        health = servers.map { _ in Health() }
        waiting = jobs.reversed()
        unfinished = Set(jobs.map(\.index))
    }

    /// What a worker of a server does next.
    ///
    /// - Throws: `ExternalRolloutError` when no server is left to hope for.
    func next(for server: Int) throws(ExternalRolloutError) -> Turn {
        if unfinished.isEmpty { return .done }
        let now = ContinuousClock.now
        try checkPatience(now)
        let own = health[server]
        if own.isFailing {
            // One completion shows whether it is well again.
            if own.inFlight > 0 { return .wait(Self.look) }
            if let resumes = own.resumes, now < resumes {
                return .wait(min(1, max(Self.look, (resumes - now) / .seconds(1))))
            }
        }
        guard let job = take(for: server, now) else { return .wait(Self.look) }
        health[server].inFlight += 1
        flights[job.index, default: []].append(Flight(server: server, start: now))
        jobs[job.index] = job
        return .ask(job)
    }

    /// The next job for a server; what it has refused goes to others while there are any.
    private func take(for server: Int, _ now: ContinuousClock.Instant) -> CompletionJob? {
        let place =
            waiting.lastIndex { !hasRefused($0, server) }
            ?? waiting.lastIndex { job in
                !health.indices.contains { $0 != server && !health[$0].isFailing && !hasRefused(job, $0) }
            }
        if let place { return waiting.remove(at: place) }
        guard waiting.isEmpty, !health[server].isFailing, answers >= 4 else { return nil }
        let slow = max(Self.leastSlow, Self.slowness * seconds / Double(answers))
        let late = flights.filter { _, flights in
            flights.count == 1 && flights[0].server != server && (now - flights[0].start) / .seconds(1) > slow
        }
        return late.min { ($0.value[0].start, $0.key) < ($1.value[0].start, $1.key) }.flatMap { jobs[$0.key] }
    }

    private func hasRefused(_ job: CompletionJob, _ server: Int) -> Bool {
        refusedBy[job.index]?.contains(server) ?? false
    }

    /// Takes a completion.
    ///
    /// - Returns: Whether it is the first of its job.
    func finish(_ job: CompletionJob, by server: Int) -> Bool {
        let start = land(job, server)
        if health[server].isFailing { log("\(servers[server]) answers again") }
        (health[server].failures, health[server].refusals, health[server].fault) = (0, 0, "")
        downSince = nil
        seconds += (ContinuousClock.now - start) / .seconds(1)
        answers += 1
        waiting.removeAll { $0.index == job.index }
        return unfinished.remove(job.index) != nil
    }

    /// Gives a job back, and leaves its server alone for a while.
    func fail(_ job: CompletionJob, by server: Int, _ error: ExternalRolloutError) {
        let now = ContinuousClock.now
        let start = land(job, server)
        let isWanted = unfinished.contains(job.index) && flights[job.index] == nil
        if isWanted, !waiting.contains(where: { $0.index == job.index }) { waiting.append(job) }
        if error.code == .wrongAnswer { refusedBy[job.index, default: []].insert(server) }
        health[server].fault = error.message
        // What was asked before the last failure has failed with it.
        guard health[server].lastFailure.map({ start > $0 }) ?? true else { return }
        if !health[server].isFailing { log("\(error.message); its completions are asked of others, or later") }
        health[server].lastFailure = now
        health[server].failures += 1
        if error.isDefinite { health[server].refusals += 1 }
        let pause = rules.pause * pow(2, Double(min(health[server].failures, 16) - 1))
        let seconds = min(max(pause, error.retryAfter ?? 0), rules.longestPause)
        health[server].resumes = now + .seconds(seconds)
        guard downSince == nil, health.allSatisfy(\.isFailing) else { return }
        downSince = now
        log("no server gives completions; waits up to \(Int(rules.patience)) s for one")
    }

    /// Ends a flight.
    ///
    /// - Returns: When it began.
    private func land(_ job: CompletionJob, _ server: Int) -> ContinuousClock.Instant {
        health[server].inFlight -= 1
        let place = flights[job.index]?.firstIndex { $0.server == server }
        let start = place.flatMap { flights[job.index]?.remove(at: $0).start }
        if flights[job.index]?.isEmpty ?? false { flights[job.index] = nil }
        return start ?? .now
    }

    /// Gives up when all servers refuse, or none has answered for too long.
    private func checkPatience(_ now: ContinuousClock.Instant) throws(ExternalRolloutError) {
        let faults = Set(health.map(\.fault).filter { !$0.isEmpty }).sorted().joined(separator: "; ")
        if health.allSatisfy({ $0.refusals > rules.retries }) {
            throw ExternalRolloutError(.refused, "every server refuses, or answers wrongly: \(faults)")
        }
        guard let downSince, health.allSatisfy({ $0.isFailing && $0.inFlight == 0 }),
            (now - downSince) / .seconds(1) > rules.patience
        else { return }
        throw ExternalRolloutError(
            .unavailable, "no server has given a completion for \(Int(rules.patience)) s: \(faults)")
    }
}
