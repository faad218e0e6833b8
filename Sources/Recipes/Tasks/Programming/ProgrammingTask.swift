import OrderedJSON

/// A programming task with its parameters drawn: what is asked, a program that does it, and what it must return.
struct ProgrammingTask: Sendable {
    /// The arguments of one call and what it must return.
    struct Case: Hashable, Sendable {
        let arguments: [JSONValue]
        let result: JSONValue
    }

    /// What the function does, in sentences.
    let description: String
    /// The function's parameters and result in Python: `(numbers: list[int]) -> int`.
    let signature: String
    /// The lines of a right function, without its `def` and indentation.
    let body: String
    /// Draws arguments and computes the result, by Swift and not by the body.
    let draw: @Sendable (inout TaskRandom) -> Case

    /// A function of one argument.
    init<A: PythonData, Result: PythonData>(
        _ description: String, _ a: Argument<A>, body: String, result: @escaping @Sendable (A) -> Result
    ) {
        self.description = description
        self.signature = "(\(a.declaration)) -> \(Result.pythonType)"
        self.body = body
        self.draw = { random in
            let a = a.draw(&random)
            return Case(arguments: [a.json], result: result(a).json)
        }
    }

    /// A function of two arguments.
    init<A: PythonData, B: PythonData, Result: PythonData>(
        _ description: String, _ a: Argument<A>, _ b: Argument<B>, body: String,
        result: @escaping @Sendable (A, B) -> Result
    ) {
        self.description = description
        self.signature = "(\(a.declaration), \(b.declaration)) -> \(Result.pythonType)"
        self.body = body
        self.draw = { random in
            let (a, b) = (a.draw(&random), b.draw(&random))
            return Case(arguments: [a.json, b.json], result: result(a, b).json)
        }
    }
}

/// A kind of task: a name that is the function's too, how hard it is, and how its parameters are drawn.
struct ProgrammingKind: Sendable {
    /// What a kind works on.
    enum Group: String, CaseIterable, Sendable {
        case numbers, lists, texts, words, dictionaries, grids, algorithms
    }

    /// The function's name, unique among the kinds.
    let name: String
    let group: Group
    /// From 1 (one step) to 3 (several).
    let level: Int
    let task: @Sendable (inout TaskRandom) -> ProgrammingTask

    init(_ name: String, _ group: Group, level: Int, task: @escaping @Sendable (inout TaskRandom) -> ProgrammingTask) {
        self.name = name
        self.group = group
        self.level = level
        self.task = task
    }

    /// Every kind.
    static let all =
        numberKinds + listKinds + listOrderKinds + textKinds + wordKinds + dictionaryKinds + gridKinds + algorithmKinds
}

/// A parameter of a function: its name in Python, and how its values are drawn.
struct Argument<Value: PythonData>: Sendable {
    let name: String
    let draw: @Sendable (inout TaskRandom) -> Value

    fileprivate var declaration: String { "\(name): \(Value.pythonType)" }
}

extension Argument where Value == Int {
    /// A number.
    static func number(_ name: String = "n", _ bounds: ClosedRange<Int> = 1...200) -> Self {
        Self(name: name) { $0.integer(in: bounds) }
    }
}

extension Argument where Value == [Int] {
    /// A list of numbers.
    static func numbers(
        _ name: String = "numbers", _ bounds: ClosedRange<Int> = -20...40, count: ClosedRange<Int> = 0...9
    ) -> Self {
        Self(name: name) { random in random.list(count) { $0.integer(in: bounds) } }
    }
}

extension Argument where Value == [[Int]] {
    /// A grid of numbers, with at least one row and column.
    static func grid(square: Bool = false) -> Self {
        Self(name: "grid") { random in
            let (rows, columns) = (random.integer(in: 1...4), random.integer(in: 1...4))
            return random.list(rows...rows) { random in
                random.list(square ? rows...rows : columns...columns) { $0.integer(in: -9...20) }
            }
        }
    }
}

extension Argument where Value == String {
    /// A text of some characters.
    static func text(_ name: String = "text", of alphabet: String, count: ClosedRange<Int> = 0...14) -> Self {
        let characters = Array(alphabet)
        return Self(name: name) { random in String(random.list(count) { $0.element(of: characters) }) }
    }

    /// Letters of both cases, digits and a few others.
    static var mixed: Self { text(of: "abcdeiouABCEIOxyzXYZ0123456789 _-!?") }

    /// Words with one space between any two.
    static func sentence(_ count: ClosedRange<Int> = 0...6) -> Self {
        Self(name: "text") { random in random.list(count) { $0.word() }.joined(separator: " ") }
    }
}

extension Argument where Value == [String] {
    /// A list of words.
    static func words(count: ClosedRange<Int> = 0...7) -> Self {
        Self(name: "words") { random in random.list(count) { $0.word() } }
    }
}

extension Argument where Value == [String: Int] {
    /// Words with a number each.
    static func counts(_ name: String = "counts", _ bounds: ClosedRange<Int> = -9...40) -> Self {
        Self(name: name) { random in
            var counts: [String: Int] = [:]
            for _ in 0..<random.integer(in: 0...6) { counts[random.word()] = random.integer(in: bounds) }
            return counts
        }
    }
}

extension TaskRandom {
    /// A list of drawn elements.
    mutating func list<Element>(
        _ count: ClosedRange<Int>, _ draw: (inout TaskRandom) -> Element
    ) -> [Element] {
        (0..<integer(in: count)).map { _ in draw(&self) }
    }

    /// A word of lower-case letters; few enough that words come twice.
    mutating func word() -> String { element(of: Self.words) }

    private static let words = [
        "a", "at", "on", "cat", "dog", "ant", "noon", "level", "radar", "apple", "angle", "bird", "blue", "cloud",
        "corn",
        "deer", "door", "eagle", "elm", "fern", "fig", "green", "grape", "hat", "house", "ice", "iris", "jam", "kiwi",
        "lemon", "lily", "moon", "mint", "nut", "oak", "olive", "pear", "plum", "queen", "rose", "river", "stone",
        "sun",
        "tree", "tulip", "under", "umbrella", "violet", "wind", "water", "yellow", "zebra",
    ]
}
