/// The remainder of a sum, a product, or a power.
enum ModularArithmetic: TaskFamily {
    static let name = "modular_arithmetic"
    static let summary = "the remainder of a sum, product or power"

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        let size = 10 * level
        let modulus = random.integer(in: 3...(5 + 4 * level))
        let (a, b, c) = (
            random.integer(in: 2...size), random.integer(in: 2...size), random.integer(in: 2...size)
        )
        let (text, value): (String, Int)
        switch level {
        case ...3: (text, value) = ("\(a) + \(b)", a + b)
        case ...6: (text, value) = ("\(a) * \(b) + \(c)", a * b + c)
        default:
            let exponent = random.integer(in: 3...(4 * level))
            (text, value) = ("\(a)^\(exponent)", (0..<exponent).reduce(1) { power, _ in power * a % modulus })
        }
        return PosedProblem(
            question: "What is the remainder when \(text) is divided by \(modulus)?", answer: String(value % modulus))
    }
}
