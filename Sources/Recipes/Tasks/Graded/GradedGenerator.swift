import OrderedJSON

/// Problems of one family, their difficulty turning with the index: of levels 2 to 4, problem 0 is of level 2, problem 1 of
/// level 3, problem 3 of level 2 again. So equally many of each are asked, and a level can be picked by index.
///
/// Columns: `task`, `difficulty`, `answer_form`.
public struct GradedGenerator: TaskGenerator {
    private let settings: Recipe.Graded
    private let seed: Int
    private let family: any TaskFamily.Type
    private let template: PromptTemplate
    /// One problem of each level, should a draw ever fail for long.
    private let fallbacks: [PosedProblem]
    private static let attempts = 256

    /// A generator.
    ///
    /// - Throws: `RecipeError` for an unknown family or template, or a family that gives no problem.
    public init(_ settings: Recipe.Graded) throws(RecipeError) {
        self.settings = settings
        seed = settings.seed ?? 0
        guard let family = TaskFamilies.named(settings.family) else {
            throw RecipeError(
                .data,
                "\(settings.family): no such generator; expected one of \(TaskFamilies.names.joined(separator: ", "))")
        }
        self.family = family
        do { template = try PromptTemplate(settings.template) } catch {
            throw RecipeError(.data, "\(settings.family): template: \(error.message)")
        }
        var fallbacks: [PosedProblem] = []
        for level in settings.difficulty {
            var random = TaskRandom(seed: seed, index: level, draw: -1)
            guard let problem = Self.posed(family, level, &random) else {
                throw RecipeError(
                    .data, "\(settings.family): no problem of difficulty \(level) was found; choose another")
            }
            fallbacks.append(problem)
        }
        self.fallbacks = fallbacks
    }

    /// A problem.
    public func problem(index: Int, draw: Int) -> Problem {
        let levels = settings.difficulty
        let place = ((index % levels.count) + levels.count) % levels.count
        var random = TaskRandom(seed: seed, index: index, draw: draw)
        let posed = Self.posed(family, levels.lowerBound + place, &random) ?? fallbacks[place]
        return Problem(
            prompt: template.filled { _ in posed.question }, answer: posed.answer, solution: nil,
            columns: [
                "task": .string(family.name), "difficulty": .integer(levels.lowerBound + place),
                "answer_form": .string(posed.form.rawValue),
            ], key: "\(family.name) \(posed.question)")
    }

    private static func posed(
        _ family: any TaskFamily.Type, _ level: Int, _ random: inout TaskRandom
    ) -> PosedProblem? {
        for _ in 0..<attempts {
            if let problem = family.pose(level: level, random: &random) { return problem }
        }
        return nil
    }
}

extension TaskRandom {
    /// A uniform integer within ± a bound that is not 0.
    mutating func nonzero(_ bound: Int) -> Int {
        let value = integer(in: 1...max(1, bound))
        return integer(in: 0...1) == 0 ? value : -value
    }

    /// The elements in a random order.
    mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var elements = elements
        for place in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(place, integer(in: 0...place))
        }
        return elements
    }
}
