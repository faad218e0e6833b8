import OrderedJSON
import Recipes
import Rewards

/// Whether rewards can read the rows of a file, which is told before anything is generated.
struct RowCheck {
    /// Faults that are told one by one.
    private static let maximumFaults = 5

    /// A data set with its name in the recipe.
    let name: String
    let data: DataSet
    /// Whether each reward must apply to a row.
    let needsSome: Bool

    /// Looks at every row of a data set that has an end.
    ///
    /// - Throws: `CommandFailure` that tells rows which a reward can't read, or a reward that applies to none though it must.
    func callAsFunction(_ rewards: RewardSet) throws {
        guard let count = data.count else { return }
        for case let function as any RowReading in rewards.entries.map(\.function) {
            var faults: [String] = []
            var (bad, applicable) = (0, 0)
            for index in 0..<count {
                let row = data.row(index: index)
                do throws(RewardFailure) {
                    if try function.applies(to: row.allColumns) { applicable += 1 }
                } catch {
                    bad += 1
                    if faults.count < Self.maximumFaults { faults.append("row \(row.index): \(error.detail)") }
                }
            }
            if bad > 0 {
                let more = bad > faults.count ? "; and \(bad - faults.count) rows more" : ""
                throw CommandFailure(
                    "\(name): the reward \(function.name) can't read \(bad) of \(count) rows (counted from 0): "
                        + faults.joined(separator: "; ") + more)
            }
            if applicable == 0, needsSome {
                let columns = data.row(index: 0).allColumns.keys.prefix(8).joined(separator: ", ")
                throw CommandFailure(
                    "\(name): the reward \(function.name) applies to none of the \(count) rows; the first has the columns "
                        + "\(columns.isEmpty ? "(none)" : columns). Give the column of its tests or answers in the recipe"
                )
            }
        }
    }
}

extension RewardSet {
    /// Looks at the rows that are learned from: every reward must read them, and apply to some.
    ///
    /// - Throws: `CommandFailure`
    func check(_ train: DataSet) throws { try RowCheck(name: "data.train", data: train, needsSome: true)(self) }

    /// Looks at the rows of evaluation sets; a reward may apply to one set only.
    ///
    /// - Throws: `CommandFailure`
    func check(_ evaluation: [NamedSet]) throws {
        for set in evaluation {
            try RowCheck(
                name: set.name.isEmpty ? "data.evaluation" : "data.evaluation (\(set.name))", data: set.data,
                needsSome: false
            )(self)
        }
    }
}
