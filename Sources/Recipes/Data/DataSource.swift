import Randomness

/// One source of a data set: a file's rows or a generator's problems, in the order in which they are used.
public struct DataSource: Sendable {
    private enum Content: Sendable {
        /// Rows with rising numbers.
        case rows([DataRow])
        /// Problems in a row without end.
        case endless(any TaskGenerator, RowFormat)
    }

    /// The name in metrics.
    public let name: String
    /// The levels of difficulty of an endless generator that has several: problem i is of the level i modulo their number.
    public let levels: ClosedRange<Int>?
    private let content: Content
    private let order: EpochOrder?
    /// What was left out of it, and why.
    var report = Report()

    /// How a source came to the rows that it has.
    struct Report: Sendable {
        /// Rows that are in an evaluation set too.
        var exact = 0
        /// Rows that nearly are.
        var near = 0
        /// Rows that a screen left out.
        var screened = 0
    }

    /// A source of given rows, which must not be empty.
    ///
    /// - Parameter stream: Which source of its set it is; each has its own order.
    init(rows: [DataRow], name: String, shuffle: Bool, seed: Int, stream: Int = 0) {
        (self.name, content, levels) = (name, .rows(rows), nil)
        order = shuffle ? EpochOrder(count: rows.count, seed: seed, stream: stream) : nil
    }

    /// A source without end.
    init(_ generator: any TaskGenerator, _ format: RowFormat, name: String, levels: ClosedRange<Int>?) {
        (self.name, content, self.levels, order) = (name, .endless(generator, format), levels, nil)
    }

    /// How many rows it has; `nil` without end.
    public var count: Int? { if case .rows(let rows) = content { rows.count } else { nil } }

    /// A row in the source's own order, from 0; past the end it begins again.
    public func row(place: Int) -> DataRow {
        precondition(place >= 0, "row(place:): the place is \(place), expected at least 0")
        switch content {
        case .rows(let rows): return rows[place % rows.count]
        case .endless(let generator, let format): return format.row(generator.problem(index: place), index: place)
        }
    }

    /// The row that is drawn as the n-th from this source: epoch by epoch, each in its own order if the recipe shuffles.
    public func row(draw: Int) -> DataRow {
        precondition(draw >= 0, "row(draw:): the draw is \(draw), expected at least 0")
        guard let count, let order else { return row(place: draw) }
        return row(place: order.index(draw % count, epoch: draw / count))
    }

    /// At which place a row of a number is; `nil` if it was left out or there is none.
    public func place(ofNumber number: Int) -> Int? {
        guard number >= 0 else { return nil }
        guard case .rows(let rows) = content else { return number }
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].index < number { low = middle + 1 } else { high = middle }
        }
        return low < rows.count && rows[low].index == number ? low : nil
    }

    /// In which order rows that were never drawn come: their ranks in the first epoch.
    public func firstRanks() -> [Int] {
        guard let count else { return [] }
        guard let order else { return Array(0..<count) }
        var ranks = [Int](repeating: 0, count: count)
        for rank in 0..<count { ranks[order.index(rank, epoch: 0)] = rank }
        return ranks
    }

    /// The rows, or so many of an endless source's.
    func rows(atMost limit: Int) -> [DataRow] { (0..<min(limit, count ?? limit)).map { row(place: $0) } }
}
