/// One linear equation in one unknown with a whole solution: on one side, on both, and with parentheses.
enum LinearEquation: TaskFamily {
    static let name = "linear_equation"
    static let summary = "solve an equation such as 3x + 5 = 20"

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        let (size, x) = (2 + 2 * level, random.nonzero(4 + 3 * level))
        let (a, b) = (random.nonzero(size), random.nonzero(3 * size))
        let left: String
        let value: Int
        if level >= 7 {
            let inner = random.nonzero(size)
            left = "\(coefficient(a))(x\(signed(inner)))\(signed(b))"
            value = a * (x + inner) + b
        } else {
            left = "\(coefficient(a))x\(signed(b))"
            value = a * x + b
        }
        guard level >= 4 else {
            return PosedProblem(question: "Solve for x: \(left) = \(value)", answer: String(x))
        }
        let c = random.nonzero(size)
        guard c != a else { return nil }
        let rest = value - c * x
        let right = "\(coefficient(c))x\(rest == 0 ? "" : signed(rest))"
        return PosedProblem(question: "Solve for x: \(left) = \(right)", answer: String(x))
    }

    private static func coefficient(_ value: Int) -> String { value == 1 ? "" : value == -1 ? "-" : String(value) }
    private static func signed(_ value: Int) -> String { value < 0 ? " - \(-value)" : " + \(value)" }
}
