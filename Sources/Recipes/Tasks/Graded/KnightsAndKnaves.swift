/// Who tells the truth? Knights always do, knaves never; what is said leaves exactly one possibility, found by trying all.
///
/// Source: the puzzles of Raymond Smullyan, What Is the Name of This Book? (1978).
enum KnightsAndKnaves: TaskFamily {
    static let name = "knights_and_knaves"
    static let summary = "find out who is a knight (truthful) and who a knave (lying)"

    private static let names = [
        "Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gil", "Hope", "Ivo", "June", "Kai", "Lena",
    ]
    private static let mostPeople = 6

    /// What one person says of others.
    private enum Statement {
        case kind(Int, isKnight: Bool)
        case same(Int, Int)
        case atLeastOneKnave(Int, Int)
        case knights(Int)

        func holds(_ knights: [Bool]) -> Bool {
            switch self {
            case .kind(let person, let isKnight): knights[person] == isKnight
            case .same(let a, let b): knights[a] == knights[b]
            case .atLeastOneKnave(let a, let b): !knights[a] || !knights[b]
            case .knights(let count): knights.count { $0 } == count
            }
        }

        func text(_ names: [String]) -> String {
            func name(_ person: Int) -> String { names[person] }
            return switch self {
            case .kind(let person, let isKnight): "\(name(person)) is a \(isKnight ? "knight" : "knave")."
            case .same(let a, let b): "\(name(a)) and \(name(b)) are of the same kind."
            case .atLeastOneKnave(let a, let b): "At least one of \(name(a)) and \(name(b)) is a knave."
            case .knights(let count): "Exactly \(count) of us \(count == 1 ? "is a knight" : "are knights")."
            }
        }
    }

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        let people = 2 + (level - 1) / 2
        let count = min(people, mostPeople)
        let names = Array(random.shuffled(Self.names).prefix(count))
        let statements = (0..<count).map { statement(of: $0, count, level, &random) }
        let solutions = (0..<1 << count).map { bits in (0..<count).map { bits >> $0 & 1 == 1 } }.filter { knights in
            statements.enumerated().allSatisfy { $0.element.holds(knights) == knights[$0.offset] }
        }
        guard solutions.count == 1, let solution = solutions.first else { return nil }
        let said = statements.enumerated().map { "\(names[$0.offset]) says: \"\($0.element.text(names))\"" }
        let order = names.joined(separator: ", ")
        return PosedProblem(
            question: "Knights always tell the truth, knaves always lie. \(said.joined(separator: " ")) "
                + "What are \(order), in this order? Answer with knight or knave for each, separated by commas.",
            answer: solution.map { $0 ? "knight" : "knave" }.joined(separator: ", "), form: .list)
    }

    private static func statement(
        of speaker: Int, _ count: Int, _ level: Int, _ random: inout TaskRandom
    ) -> Statement {
        let others = random.shuffled((0..<count).filter { $0 != speaker })
        let (a, b) = (others[0], others.count > 1 ? others[1] : speaker)
        switch random.integer(in: 0...(level < 3 ? 1 : 3)) {
        case 0: return .kind(a, isKnight: random.integer(in: 0...1) == 0)
        case 1: return .same(a, b)
        case 2: return .atLeastOneKnave(a, b)
        default: return .knights(random.integer(in: 0...count))
        }
    }
}
