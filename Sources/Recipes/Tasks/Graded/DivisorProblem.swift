/// Greatest common divisors and least common multiples.
enum DivisorProblem: TaskFamily {
    static let name = "gcd_lcm"
    static let summary = "greatest common divisor or least common multiple"

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        let count = level < 5 ? 2 : 3
        // A common factor, so that the answer is seldom 1.
        let factor = random.integer(in: 1...(2 + 2 * level))
        let numbers = (0..<count).map { _ in factor * random.integer(in: 2...(4 + 3 * level)) }
        guard Set(numbers).count == count else { return nil }
        let isDivisor = random.integer(in: 0...1) == 0
        let value = numbers.dropFirst().reduce(numbers[0]) { isDivisor ? gcd($0, $1) : $0 / gcd($0, $1) * $1 }
        let list = numbers.dropLast().map(String.init).joined(separator: ", ") + " and \(numbers[count - 1])"
        return PosedProblem(
            question: "What is the \(isDivisor ? "greatest common divisor" : "least common multiple") of \(list)?",
            answer: String(value))
    }

    private static func gcd(_ a: Int, _ b: Int) -> Int { b == 0 ? a : gcd(b, a % b) }
}
