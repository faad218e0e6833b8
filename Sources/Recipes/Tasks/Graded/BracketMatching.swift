/// Which bracket belongs to which, by position.
enum BracketMatching: TaskFamily {
    static let name = "bracket_matching"
    static let summary = "find the bracket that matches another"

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        let pairs = 2 + level
        var (text, open, partner) = ([Character](), [Int](), [Int: Int]())
        while text.count < 2 * pairs {
            let begun = (text.count + open.count) / 2
            if open.isEmpty || (begun < pairs && random.integer(in: 0...2) > 0) {
                open.append(text.count)
                text.append(random.element(of: level < 3 ? ["("] : ["(", "[", "{"]))
            } else if let start = open.popLast() {
                (partner[start], partner[text.count]) = (text.count, start)
                text.append(text[start] == "(" ? ")" : text[start] == "[" ? "]" : "}")
            }
        }
        let place = random.integer(in: 0...(text.count - 1))
        guard let match = partner[place], level < 4 || abs(match - place) > 1 else { return nil }
        return PosedProblem(
            question:
                "Positions count from 1. In the string \(String(text)) , at which position is the bracket that matches "
                + "the one at position \(place + 1)?", answer: String(match + 1))
    }
}
