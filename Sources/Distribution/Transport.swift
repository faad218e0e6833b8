/// What messages between ranks are for; each kind is a queue of its own.
public enum Channel: UInt8, Sendable, CaseIterable {
    /// A sign of life.
    case beat
    /// The last message of all.
    case farewell
    /// What all ranks tell one another.
    case exchange
    /// Partial sums of gradients.
    case sums
    /// Whole sums of gradients.
    case totals
    /// A rank asks for work; answered by rank 0 at once, whatever it is computing.
    case claim
    /// What it is given.
    case grant
    /// All of some shared work has been given out; told by rank 0.
    case exhausted
    /// A rank asks for items that the first one reads.
    case ask
    /// What it is given.
    case items
    /// What has been made of items.
    case results
}

/// Carries messages between ranks: those of a pair and a channel arrive whole and in order.
public protocol Transport: Sendable {
    /// The number of this rank, from 0.
    var rank: Int { get }
    /// How many ranks there are.
    var count: Int { get }
    /// Where messages for this rank arrive.
    var inbox: Inbox { get }

    /// How many of the ranks share this rank's machine, itself included.
    var neighbours: Int { get }

    /// A rank and where it runs, as messages name it.
    func name(of rank: Int) -> String

    /// Sends a message to another rank; returns at once.
    func send(_ message: [UInt8], to rank: Int, on channel: Channel)

    /// Ends the connection when everything has been sent and every rank has said so.
    ///
    /// - Parameter farewell: What the others are told at last: why this rank ends, if not because all is done.
    /// - Returns: What each rank told, by rank; empty for this one.
    func close(farewell: String) -> [String]
}
