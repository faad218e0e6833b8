import Dispatch
import Synchronization

/// The processes that compute one piece of work together, as one of them sees it. A program by itself is a group of one.
///
/// Every rank calls the same operations in the same order. What they return is the same on every rank.
public final class RankGroup: Sendable {
    /// The group of a program by itself.
    public static let alone = RankGroup(LocalTransport.ranks(1)[0])

    private let transport: any Transport
    private let service: WorkService
    private let rounds = Atomic<Int>(0)
    private let exchanges = Atomic<Int>(0)
    /// The latest shared work of which nothing is left to give out.
    private let exhausted = Exhausted()
    private let waited = Atomic<UInt64>(0)

    /// A group.
    public init(_ transport: any Transport) {
        self.transport = transport
        let service = WorkService(ranks: transport.count)
        self.service = service
        let exhausted = self.exhausted
        guard transport.rank == 0, transport.count > 1 else {
            transport.inbox.serve(.exhausted) { message, _ in
                var reader = MessageReader(message)
                if let round = try? reader.integer() { exhausted.raise(to: round) }
            }
            return
        }
        transport.inbox.serve(.claim) { message, rank in
            var reader = MessageReader(message)
            // A claim that can't be read is of another version, which the first exchange tells.
            guard let claim = try? Claim(from: &reader) else { return }
            var reply = MessageWriter()
            let (piece, isLast) = service.take(claim, rank: rank)
            reply.add(piece ?? -1)
            transport.send(reply.bytes, to: rank, on: .grant)
            if isLast { exhausted.announce(claim.round, over: transport) }
        }
    }

    /// The number of this rank, from 0.
    public var rank: Int { transport.rank }
    /// How many ranks there are.
    public var count: Int { transport.count }
    /// Whether this rank writes what the group finds.
    public var isFirst: Bool { rank == 0 }

    /// A rank and where it runs, as messages name it.
    public func name(of rank: Int) -> String { transport.name(of: rank) }
    /// How many of the ranks share this rank's machine, itself included.
    public var neighbours: Int { transport.neighbours }

    /// Seconds that this rank has waited for messages of others.
    public var waitingSeconds: Double { Double(waited.load(ordering: .relaxed)) * 1e-9 }

    /// Waits for a message.
    private func receive(from other: Int, on channel: Channel) throws(DistributionError) -> [UInt8] {
        try receive(fromAny: [other], on: channel)
    }

    private func receive(fromAny others: [Int], on channel: Channel) throws(DistributionError) -> [UInt8] {
        let start = DispatchTime.now().uptimeNanoseconds
        defer { waited.wrappingAdd(DispatchTime.now().uptimeNanoseconds - start, ordering: .relaxed) }
        return try transport.inbox.takeAny(of: others, on: channel)
    }

    /// Ends the group when every rank has said so.
    ///
    /// - Parameter farewell: Why this rank ends, if not because all is done.
    /// - Returns: What each rank told, by rank; empty for this one.
    public func close(farewell: String = "") -> [String] { transport.close(farewell: farewell) }

    /// Tells all ranks something.
    ///
    /// - Returns: What each of them told, by rank.
    /// - Throws: `DistributionError`: `lost`, or `malformed` where ranks are at different places of their work.
    public func exchange(_ own: [UInt8]) throws(DistributionError) -> [[UInt8]] {
        guard count > 1 else { return [own] }
        let number = exchanges.wrappingAdd(1, ordering: .relaxed).newValue
        var message = MessageWriter()
        message.add(number)
        for other in 0..<count where other != rank { transport.send(message.bytes + own, to: other, on: .exchange) }
        var all: [[UInt8]] = []
        for other in 0..<count {
            guard other != rank else {
                all.append(own)
                continue
            }
            let received = try receive(from: other, on: .exchange)
            var reader = MessageReader(received)
            let place = try reader.integer()
            guard place == number else {
                throw DistributionError(
                    .malformed,
                    "\(name(of: other)) is at exchange \(place), \(name(of: rank)) at \(number); please report it")
            }
            all.append(Array(received.dropFirst(MemoryLayout<Int>.size)))
        }
        return all
    }

    /// What the first rank tells; the others' own is not looked at.
    ///
    /// - Throws: `DistributionError` (`lost`, `ended`).
    public func tell(_ own: String) throws(DistributionError) -> String {
        String(decoding: try exchange(isFirst ? Array(own.utf8) : [])[0], as: UTF8.self)
    }

    /// Work that ranks share. A rank that does not take until nothing is left leaves the rest to the others.
    ///
    /// - Parameter costs: What each piece will take, in any unit; the same on every rank.
    /// - Parameter order: Which pieces go together, or first.
    public func share(costs: [Double], order: WorkOrder = .neighbours) -> WorkShare {
        let round = rounds.wrappingAdd(1, ordering: .relaxed).newValue
        return WorkShare(claim: Claim(round: round, costs: costs, order: order), group: self)
    }

    /// Whether nothing of some shared work is left to give out, as far as this rank has heard.
    func isExhausted(_ claim: Claim) -> Bool { exhausted.covers(claim.round) }

    func take(_ claim: Claim) throws(DistributionError) -> Int? {
        guard rank != 0 else {
            let (piece, isLast) = service.take(claim, rank: 0)
            if isLast { exhausted.announce(claim.round, over: transport) }
            return piece
        }
        var message = MessageWriter()
        claim.write(to: &message)
        transport.send(message.bytes, to: 0, on: .claim)
        var reply = MessageReader(try receive(from: 0, on: .grant))
        let piece = try reply.integer()
        guard piece < claim.costs.count else {
            throw DistributionError(
                .malformed, "rank 0 gave out piece \(piece) of \(claim.costs.count); please report it")
        }
        return piece < 0 ? nil : piece
    }
}

/// Of which shared work nothing is left to give out: of all up to a number, since ranks take them one after the other.
private final class Exhausted: Sendable {
    private let round = Atomic<Int>(0)

    func covers(_ round: Int) -> Bool { self.round.load(ordering: .relaxed) >= round }

    func raise(to round: Int) { _ = self.round.max(round, ordering: .relaxed) }

    /// Rank 0 lets everybody know.
    func announce(_ round: Int, over transport: any Transport) {
        raise(to: round)
        var message = MessageWriter()
        message.add(round)
        for other in 1..<max(transport.count, 1) { transport.send(message.bytes, to: other, on: .exhausted) }
    }
}

extension RankGroup {
    /// Sends a message.
    func send(_ message: [UInt8], to other: Int, on channel: Channel) {
        transport.send(message, to: other, on: channel)
    }

    /// Has messages of a channel answered as they arrive.
    func serve(_ channel: Channel, by service: @escaping Inbox.Service) { transport.inbox.serve(channel, by: service) }

    /// The next message of some ranks; `nil` if none is there and it is not waited for.
    func next(from others: [Int], on channel: Channel, waits: Bool) throws(DistributionError) -> [UInt8]? {
        guard !others.isEmpty else { return nil }
        guard waits else { return try transport.inbox.poll(others, on: channel) }
        return try receive(fromAny: others, on: channel)
    }

    /// Throws if one of some ranks has given up, or is lost.
    func check(_ others: [Int]) throws(DistributionError) { try transport.inbox.check(others) }
}
