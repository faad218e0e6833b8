/// Gives out work on rank 0: whoever asks first opens a table, and all take from it.
final class WorkService: Sendable {
    private let ranks: Int
    private let tables = Monitor([Int: WorkTable]())

    init(ranks: Int) { self.ranks = ranks }

    /// The next piece for a rank; `nil` when all are given out.
    ///
    /// - Parameter round: Counts the pieces of work that ranks have shared.
    /// - Parameter costs: What each piece will take; the same from every rank.
    func take(round: Int, costs: [Double], rank: Int) -> Int? {
        tables.change { tables in
            var table = tables[round] ?? WorkTable(costs: costs, ranks: ranks)
            let piece = table.take(rank)
            tables[round] = table.isFinished ? nil : table
            return piece
        }
    }
}

/// A rank's request for work.
struct Claim: Portable {
    let round: Int
    let costs: [Double]

    init(round: Int, costs: [Double]) { (self.round, self.costs) = (round, costs) }

    func write(to message: inout MessageWriter) {
        message.add(round)
        message.add(costs.map { Int(bitPattern: UInt($0.bitPattern)) })
    }

    init(from message: inout MessageReader) throws(DistributionError) {
        round = try message.integer()
        costs = try message.integers().map { Double(bitPattern: UInt64(UInt(bitPattern: $0))) }
    }
}

/// Pieces of work that ranks take one by one until none is left.
public struct WorkShare: Sendable {
    let claim: Claim
    let group: RankGroup

    /// The next piece for this rank; `nil` when all are given out.
    ///
    /// - Throws: `DistributionError` (`lost`).
    public func next() throws(DistributionError) -> Int? { try group.take(claim) }
}
