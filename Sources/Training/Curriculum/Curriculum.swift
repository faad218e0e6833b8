import ModelFiles
import OrderedJSON
import Randomness
import Recipes

/// Which task comes next, by the pass rates measured in training.
///
/// An endless source with levels of difficulty asks problems of one level, and a share from those below; a gate on the mean
/// pass rate there raises or lowers the level. In a source with an end each row is in one of three pools, easy, normal and
/// hard, and moves when it is measured; a prompt comes from a pool by its share, and there the row comes that was drawn
/// longest ago. Sources without either are read in their own order.
///
/// The choice is a function of the state and of addressed draws, so a run that goes on from a checkpoint chooses the same.
public struct Curriculum: Sendable, Equatable {
    /// What the recipe says.
    private let settings: Recipe.Curriculum
    private let seed: UInt64
    private(set) var sources: [SourceCurriculum]

    /// The curriculum at the beginning: lowest levels, and all rows in the normal pool but those that a screen has measured.
    ///
    /// - Parameter rates: Pass rates measured before, by row number of the set.
    public init(_ settings: Recipe.Curriculum, data: DataSet, seed: Int, rates: [Int: Double] = [:]) {
        self.settings = settings
        self.seed = UInt64(bitPattern: Int64(seed))
        sources = data.sources.map { SourceCurriculum($0) }
        for (number, rate) in rates { move(number, rate, data) }
    }

    /// The row for the next position of the stream.
    ///
    /// - Parameter position: Where the stream is.
    public mutating func row(at position: Int, of data: DataSet) -> DataRow {
        let (index, draw) = data.slot(at: position)
        let source = data.sources[index]
        let address = RandomAddress(
            seed: seed, purpose: .curriculum, step: position >> 32, prompt: position, sample: index)
        let row: DataRow
        switch sources[index] {
        case .plain: row = source.row(draw: draw)
        case .levels(let levels): row = source.row(place: levels.place(draw, settings, address))
        case .pools(var pools):
            row = source.row(place: pools.draw(settings, address, at: position))
            sources[index] = .pools(pools)
        }
        return data.numbered(row, of: index)
    }

    /// Takes in what was measured: the pass rate of each prompt that was asked, in order.
    public mutating func observe(_ rates: [(number: Int, rate: Double?)], of data: DataSet) {
        for (number, rate) in rates {
            guard let rate else { continue }
            let (index, own) = data.origin(ofNumber: number)
            guard sources.indices.contains(index), case .levels(var levels) = sources[index] else {
                move(number, rate, data)
                continue
            }
            levels.observe(own, rate, settings)
            sources[index] = .levels(levels)
        }
    }

    /// Puts a measured row into its pool.
    private mutating func move(_ number: Int, _ rate: Double, _ data: DataSet) {
        let (index, own) = data.origin(ofNumber: number)
        guard sources.indices.contains(index), case .pools(var pools) = sources[index],
            let place = data.sources[index].place(ofNumber: own)
        else { return }
        pools.move(place, rate, settings)
        sources[index] = .pools(pools)
    }

    /// `curriculum/NAME/level` and `level_pass_rate`, or how many rows are in the pools `easy`, `normal` and `hard`.
    public func metrics(_ data: DataSet) -> JSONObject {
        var metrics = JSONObject()
        for (source, state) in zip(data.sources, sources) {
            let prefix = "curriculum/\(source.name)"
            switch state {
            case .plain: break
            case .levels(let levels):
                metrics["\(prefix)/level"] = .integer(levels.level)
                if levels.groups > 0 {
                    metrics["\(prefix)/level_pass_rate"] = .double(levels.sum / Double(levels.groups))
                }
            case .pools(let pools):
                for pool in PoolCurriculum.Pool.allCases {
                    metrics["\(prefix)/\(pool)"] = .integer(pools.pools.count { $0 == pool })
                }
            }
        }
        return metrics
    }
}

extension Curriculum: Checkpointable {
    /// The state of each source, by its place.
    public var savedState: SavedState {
        SavedState(
            Dictionary(
                uniqueKeysWithValues: sources.enumerated().map {
                    ("source-\($0.offset)", .group($0.element.savedState))
                }))
    }

    /// Takes the states back; each must fit its source.
    public mutating func restore(_ state: SavedState) throws {
        for index in sources.indices { try sources[index].restore(state.group("source-\(index)")) }
    }
}

extension [ScoredGroup] {
    /// What a curriculum learns from them.
    func rates(_ checker: Checker) -> [(number: Int, rate: Double?)] {
        map { ($0.prompt.row.index, checker.passRate(of: $0)) }
    }

    /// `sources/NAME/prompts` and `sources/NAME/pass_rate` of each source of a mixture.
    func sourceMetrics(_ data: DataSet, _ checker: Checker) -> JSONObject {
        guard data.sources.count > 1 else { return [:] }
        var metrics = JSONObject()
        for (index, source) in data.sources.enumerated() {
            let own = filter { data.origin(ofNumber: $0.prompt.row.index).source == index }
            let rates = own.compactMap { checker.passRate(of: $0) }
            metrics["sources/\(source.name)/prompts"] = .integer(own.count)
            if !rates.isEmpty {
                metrics["sources/\(source.name)/pass_rate"] = .double(rates.reduce(0, +) / Double(rates.count))
            }
        }
        return metrics
    }
}
