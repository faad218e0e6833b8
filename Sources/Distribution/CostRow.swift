/// What things that stand in a row cost together, from the first one on.
public struct CostRow: Sendable {
    private var ends = [0.0]

    /// A row.
    ///
    /// - Parameter costs: What each thing takes, in any unit, at least 0.
    public init(_ costs: [Double]) {
        ends.reserveCapacity(costs.count + 1)
        for cost in costs { ends.append(ends[ends.count - 1] + cost) }
    }

    /// What all cost.
    public var total: Double { ends[ends.count - 1] }

    /// What those before one cost.
    public func before(_ index: Int) -> Double { ends[index] }

    /// The place between two things that is nearest to a cost: the number of the second one. Of two that are equally near, the
    /// first.
    ///
    /// - Parameter range: The places that may be chosen.
    public func boundary(nearest cost: Double, in range: ClosedRange<Int>) -> Int {
        // The first place at or behind it: it is the nearest, or the one before is.
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = (low + high) / 2
            if ends[middle] < cost { low = middle + 1 } else { high = middle }
        }
        guard low > range.lowerBound, abs(cost - ends[low - 1]) <= abs(ends[low] - cost) else { return low }
        // Things that cost nothing: the first of the places that are alike.
        var first = low - 1
        while first > range.lowerBound, ends[first - 1] == ends[first] { first -= 1 }
        return first
    }

    /// Neighbouring shares of about equal cost, as many as are asked for; some may be empty.
    public func shares(_ count: Int) -> [Range<Int>] {
        let places = 0...ends.count - 1
        let starts = (0...max(count, 1)).map { number in
            number == 0
                ? 0
                : number >= count
                    ? places.upperBound : boundary(nearest: total * Double(number) / Double(count), in: places)
        }
        return zip(starts, starts.dropFirst()).map { $0..<max($0, $1) }
    }
}
