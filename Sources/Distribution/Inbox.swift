/// Messages that have arrived at a rank, until somebody takes them.
public final class Inbox: Sendable {
    /// Answers messages of a channel as they arrive, on the thread that brings them.
    public typealias Service = @Sendable (_ message: [UInt8], _ rank: Int) -> Void

    private struct Place: Hashable {
        let rank: Int
        let channel: Channel
    }

    private struct State {
        var queues: [Place: [[UInt8]]] = [:]
        var services: [Channel: Service] = [:]
        var failure: DistributionError?
        /// Ranks that will send nothing more.
        var ended: Set<Int> = []
        var waiting = 0
    }

    private let state = Monitor(State())

    /// An empty inbox.
    public init() {}

    /// Puts a message in, or has it answered.
    public func deliver(_ message: [UInt8], from rank: Int, on channel: Channel) {
        let service = state.change { state in
            if let service = state.services[channel] { return Service?.some(service) }
            state.queues[Place(rank: rank, channel: channel), default: []].append(message)
            return nil
        }
        service?(message, rank)
    }

    /// Has messages of a channel answered from now on, and those that wait already.
    public func serve(_ channel: Channel, by service: @escaping Service) {
        let waiting = state.change { state in
            state.services[channel] = service
            let places = state.queues.keys.filter { $0.channel == channel }
            return places.map { (rank: $0.rank, messages: state.queues.removeValue(forKey: $0) ?? []) }
        }
        for (rank, messages) in waiting { for message in messages { service(message, rank) } }
    }

    /// Lets everybody who waits know that a rank has said farewell.
    public func end(_ rank: Int) { state.change { _ = $0.ended.insert(rank) } }

    /// Waits for the last words of all other ranks; empty where none come any more.
    func farewells(of count: Int, besides own: Int) -> [String] {
        (0..<count).map { rank in
            guard rank != own, let words = try? take(from: rank, on: .farewell) else { return "" }
            return String(decoding: words, as: UTF8.self)
        }
    }

    /// Lets everybody who waits know that no more will come.
    public func fail(_ error: DistributionError) { state.change { $0.failure = $0.failure ?? error } }

    /// Whether somebody waits for a message.
    public var isAwaited: Bool { state.change { $0.waiting > 0 } }

    /// Waits for the next message of a rank.
    ///
    /// - Throws: What `fail` was told, or `ended` for a rank that will send no more.
    public func take(from rank: Int, on channel: Channel) throws(DistributionError) -> [UInt8] {
        try takeAny(of: [rank], on: channel)
    }

    /// Waits for the next message of some ranks.
    ///
    /// - Throws: As `take(from:on:)`, when nothing is there and one of the ranks will send no more.
    public func takeAny(of ranks: [Int], on channel: Channel) throws(DistributionError) -> [UInt8] {
        state.change { $0.waiting += 1 }
        defer { state.change { $0.waiting -= 1 } }
        return try state.wait { Self.next(of: ranks, on: channel, in: &$0) }.get()
    }

    /// The next message of some ranks, if one is there.
    ///
    /// - Throws: As `takeAny(of:on:)`.
    public func poll(_ ranks: [Int], on channel: Channel) throws(DistributionError) -> [UInt8]? {
        try state.change { Self.next(of: ranks, on: channel, in: &$0) }?.get()
    }

    /// Throws what waiting for some ranks would throw.
    public func check(_ ranks: [Int]) throws(DistributionError) {
        try state.change { Self.failure(of: ranks, in: $0).map { Result<Void, DistributionError>.failure($0) } }?.get()
    }

    private static func next(
        of ranks: [Int], on channel: Channel, in state: inout State
    ) -> Result<[UInt8], DistributionError>? {
        for rank in ranks {
            let place = Place(rank: rank, channel: channel)
            if state.queues[place]?.isEmpty == false, let message = state.queues[place]?.removeFirst() {
                return .success(message)
            }
        }
        return failure(of: ranks, in: state).map { .failure($0) }
    }

    private static func failure(of ranks: [Int], in state: State) -> DistributionError? {
        if let failure = state.failure { return failure }
        guard let rank = ranks.first(where: { state.ended.contains($0) }) else { return nil }
        return DistributionError(.ended, "rank \(rank) has ended before its work was done")
    }
}
