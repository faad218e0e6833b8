/// The next term of a sequence: arithmetic, geometric, quadratic, two interleaved, or a recurrence over two terms.
enum NumberSequence: TaskFamily {
    static let name = "number_sequence"
    static let summary = "find the next term of a sequence such as 2, 5, 8, 11"

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        let terms = terms(level, &random)
        guard Set(terms).count > 2, let last = terms.last else { return nil }
        let shown = terms.dropLast().map(String.init).joined(separator: ", ")
        return PosedProblem(question: "What is the next term of the sequence \(shown), ...?", answer: String(last))
    }

    /// Seven terms; from two levels on each rule is harder to see than the one before.
    private static func terms(_ level: Int, _ random: inout TaskRandom) -> [Int] {
        let size = 3 * level
        let (start, step) = (random.integer(in: -size...size), random.nonzero(size))
        switch (level + 1) / 2 {
        case 1: return (0..<7).map { start + step * $0 }
        case 2:
            let ratio = random.integer(in: 2...3) * (random.integer(in: 0...1) == 0 ? 1 : -1)
            return (0..<6).reduce(into: [random.nonzero(4 * level)]) { terms, _ in
                terms.append((terms.last ?? 0) * ratio)
            }
        case 3:
            let bend = random.nonzero(level)
            return (0..<7).map { start + step * $0 + bend * $0 * $0 }
        case 4:
            let (other, pace) = (random.integer(in: -size...size), random.nonzero(size))
            return (0..<9).map { $0 % 2 == 0 ? start + step * ($0 / 2) : other + pace * ($0 / 2) }
        default:
            let (p, q) = (random.nonzero(2), random.nonzero(2))
            return (0..<6).reduce(into: [random.nonzero(level), random.nonzero(level)]) { terms, _ in
                terms.append(p * terms[terms.count - 1] + q * terms[terms.count - 2])
            }
        }
    }
}
