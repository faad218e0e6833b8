import OrderedJSON
import Randomness
import Synchronization

/// The rows of a training or evaluation set: a file's or a generator's, in the order in which they are used.
public struct DataSet: Sendable {
    private enum Source: Sendable {
        case rows([DataRow])
        /// Problems in a row without end.
        case endless(any TaskGenerator, RowFormat)
    }

    private let source: Source
    private let order: EpochOrder?
    /// What a user should know, such as that a generator has too few different problems.
    public let notes: [String]

    private init(_ source: Source, shuffle: Bool, seed: Int, notes: [String]) {
        self.source = source
        self.notes = notes
        if case .rows(let rows) = source, shuffle {
            order = EpochOrder(count: rows.count, seed: seed)
        } else {
            order = nil
        }
    }

    /// A set of given rows, which must not be empty.
    init(rows: [DataRow], shuffle: Bool, seed: Int, notes: [String] = []) {
        self.init(.rows(rows), shuffle: shuffle, seed: seed, notes: notes)
    }

    /// How many rows an epoch has; `nil` when the set is endless.
    public var count: Int? {
        switch source {
        case .rows(let rows): rows.count
        case .endless: nil
        }
    }

    /// A row in the set's own order, from 0; past the end it begins again.
    public func row(index: Int) -> DataRow {
        precondition(index >= 0, "row(index:): the index is \(index), expected at least 0")
        switch source {
        case .rows(let rows): return rows[index % rows.count]
        case .endless(let generator, let format): return format.row(generator.problem(index: index), index: index)
        }
    }

    /// A row of the stream that goes over the set epoch by epoch, each in its own order if the recipe shuffles.
    ///
    /// A pure function of the recipe's seed and the position: nothing has to be replayed to go on with a run.
    /// - Parameter position: From 0.
    public func row(at position: Int) -> DataRow {
        precondition(position >= 0, "row(at:): the position is \(position), expected at least 0")
        guard let count, let order else { return row(index: position) }
        return row(index: order.index(position % count, epoch: position / count))
    }

    /// The training and evaluation set of a recipe, read from its files or made by its generators.
    ///
    /// Generated training problems keep clear of the evaluation set. Where there are too few different problems for that,
    /// `notes` of the training set say so.
    /// - Throws: `RecipeError` with every bad line of a file, or when a generator can't make what it is asked for.
    public static func load(_ recipe: Recipe) throws(RecipeError) -> (train: DataSet, evaluation: DataSet?) {
        let format = RowFormat(recipe)
        var keys: Set<String> = []
        var evaluation: DataSet?
        switch recipe.data.evaluation {
        case .none: break
        case .file(let file):
            evaluation = DataSet(rows: try JSONLinesFile.rows(file, recipe), shuffle: false, seed: recipe.seed)
        case .some(let generated):
            let count = generated.count ?? 200
            let (problems, found, repeated) = try generated.generator().distinct(count)
            keys = found
            let notes =
                repeated == 0
                ? []
                : [
                    "data.evaluation: the generator has only about \(found.count) different problems, so \(repeated) of \(count) are repeated"
                ]
            evaluation = DataSet(
                rows: problems.enumerated().map { format.row($0.element, index: $0.offset) }, shuffle: false,
                seed: recipe.seed, notes: notes)
        }
        return (try train(recipe, format, excluding: keys), evaluation)
    }

    private static func train(
        _ recipe: Recipe, _ format: RowFormat, excluding keys: Set<String>
    ) throws(RecipeError) -> DataSet {
        if case .file(let file) = recipe.data.train {
            return DataSet(rows: try JSONLinesFile.rows(file, recipe), shuffle: recipe.data.shuffle, seed: recipe.seed)
        }
        let generator = ExcludingGenerator(try recipe.data.train.generator(), excluding: keys)
        let probes = min(recipe.data.train.count ?? 256, 256)
        let overlap = keys.isEmpty ? 0 : generator.overlap(ofFirst: probes)
        let notes =
            overlap == 0
            ? []
            : [
                "data.train: there are too few different problems: \(overlap) of the first \(probes) are in data.evaluation too; "
                    + "widen the generator, or lower data.evaluation.count"
            ]
        guard let count = recipe.data.train.count else {
            return DataSet(.endless(generator, format), shuffle: false, seed: recipe.seed, notes: notes)
        }
        let rows = (0..<count).map { format.row(generator.problem(index: $0), index: $0) }
        return DataSet(rows: rows, shuffle: recipe.data.shuffle, seed: recipe.seed, notes: notes)
    }
}

extension Recipe.DataSet {
    /// How many problems a generator makes; `nil`: endless, or a file.
    var count: Int? {
        switch self {
        case .arithmetic(let task): task.count
        case .countdown(let task): task.count
        case .programming(let task): task.count
        case .file: nil
        }
    }

    /// The generator that makes this data.
    ///
    /// - Throws: `RecipeError` when it can't make what it is asked for, or when this is a file.
    public func generator() throws(RecipeError) -> any TaskGenerator {
        switch self {
        case .arithmetic(let task): try ArithmeticGenerator(task)
        case .countdown(let task): try CountdownGenerator(task)
        case .programming(let task): try ProgrammingGenerator(task)
        case .file(let file): throw RecipeError(.data, "\(file.path): a file has no generator")
        }
    }
}

/// The order of the rows in each epoch: Fisher–Yates with addressed draws. The last epoch's order is kept.
private final class EpochOrder: Sendable {
    private let count: Int
    private let seed: Int
    private let last = Mutex<(epoch: Int, order: [Int])>((-1, []))

    init(count: Int, seed: Int) {
        self.count = count
        self.seed = seed
    }

    /// Which row comes at a place of an epoch.
    func index(_ place: Int, epoch: Int) -> Int {
        last.withLock { last in
            if last.epoch != epoch { last = (epoch, order(epoch)) }
            return last.order[place]
        }
    }

    private func order(_ epoch: Int) -> [Int] {
        let address = RandomAddress(seed: UInt64(bitPattern: Int64(seed)), purpose: .shuffle, step: epoch)
        var generator = address.generator()
        var order = Array(0..<count)
        for place in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(place, Int(generator.next().multipliedFullWidth(by: UInt64(place + 1)).high))
        }
        return order
    }
}
