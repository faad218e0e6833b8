/// A table of text whose columns are as wide as they need to be.
public struct TextTable {
    /// How a column stands.
    public enum Side: Sendable { case left, right }

    private let sides: [Side]
    private var rows: [[String]] = []

    /// A table with a line of headings.
    public init(_ headings: [(String, Side)]) {
        sides = headings.map(\.1)
        rows = [headings.map(\.0)]
    }

    /// Adds a row.
    public mutating func add(_ row: [String]) { rows.append(row) }

    /// The lines.
    public var text: String {
        let widths = sides.indices.map { column in
            rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() where sides.indices.contains(column) {
                let space = String(repeating: " ", count: max(0, widths[column] - cell.count))
                line += (column == 0 ? "" : "  ") + (sides[column] == .left ? cell + space : space + cell)
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
