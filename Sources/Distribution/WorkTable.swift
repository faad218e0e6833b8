/// Which pieces of a piece of work go together, or first.
public enum WorkOrder: Int, Sendable {
    /// Every rank begins with neighbouring pieces that cost about the same in sum, so that what it computes can be added up
    /// on the spot; who has finished takes the last piece of the rank that has most left.
    case neighbours
    /// Everybody takes the piece that costs most of those left, so that nobody begins a long one when others have finished.
    case longestFirst
}

/// Which pieces of a piece of work are still to be given out, and whose turn they are. Who computes a piece changes no bit.
struct WorkTable: Sendable {
    private let costs: [Double]
    /// What each rank has left of its own.
    private(set) var shares: [Range<Int>]
    /// What anybody may take, in this order.
    private var queue: ArraySlice<Int> = []
    /// Ranks that know that nothing is left.
    private var finished: Set<Int> = []

    /// - Parameter costs: What each piece will take, in any unit.
    init(costs: [Double], ranks: Int, order: WorkOrder = .neighbours) {
        self.costs = costs
        switch order {
        case .neighbours: shares = CostRow(costs).shares(ranks)
        case .longestFirst:
            shares = Array(repeating: 0..<0, count: ranks)
            queue = costs.indices.sorted { (costs[$1], $0) < (costs[$0], $1) }[...]
        }
    }

    /// Whether nothing is left to give out.
    var isExhausted: Bool { queue.isEmpty && shares.allSatisfy(\.isEmpty) }

    /// Whether nobody will ask any more.
    var isFinished: Bool { finished.count == shares.count }

    /// The next piece for a rank; `nil` when all are given out.
    mutating func take(_ rank: Int) -> Int? {
        guard shares.indices.contains(rank) else { return nil }
        if let piece = queue.popFirst() { return piece }
        if let own = shares[rank].first {
            shares[rank] = shares[rank].dropFirst()
            return own
        }
        let left = shares.map { $0.reduce(0) { $0 + costs[$1] } }
        guard let victim = shares.indices.filter({ !shares[$0].isEmpty }).max(by: { left[$0] < left[$1] }) else {
            finished.insert(rank)
            return nil
        }
        defer { shares[victim] = shares[victim].dropLast() }
        return shares[victim].last
    }
}
