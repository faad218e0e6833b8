/// A number from one base to another.
enum BaseConversion: TaskFamily {
    static let name = "base_conversion"
    static let summary = "write a number of one base in another"

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        let highest = level < 4 ? 9 : 16
        let from = level < 3 ? 10 : random.integer(in: 2...highest)
        let to = level < 3 ? random.element(of: [2, 8]) : random.integer(in: 2...highest)
        let value = random.integer(in: (1 << level)...(1 << (2 + 2 * level)))
        guard from != to else { return nil }
        let hint = to > 10 ? " Use lower-case letters for digits above 9." : ""
        return PosedProblem(
            question: "Write the base-\(from) number \(String(value, radix: from)) in base \(to).\(hint)",
            answer: String(value, radix: to), form: .text)
    }
}
