/// Numbers, or from level 6 on perhaps words, in rising or falling order.
enum Sorting: TaskFamily {
    static let name = "sorting"
    static let summary = "sort numbers or words"

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        let isFalling = random.integer(in: 0...1) == 1
        let count = 2 + level
        if level >= 6, random.integer(in: 0...1) == 1 {
            let words = Array(random.shuffled(TaskWords.all).prefix(count))
            let sorted = isFalling ? words.sorted(by: >) : words.sorted()
            return posed("words in \(isFalling ? "reverse " : "")alphabetical order", words, sorted)
        }
        let bound = 10 * level * level
        let numbers = (0..<count).map { _ in random.integer(in: (level < 3 ? 0 : -bound)...bound) }
        guard Set(numbers).count == count else { return nil }
        let sorted = isFalling ? numbers.sorted(by: >) : numbers.sorted()
        return posed(
            "numbers in \(isFalling ? "descending" : "ascending") order", numbers.map(String.init),
            sorted.map(String.init))
    }

    private static func posed(_ how: String, _ given: [String], _ sorted: [String]) -> PosedProblem? {
        guard given != sorted else { return nil }
        return PosedProblem(
            question: "Sort these \(how), separated by commas: \(given.joined(separator: ", "))",
            answer: sorted.joined(separator: ", "), form: .list)
    }
}
