import OrderedJSON

/// Countdown problems that can always be solved with every number used once and whole numbers all the way.
///
/// Columns: `target`, `numbers`. The answer is the target; a solution in answer tags, as the reward reads it, comes with the
/// problem.
/// Source: the task of TinyZero (github.com/Jiayi-Pan/TinyZero).
public struct CountdownGenerator: TaskGenerator {
    private let settings: Recipe.Countdown
    private let seed: Int
    private let template: PromptTemplate
    private let fallback: Candidate

    private struct Candidate {
        let numbers: [Int]
        let target: Int
        let solution: String
    }

    private static let operators: [ArithmeticOperator] = [ArithmeticOperator.Kind.add, .subtract, .multiply, .divide]
        .map { .init(kind: $0, symbol: $0.rawValue) }

    /// A generator.
    ///
    /// - Throws: `RecipeError` when the numbers (nearly) never reach the target range.
    public init(_ settings: Recipe.Countdown) throws(RecipeError) {
        self.settings = settings
        seed = settings.seed ?? 0
        do { template = try PromptTemplate(settings.template) } catch {
            throw RecipeError(.data, "countdown: template: \(error.message)")
        }
        var found: Candidate?
        for index in 0..<16 {
            found = Self.candidate(settings, seed: seed, index: index, draw: 0)
            if found == nil { break }
        }
        guard let found else {
            throw RecipeError(
                .data,
                "countdown: \(settings.numbers.lowerBound) to \(settings.numbers.upperBound) numbers from "
                    + "\(settings.range.lowerBound) to \(settings.range.upperBound) (nearly) never make a target from "
                    + "\(settings.target.lowerBound) to \(settings.target.upperBound); widen one of them")
        }
        fallback = found
    }

    /// A problem.
    public func problem(index: Int, draw: Int) -> Problem {
        let found = Self.candidate(settings, seed: seed, index: index, draw: draw) ?? fallback
        let numbers = JSONValue.array(found.numbers.map { .integer($0) })
        let prompt = template.filled { $0 == "target" ? String(found.target) : numbers.text(.spaced) }
        return Problem(
            prompt: prompt, answer: String(found.target), solution: "<answer>\(found.solution)</answer>",
            columns: ["target": .integer(found.target), "numbers": numbers],
            key: "\(found.numbers.sorted())=\(found.target)")
    }

    private static func candidate(_ settings: Recipe.Countdown, seed: Int, index: Int, draw: Int) -> Candidate? {
        var random = TaskRandom(seed: seed, index: index, draw: draw)
        for _ in 0..<4000 {
            var numbers: [Int] = []
            for _ in 0..<random.integer(in: settings.numbers) { numbers.append(random.integer(in: settings.range)) }
            if let (target, solution) = combine(numbers, &random), settings.target.contains(target) {
                return Candidate(numbers: numbers, target: target, solution: solution)
            }
        }
        return nil
    }

    /// Joins two numbers at a time by random operations until one is left; `nil` when a division is not exact.
    private static func combine(_ numbers: [Int], _ random: inout TaskRandom) -> (Int, String)? {
        var terms = numbers.map { (value: $0, text: String($0)) }
        while terms.count > 1 {
            let left = terms.remove(at: random.integer(in: 0...(terms.count - 1)))
            let right = terms.remove(at: random.integer(in: 0...(terms.count - 1)))
            let symbol = random.element(of: operators)
            guard let value = symbol.kind.apply(left.value, right.value) else { return nil }
            terms.append((value, "(\(left.text) \(symbol.symbol) \(right.text))"))
        }
        guard let last = terms.first else { return nil }
        return (last.value, last.text.hasPrefix("(") ? String(last.text.dropFirst().dropLast()) : last.text)
    }
}
