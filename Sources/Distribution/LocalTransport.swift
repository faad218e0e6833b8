/// Ranks that are threads of one process: a single one is a program by itself, and several show that results don't depend
/// on how many there are.
public final class LocalTransport: Transport {
    /// The number of this rank.
    public let rank: Int
    private let inboxes: [Inbox]

    private init(rank: Int, inboxes: [Inbox]) { (self.rank, self.inboxes) = (rank, inboxes) }

    /// The ends of some ranks, by their numbers.
    public static func ranks(_ count: Int) -> [LocalTransport] {
        let inboxes = (0..<count).map { _ in Inbox() }
        return (0..<count).map { LocalTransport(rank: $0, inboxes: inboxes) }
    }

    /// How many ranks there are.
    public var count: Int { inboxes.count }
    /// Where messages for this rank arrive.
    public var inbox: Inbox { inboxes[rank] }

    /// All of them.
    public var neighbours: Int { count }

    /// A rank as messages name it.
    public func name(of rank: Int) -> String { "rank \(rank)" }

    /// Puts a message into the other rank's inbox.
    public func send(_ message: [UInt8], to rank: Int, on channel: Channel) {
        inboxes[rank].deliver(message, from: self.rank, on: channel)
    }

    /// Says so to the others, and waits for them.
    public func close(farewell: String) -> [String] {
        for other in 0..<count where other != rank {
            inboxes[other].deliver(Array(farewell.utf8), from: rank, on: .farewell)
            inboxes[other].end(rank)
        }
        return inbox.farewells(of: count, besides: rank)
    }
}
