/// The determinant of a matrix of whole numbers.
enum Determinant: TaskFamily {
    static let name = "determinant"
    static let summary = "the determinant of a matrix"

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        let size = level < 5 ? 2 : level < 9 ? 3 : 4
        let bound = level < 5 ? 3 * level : level
        let matrix = (0..<size).map { _ in
            (0..<size).map { _ in random.integer(in: (level == 1 ? 0 : -bound)...bound) }
        }
        let rows = matrix.map { "[\($0.map(String.init).joined(separator: ", "))]" }.joined(separator: ", ")
        return PosedProblem(
            question: "What is the determinant of the matrix with the rows \(rows)?", answer: String(value(matrix)))
    }

    /// By expansion along the first row.
    private static func value(_ matrix: [[Int]]) -> Int {
        guard matrix.count > 1 else { return matrix.first?.first ?? 1 }
        return matrix[0].enumerated().reduce(0) { sum, entry in
            let minor = matrix.dropFirst().map { row in
                row.enumerated().filter { $0.offset != entry.offset }.map(\.element)
            }
            return sum + (entry.offset % 2 == 0 ? 1 : -1) * entry.element * value(minor)
        }
    }
}
