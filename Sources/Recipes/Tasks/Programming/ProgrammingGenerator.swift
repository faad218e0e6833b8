import OrderedJSON

/// Small Python functions to write, with hidden tests whose results a Swift function has computed.
///
/// Columns: `tests` (as the code reward reads them), `solution` (a right program), `kind` and `level`. Problems are the
/// same if function and description are, whatever their tests and example.
public struct ProgrammingGenerator: TaskGenerator {
    private let kinds: [ProgrammingKind]
    private let seed: Int
    private let tests: Int
    private let template: PromptTemplate
    private static let redraws = 32

    /// The names of all kinds, and of the groups that stand for some of them, in the order of the documentation.
    public static let kindNames = (
        groups: ProgrammingKind.Group.allCases.map(\.rawValue), kinds: ProgrammingKind.all.map(\.name)
    )

    /// A generator.
    ///
    /// - Throws: `RecipeError` when no kind has the settings' difficulty.
    public init(_ settings: Recipe.Programming) throws(RecipeError) {
        seed = settings.seed ?? 0
        tests = settings.tests
        let (only, without) = (settings.kinds.map(Set.init), Set(settings.without))
        kinds = ProgrammingKind.all.filter { kind in
            let names: Set = [kind.name, kind.group.rawValue]
            return settings.difficulty.contains(kind.level) && only?.isDisjoint(with: names) != true
                && without.isDisjoint(with: names)
        }
        guard !kinds.isEmpty else {
            throw RecipeError(
                .data,
                "programming: no kind of task is left of difficulty \(settings.difficulty.lowerBound) to "
                    + "\(settings.difficulty.upperBound); widen difficulty or kinds, or leave fewer out (without)")
        }
        do { template = try PromptTemplate(settings.template) } catch {
            throw RecipeError(.data, "programming: template: \(error.message)")
        }
    }

    /// A problem.
    public func problem(index: Int, draw: Int) -> Problem {
        var random = TaskRandom(seed: seed, index: index, draw: draw)
        let kind = random.element(of: kinds)
        var task = kind.task(&random)
        var (example, cases) = Self.cases(task, count: tests, &random)
        // Some parameters make a function that always returns the same, such as the sum of what is even and odd.
        for _ in 0..<Self.redraws where Set(cases.map(\.result)).count < 2 {
            task = kind.task(&random)
            (example, cases) = Self.cases(task, count: tests, &random)
        }
        let heading = "def \(kind.name)\(task.signature):"
        let program = ([heading] + task.body.split(separator: "\n").map { "    \($0)" }).joined(separator: "\n")
        let call = "\(kind.name)(\(example.arguments.map(\.pythonLiteral).joined(separator: ", ")))"
        let prompt = template.filled { name in
            switch name {
            case "signature": heading
            case "description": task.description
            default: "\(call) returns \(example.result.pythonLiteral)"
            }
        }
        let list = cases.map { JSONValue.object(["args": .array($0.arguments), "expected": $0.result]) }
        return Problem(
            prompt: prompt, answer: program, solution: "```python\n\(program)\n```",
            columns: [
                "tests": ["type": "call", "fn_name": .string(kind.name), "cases": .array(list)],
                "solution": .string(program), "kind": .string(kind.name), "level": .integer(kind.level),
            ],
            key: "\(kind.name): \(task.description)")
    }

    /// An example for the prompt and hidden tests.
    ///
    /// Of many cases the tests are those whose results are rarest, so that no constant passes: of the tests of a function
    /// that says yes or no, about half say yes. The example shows something, and no test repeats it.
    private static func cases(
        _ task: ProgrammingTask, count: Int, _ random: inout TaskRandom
    ) -> (example: ProgrammingTask.Case, tests: [ProgrammingTask.Case]) {
        var pool: [ProgrammingTask.Case] = []
        var seen: Set<[JSONValue]> = []
        for _ in 0..<(6 * count + 12) {
            let one = task.draw(&random)
            if seen.insert(one.arguments).inserted { pool.append(one) }
        }
        let example = pool.firstIndex { $0.showsSomething } ?? 0
        let shown = pool.remove(at: example)
        var results: [JSONValue: Int] = [:]
        var chosen: [ProgrammingTask.Case] = []
        while chosen.count < count, !pool.isEmpty {
            let rarest = pool.indices.min {
                results[pool[$0].result, default: 0] < results[pool[$1].result, default: 0]
            }
            let next = pool.remove(at: rarest ?? 0)
            results[next.result, default: 0] += 1
            chosen.append(next)
        }
        return (shown, chosen.isEmpty ? [shown] : chosen)
    }
}

extension ProgrammingTask.Case {
    /// Whether a reader learns something from it: neither its arguments nor its result are nothing.
    fileprivate var showsSomething: Bool {
        !result.isNothing && !arguments.contains { $0.size < 3 && $0.intValue == nil }
    }
}

extension JSONValue {
    /// Whether Python takes it for false, or it is -1, which often means that nothing was found.
    fileprivate var isNothing: Bool {
        switch self {
        case .null, .bool(false), .integer(0), .integer(-1), .string(""): true
        case .array(let elements): elements.isEmpty
        case .object(let object): object.isEmpty
        default: false
        }
    }

    fileprivate var size: Int {
        switch self {
        case .string(let text): text.utf8.count
        case .array(let elements): elements.count + (elements.first?.size ?? 0)
        case .object(let object): 2 * object.count
        default: 0
        }
    }
}
