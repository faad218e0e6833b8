extension ProgrammingKind {
    /// Tasks about lists of rows.
    static let gridKinds: [ProgrammingKind] = [
        .init("line_totals", .grids, level: 1) { random in
            let (p, isRow) = (random.numberProperty(), random.integer(in: 0...1) == 0)
            return .init(
                "The grid is a list of rows of equal length. Return the list of the sums of each \(isRow ? "row" : "column"), "
                    + "where only numbers that are \(p.english) count.", .grid(),
                body: "return [sum(x for x in line if \(p.python)) for line in \(isRow ? "grid" : "zip(*grid)")]"
            ) { grid in (isRow ? grid : grid.transposed).map { $0.filter(p.value).reduce(0, +) } }
        },
        .init("count_cells", .grids, level: 1) { random in
            let p = random.numberProperty()
            return .init(
                "Return how many numbers of the grid (a list of rows) are \(p.english).", .grid(),
                body: "return sum(1 for row in grid for x in row if \(p.python))"
            ) { grid in grid.joined().count(where: p.value) }
        },
        .init("turned_grid", .grids, level: 2) { random in
            let k = random.integer(in: 2...9)
            switch random.integer(in: 0...2) {
            case 0:
                return .init(
                    "Return the grid (a list of rows of equal length) turned clockwise by a quarter, with each number multiplied "
                        + "by \(k).", .grid(), body: "return [[\(k) * x for x in row] for row in zip(*grid[::-1])]"
                ) { grid in grid.reversed().transposed.map { $0.map { k * $0 } } }
            case 1:
                return .init(
                    "Return the grid (a list of rows of equal length) with rows and columns exchanged and each number increased "
                        + "by \(k).", .grid(), body: "return [[x + \(k) for x in row] for row in zip(*grid)]"
                ) { grid in grid.transposed.map { $0.map { $0 + k } } }
            default:
                return .init(
                    "Return the grid (a list of rows of equal length) mirrored left to right, with each number reduced by \(k).",
                    .grid(), body: "return [[x - \(k) for x in row[::-1]] for row in grid]"
                ) { grid in grid.map { $0.reversed().map { $0 - k } } }
            }
        },
        .init("diagonal_sum", .grids, level: 2) { random in
            let (p, isMain) = (random.numberProperty(), random.integer(in: 0...1) == 0)
            return .init(
                "The grid is a list of n rows of n numbers. Return the sum of the numbers on the diagonal from the top "
                    + "\(isMain ? "left to the bottom right" : "right to the bottom left") that are \(p.english).",
                .grid(square: true),
                body: "line = [grid[i][\(isMain ? "i" : "-1 - i")] for i in range(len(grid))]\n"
                    + "return sum(x for x in line if \(p.python))"
            ) { grid in
                grid.indices.map { grid[$0][isMain ? $0 : grid.count - 1 - $0] }.filter(p.value).reduce(0, +)
            }
        },
        .init("border_sum", .grids, level: 3) { random in
            let k = random.integer(in: 2...6)
            return .init(
                "Return the sum of all numbers of the grid (a list of rows of equal length), where each number in the first or "
                    + "last row or the first or last column counts \(k) times.", .grid(),
                body: "rows, columns = len(grid), len(grid[0])\n"
                    + "return sum(x * (\(k) if i in (0, rows - 1) or j in (0, columns - 1) else 1)\n"
                    + "           for i, row in enumerate(grid) for j, x in enumerate(row))"
            ) { grid in
                var sum = 0
                for (i, row) in grid.enumerated() {
                    for (j, x) in row.enumerated() {
                        let isEdge = i == 0 || i == grid.count - 1 || j == 0 || j == row.count - 1
                        sum += isEdge ? k * x : x
                    }
                }
                return sum
            }
        },
        .init("best_line", .grids, level: 2) { random in
            let isRow = random.integer(in: 0...1) == 0
            let word = isRow ? "row" : "column"
            let reduce = random.numberReduction()
            return .init(
                "For each \(word) of the grid (a list of rows of equal length) take \(reduce.english). Return the index of the "
                    + "\(word) for which this is greatest; the first of them if several are.", .grid(),
                body: "values = [\(reduce.python) for xs in \(isRow ? "grid" : "map(list, zip(*grid))")]\n"
                    + "return values.index(max(values))"
            ) { grid in
                let values = (isRow ? grid : grid.transposed).map { reduce.value($0) }
                return values.firstIndex(of: values.max() ?? 0) ?? 0
            }
        },
    ]
}

extension Sequence where Element == [Int] {
    /// Rows and columns exchanged.
    fileprivate var transposed: [[Int]] {
        let rows = Array(self)
        return (rows.first ?? []).indices.map { column in rows.map { $0[column] } }
    }
}
