/// Ways through a grid to the right and down, around blocked cells.
enum PathCounting: TaskFamily {
    static let name = "path_counting"
    static let summary = "count the ways through a grid with blocked cells"

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        let (rows, columns) = (3 + level / 3, 3 + (level + 1) / 3)
        var isFree = [[Bool]](repeating: [Bool](repeating: true, count: columns), count: rows)
        for _ in 0..<(1 + level / 2) {
            isFree[random.integer(in: 0...(rows - 1))][random.integer(in: 0...(columns - 1))] = false
        }
        guard isFree[0][0], isFree[rows - 1][columns - 1] else { return nil }
        var ways = [[Int]](repeating: [Int](repeating: 0, count: columns), count: rows)
        for row in 0..<rows {
            for column in 0..<columns where isFree[row][column] {
                let before = (row > 0 ? ways[row - 1][column] : 0) + (column > 0 ? ways[row][column - 1] : 0)
                ways[row][column] = row == 0 && column == 0 ? 1 : before
            }
        }
        let grid = isFree.map { String($0.map { $0 ? "." : "#" }) }.joined(separator: "\n")
        return PosedProblem(
            question:
                "In this grid . is free and # is blocked. Moving only right or down over free cells, how many ways lead "
                + "from the top left to the bottom right?\n\(grid)", answer: String(ways[rows - 1][columns - 1]))
    }
}
