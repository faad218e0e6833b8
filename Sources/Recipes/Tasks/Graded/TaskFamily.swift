/// How an answer is to be compared; the column `answer_form` of a row.
public enum AnswerForm: String, CaseIterable, Sendable {
    /// As mathematics: `1/2` is `0.5`.
    case number
    /// Letter by letter, but for capitals and white space.
    case text
    /// Element by element, in order.
    case list
    /// Element by element, in any order.
    case set
}

/// A problem with its one right answer.
struct PosedProblem: Sendable {
    /// What is asked, in ASCII.
    let question: String
    /// The answer, in a form that the checker reads.
    let answer: String
    /// How it is compared.
    var form = AnswerForm.number
}

/// A family of problems with a difficulty dial, such as linear equations: one file each.
protocol TaskFamily: Sendable {
    /// The word that a recipe gives as `generator`.
    static var name: String { get }
    /// What is asked, for the reference table.
    static var summary: String { get }
    /// Draws a problem.
    ///
    /// - Parameter level: From 1, easy, to 10.
    /// - Returns: `nil` where the draw gave none, such as a puzzle with two solutions; it is then drawn again.
    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem?
}

/// Every family of graded problems.
enum TaskFamilies {
    /// In the order of the documentation.
    static let all: [any TaskFamily.Type] = [
        BaseConversion.self, BracketMatching.self, CalendarArithmetic.self, Determinant.self, DivisorProblem.self,
        KnightsAndKnaves.self, LetterCounting.self, LinearEquation.self, ModularArithmetic.self, NumberSequence.self,
        PathCounting.self, PropositionalLogic.self, RateProblem.self, SetOperations.self, Sorting.self,
        StringManipulation.self,
    ]

    /// The words that recipes give.
    static let names = all.map { $0.name }

    /// The family of a word.
    static func named(_ name: String) -> (any TaskFamily.Type)? { all.first { $0.name == name } }
}

/// Short English words for problems about letters.
enum TaskWords {
    /// Without capitals, three to eight letters each.
    static let all = [
        "apple", "river", "stone", "garden", "window", "copper", "letter", "silver", "bottle", "forest", "planet",
        "candle", "mirror", "basket", "button", "pepper", "rabbit", "summer", "winter", "cotton", "yellow", "kitten",
        "harbor", "ladder", "bridge", "carpet", "dinner", "engine", "feather", "guitar", "hammer", "island", "jacket",
        "kettle", "lemon", "meadow", "needle", "orange", "pencil", "quilt", "rocket", "saddle", "tunnel", "umbrella",
        "valley", "wagon", "zebra", "anchor", "barrel", "cellar", "donkey", "elbow", "falcon", "goose", "hollow",
        "ivory", "jungle", "kernel", "lantern", "marble",
    ]
}
