import OrderedJSON
import Randomness

/// The rows of a training or evaluation set, from one source or several, in the order in which they are used.
///
/// Several sources are mixed by weight: of each thousand prompts every source has its share, rounded, in an order of its own
/// for each thousand. A row's number tells its source too: number ÷ sources is the number there, and the rest the source.
public struct DataSet: Sendable {
    /// Where the rows come from; at least one.
    public let sources: [DataSource]
    /// What a user should know, such as that a generator has too few different problems.
    public let notes: [String]
    /// Pass rates that a screen has measured, by row number.
    public let measured: [Int: Double]
    private let mixture: Mixture?

    /// A set of some sources.
    ///
    /// - Parameter weights: One for each; the shares are in proportion.
    init(
        _ sources: [DataSource], weights: [Double] = [1], seed: Int, notes: [String] = [], measured: [Int: Double] = [:]
    ) {
        self.measured = measured
        self.sources = sources
        self.notes = notes
        mixture = sources.count > 1 ? Mixture(weights: weights, seed: seed) : nil
    }

    /// A set of given rows, which must not be empty.
    init(rows: [DataRow], shuffle: Bool, seed: Int, notes: [String] = []) {
        self.init([DataSource(rows: rows, name: "data", shuffle: shuffle, seed: seed)], seed: seed, notes: notes)
    }

    /// How many rows an epoch has; `nil` when the set has no end, as a mixture has none.
    public var count: Int? { sources.count == 1 ? sources[0].count : nil }

    /// A row in the set's own order, from 0; past the end it begins again. Several sources take turns.
    public func row(index: Int) -> DataRow {
        precondition(index >= 0, "row(index:): the index is \(index), expected at least 0")
        let source = index % sources.count
        return numbered(sources[source].row(place: index / sources.count), of: source)
    }

    /// A row of the stream that training reads: epoch by epoch, the sources mixed by weight.
    ///
    /// A pure function of the recipe's seed and the position: nothing has to be replayed to go on with a run.
    /// - Parameter position: From 0.
    public func row(at position: Int) -> DataRow {
        let (source, draw) = slot(at: position)
        return numbered(sources[source].row(draw: draw), of: source)
    }

    /// Which source a position of the stream is for, and how many rows of it came before.
    public func slot(at position: Int) -> (source: Int, draw: Int) {
        precondition(position >= 0, "slot(at:): the position is \(position), expected at least 0")
        return mixture?.slot(at: position) ?? (0, position)
    }

    /// A source's row with the number that it has in the set.
    public func numbered(_ row: DataRow, of source: Int) -> DataRow {
        sources.count == 1 ? row : row.numbered(row.index &* sources.count &+ source)
    }

    /// Which source a row of the set is of, and its number there.
    public func origin(ofNumber number: Int) -> (source: Int, number: Int) {
        (number % sources.count, number / sources.count)
    }

    /// The row of a number, as records name it; `nil` if there is none.
    public func row(number: Int) -> DataRow? {
        guard number >= 0 else { return nil }
        let (source, number) = origin(ofNumber: number)
        return sources[source].place(ofNumber: number).map { numbered(sources[source].row(place: $0), of: source) }
    }

    /// Each source with its name, rows (`null` without end), and how many were left out: `excluded_exact` and
    /// `excluded_near` because they are evaluated on, `screened` by a measured pass rate.
    public var report: JSONValue {
        .array(
            sources.map { source in
                [
                    "name": .string(source.name), "rows": source.count.map { .integer($0) } ?? .null,
                    "excluded_exact": .integer(source.report.exact), "excluded_near": .integer(source.report.near),
                    "screened": .integer(source.report.screened),
                ]
            })
    }
}

/// Which source each position of a stream is for.
struct Mixture: Sendable {
    /// Positions over which every source has its share exactly.
    private static let block = 1000
    /// The source of each place of a block before it is shuffled.
    private let owners: [Int]
    /// How many of the places before it have the same source.
    private let shares: [Int]
    private let order: MixtureOrder

    init(weights: [Double], seed: Int) {
        let total = weights.reduce(0, +)
        let ideal = weights.map { $0 / total * Double(Self.block) }
        var shares = ideal.map { max(1, Int($0)) }
        // Largest remainders first; from the largest shares back where tiny ones were raised to 1.
        while shares.reduce(0, +) < Self.block {
            let next = shares.indices.max { ideal[$0] - Double(shares[$0]) < ideal[$1] - Double(shares[$1]) } ?? 0
            shares[next] += 1
        }
        while shares.reduce(0, +) > Self.block {
            let largest = shares.indices.max { shares[$0] < shares[$1] } ?? 0
            shares[largest] -= 1
        }
        self.shares = shares
        owners = shares.enumerated().flatMap { Array(repeating: $0.offset, count: $0.element) }
        order = MixtureOrder(owners: owners, seed: seed)
    }

    func slot(at position: Int) -> (source: Int, draw: Int) {
        let (source, before) = order.slot(position % Self.block, block: position / Self.block)
        return (source, position / Self.block * shares[source] + before)
    }
}
