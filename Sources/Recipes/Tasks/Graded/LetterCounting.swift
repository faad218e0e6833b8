/// How often a letter occurs in some words: easy to check, and hard for models that read whole words as tokens.
enum LetterCounting: TaskFamily {
    static let name = "letter_counting"
    static let summary = "count a letter in some words"

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        let words = (0..<level).map { _ in random.element(of: TaskWords.all) }
        let text = words.joined(separator: " ")
        let letters = Array(Set(text.filter { $0 != " " })).sorted()
        // One time in eight a letter that isn't there.
        let letter = random.integer(in: 0...7) == 0 ? Character("x") : random.element(of: letters)
        return PosedProblem(
            question: "How many times does the letter \"\(letter)\" occur in \"\(text)\"?",
            answer: String(text.count { $0 == letter }))
    }
}
