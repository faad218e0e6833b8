/// How many assignments of truth values make a formula true: what a truth table counts, and hard to guess.
enum PropositionalLogic: TaskFamily {
    static let name = "propositional_logic"
    static let summary = "count the assignments that make a formula of A, B, C true"

    private indirect enum Formula {
        case variable(Int)
        case not(Formula)
        case binary(Int, Formula, Formula)

        static let words = ["and", "or", "implies", "iff"]

        func value(_ bits: Int) -> Bool {
            switch self {
            case .variable(let index): return bits >> index & 1 == 1
            case .not(let inner): return !inner.value(bits)
            case .binary(let word, let a, let b):
                let (a, b) = (a.value(bits), b.value(bits))
                return switch word {
                case 0: a && b
                case 1: a || b
                case 2: !a || b
                default: a == b
                }
            }
        }

        var text: String {
            switch self {
            case .variable(let index): String(UnicodeScalar(UInt8(65 + index)))
            case .not(let inner): "not \(inner.text)"
            case .binary(let word, let a, let b): "(\(a.text) \(Self.words[word]) \(b.text))"
            }
        }
    }

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        let variables = 2 + level / 4
        let formula = formula(connectives: 1 + (level + 1) / 2, variables, level, &random)
        let count = (0..<1 << variables).count { formula.value($0) }
        guard count > 0, count < 1 << variables else { return nil }
        var text = formula.text
        if text.hasPrefix("("), text.hasSuffix(")"), case .binary = formula {
            text = String(text.dropFirst().dropLast())
        }
        let names = (0..<variables).map { String(UnicodeScalar(UInt8(65 + $0))) }.joined(separator: ", ")
        return PosedProblem(
            question:
                "How many of the \(1 << variables) assignments of true and false to \(names) make this formula true? "
                + text, answer: String(count))
    }

    private static func formula(
        connectives: Int, _ variables: Int, _ level: Int, _ random: inout TaskRandom
    ) -> Formula {
        var result: Formula
        if connectives == 0 {
            result = .variable(random.integer(in: 0...(variables - 1)))
        } else {
            let left = random.integer(in: 0...(connectives - 1))
            result = .binary(
                random.integer(in: 0...(level < 3 ? 1 : 3)), formula(connectives: left, variables, level, &random),
                formula(connectives: connectives - 1 - left, variables, level, &random))
        }
        if random.integer(in: 0...3) == 0 { result = .not(result) }
        return result
    }
}
