/// Unions, intersections and differences of sets of numbers.
enum SetOperations: TaskFamily {
    static let name = "set_operations"
    static let summary = "union, intersection and difference of sets"

    private static let words = ["union", "intersection", "difference"]

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        let size = 3 + level / 2
        let sets = (0..<(level < 5 ? 2 : 3)).map { _ in
            Set(random.shuffled(Array(1...(2 * size + 2))).prefix(size))
        }
        let word = random.integer(in: 0...2)
        var result = apply(word, sets[0], sets[1])
        var asked = text(word, "A", "B")
        if sets.count == 3 {
            let second = random.integer(in: 0...2)
            result = apply(second, result, sets[2])
            asked = text(second, "(\(asked))", "C")
        }
        guard !result.isEmpty else { return nil }
        let given = sets.enumerated().map { index, set in
            "\(String(UnicodeScalar(UInt8(65 + index)))) = {\(list(set))}"
        }
        return PosedProblem(
            question: "\(given.joined(separator: ", ")). List the elements of \(asked), separated by commas.",
            answer: list(result), form: .set)
    }

    private static func apply(_ word: Int, _ a: Set<Int>, _ b: Set<Int>) -> Set<Int> {
        switch word {
        case 0: a.union(b)
        case 1: a.intersection(b)
        default: a.subtracting(b)
        }
    }

    private static func text(_ word: Int, _ a: String, _ b: String) -> String {
        word == 2 ? "\(a) without \(b)" : "\(a) \(words[word]) \(b)"
    }

    private static func list(_ set: Set<Int>) -> String { set.sorted().map(String.init).joined(separator: ", ") }
}
