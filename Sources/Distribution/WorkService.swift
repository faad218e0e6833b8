/// Gives out work on rank 0: whoever asks first opens a table, and all take from it.
final class WorkService: Sendable {
    private let ranks: Int
    private let tables = Monitor([Int: WorkTable]())

    init(ranks: Int) { self.ranks = ranks }

    /// The next piece for a rank; `nil` when all are given out.
    ///
    /// - Parameter claim: The work that is shared; the same from every rank.
    /// - Returns: The piece, and whether it was the last one.
    func take(_ claim: Claim, rank: Int) -> (piece: Int?, isLast: Bool) {
        tables.change { tables in
            var table =
                tables[claim.round] ?? WorkTable(costs: claim.costs, ranks: ranks, order: claim.order)
            let piece = table.take(rank)
            tables[claim.round] = table.isFinished ? nil : table
            return (piece, piece != nil && table.isExhausted)
        }
    }
}

/// A rank's request for work.
struct Claim: Portable {
    /// Counts the pieces of work that ranks have shared.
    let round: Int
    let order: WorkOrder
    /// What each piece will take.
    let costs: [Double]

    init(round: Int, costs: [Double], order: WorkOrder = .neighbours) {
        (self.round, self.costs, self.order) = (round, costs, order)
    }

    func write(to message: inout MessageWriter) {
        message.add(round)
        message.add(order.rawValue)
        message.add(costs.map { Int(bitPattern: UInt($0.bitPattern)) })
    }

    init(from message: inout MessageReader) throws(DistributionError) {
        round = try message.integer()
        guard let order = WorkOrder(rawValue: try message.integer()) else {
            throw DistributionError(.malformed, "a rank asks for work in an unknown order; please report it")
        }
        self.order = order
        costs = try message.integers().map { Double(bitPattern: UInt64(UInt(bitPattern: $0))) }
    }
}

/// Pieces of work that ranks take one by one until none is left.
public struct WorkShare: Sendable {
    let claim: Claim
    let group: RankGroup

    /// How many there are.
    public var pieces: Int { claim.costs.count }

    /// The next piece for this rank; `nil` when all are given out.
    ///
    /// - Throws: `DistributionError` (`lost`).
    public func next() throws(DistributionError) -> Int? { try group.take(claim) }

    /// Whether nothing is left to give out, as far as this rank has heard: what it computes now is its last piece.
    public var isExhausted: Bool { group.isExhausted(claim) }
}
