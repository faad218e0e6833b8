import ModelFiles
import Randomness
import Recipes

/// What a curriculum knows of one source.
enum SourceCurriculum: Sendable, Equatable {
    /// Nothing: it is read in its own order.
    case plain
    /// A level of difficulty.
    case levels(LevelCurriculum)
    /// A pool of each row.
    case pools(PoolCurriculum)

    init(_ source: DataSource) {
        if let levels = source.levels {
            self = .levels(LevelCurriculum(levels))
        } else if source.count != nil {
            self = .pools(PoolCurriculum(source))
        } else {
            self = .plain
        }
    }
}

/// The level that an endless source asks at.
struct LevelCurriculum: Sendable, Equatable {
    let levels: ClosedRange<Int>
    var level: Int
    /// The pass rates measured at this level since it was reached.
    var sum = 0.0
    /// How many.
    var groups = 0

    init(_ levels: ClosedRange<Int>) {
        self.levels = levels
        level = levels.lowerBound
    }

    /// The place in the source of its n-th draw: problem n of the level, or of one below.
    func place(_ draw: Int, _ settings: Recipe.Curriculum, _ address: RandomAddress) -> Int {
        var asked = level
        if level > levels.lowerBound, address.uniform(at: 0) < settings.review {
            asked = levels.lowerBound + Int(address.uniform(at: 1) * Double(level - levels.lowerBound))
        }
        return draw * levels.count + asked - levels.lowerBound
    }

    /// Takes in the pass rate of a problem, and moves when enough were measured.
    mutating func observe(_ number: Int, _ rate: Double, _ settings: Recipe.Curriculum) {
        guard levels.lowerBound + number % levels.count == level else { return }
        sum += rate
        groups += 1
        guard groups >= settings.window else { return }
        let mean = sum / Double(groups)
        if mean >= settings.raiseAt {
            level = min(level + 1, levels.upperBound)
        } else if mean <= settings.lowerAt {
            level = max(level - 1, levels.lowerBound)
        }
        (sum, groups) = (0, 0)
    }
}

/// The pools that the rows of a source are in.
struct PoolCurriculum: Sendable, Equatable {
    enum Pool: Int, CaseIterable, Sendable {
        case easy
        case normal
        case hard
    }

    /// Each row's pool, by its place in the source.
    var pools: [Pool]
    /// When each row was drawn last: a position of the stream; −1 never.
    var drawn: [Int]
    /// The order of rows that were drawn equally long ago.
    private let ranks: [Int]

    init(_ source: DataSource) {
        ranks = source.firstRanks()
        pools = ranks.map { _ in .normal }
        drawn = ranks.map { _ in -1 }
    }

    /// Draws a row: a pool by its share, and of its rows the one that was drawn longest ago. A pool that is empty gives its
    /// share to the next of normal, hard, easy.
    mutating func draw(_ settings: Recipe.Curriculum, _ address: RandomAddress, at position: Int) -> Int {
        let uniform = address.uniform(at: 0)
        let wanted: Pool =
            uniform < settings.easyShare ? .easy : uniform < settings.easyShare + settings.hardShare ? .hard : .normal
        let present = Set(pools)
        let pool = [wanted, .normal, .hard, .easy].first { present.contains($0) } ?? .normal
        var best: Int?
        for place in pools.indices where pools[place] == pool {
            if let best, (drawn[best], ranks[best]) <= (drawn[place], ranks[place]) { continue }
            best = place
        }
        let place = best ?? 0
        drawn[place] = position
        return place
    }

    /// Moves a row by its pass rate.
    mutating func move(_ place: Int, _ rate: Double, _ settings: Recipe.Curriculum) {
        pools[place] = rate >= settings.easyAt ? .easy : rate <= settings.hardAt ? .hard : .normal
    }
}

extension SourceCurriculum: Checkpointable {
    /// Level and window, or pools and last draws.
    var savedState: SavedState {
        switch self {
        case .plain: [:]
        case .levels(let levels):
            ["level": .integer(levels.level), "sum": .number(levels.sum), "groups": .integer(levels.groups)]
        case .pools(let pools):
            ["pools": .integers(pools.pools.map(\.rawValue)), "drawn": .integers(pools.drawn)]
        }
    }

    /// Takes it back; levels and rows must be those of the source.
    mutating func restore(_ state: SavedState) throws {
        switch self {
        case .plain: break
        case .levels(var levels):
            (levels.level, levels.sum, levels.groups) = (
                try state.integer("level"), try state.number("sum"), try state.count("groups")
            )
            guard levels.levels.contains(levels.level), levels.sum.isFinite else {
                throw ModelFileError(
                    .mismatched,
                    "\(state.place): level is \(levels.level), expected one from \(levels.levels.lowerBound) to "
                        + "\(levels.levels.upperBound)")
            }
            self = .levels(levels)
        case .pools(var pools):
            let (saved, drawn) = (try state.integers("pools"), try state.integers("drawn"))
            let known = saved.compactMap { PoolCurriculum.Pool(rawValue: $0) }
            guard known.count == pools.pools.count, saved.count == known.count, drawn.count == known.count,
                drawn.allSatisfy({ $0 >= -1 })
            else {
                throw ModelFileError(
                    .mismatched, "\(state.place): pools of \(saved.count) rows, expected \(pools.pools.count)")
            }
            (pools.pools, pools.drawn) = (known, drawn)
            self = .pools(pools)
        }
    }
}
