/// A word through some steps: reversed, rotated, letters exchanged, replaced or dropped.
enum StringManipulation: TaskFamily {
    static let name = "string_manipulation"
    static let summary = "apply steps such as reversing or rotating to a string"

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        let length = 3 + (level + 1) / 2
        var letters = (0..<length).map { _ in random.element(of: Array("abcdefghijklmnopqrstuvwxyz")) }
        let given = String(letters)
        var steps: [String] = []
        for _ in 0..<(1 + level / 2) { steps.append(step(&letters, &random)) }
        guard String(letters) != given else { return nil }
        return PosedProblem(
            question: "Start with \"\(given)\". \(steps.joined(separator: " ")) What is the result?",
            answer: String(letters), form: .text)
    }

    /// Changes the letters and says how.
    private static func step(_ letters: inout [Character], _ random: inout TaskRandom) -> String {
        switch random.integer(in: 0...4) {
        case 0:
            letters.reverse()
            return "Reverse it."
        case 1:
            let count = random.integer(in: 1...2)
            letters = Array(letters[count...] + letters[..<count])
            return "Move the first \(count == 1 ? "letter" : "2 letters") to the end."
        case 2:
            letters.swapAt(0, letters.count - 1)
            return "Exchange the first and the last letter."
        case 3:
            let (old, new) = (random.element(of: letters), random.element(of: Array("aeiou")))
            letters = letters.map { $0 == old ? new : $0 }
            return "Replace every \"\(old)\" by \"\(new)\"."
        default:
            let last = letters[letters.count - 1]
            letters.append(last)
            return "Write the last letter twice."
        }
    }
}
