import OrderedJSON
import Testing

@testable import Recipes

/// Evaluates an expression exactly, written apart from the generators: fractions, standard precedence.
private struct Evaluator {
    struct Fraction: Equatable {
        var top: Int
        var bottom: Int
    }

    private var tokens: [String] = []
    private var position = 0
    private(set) var isWhole = true

    init(_ text: String) {
        var digits = ""
        for character in text + " " {
            if character.isNumber {
                digits.append(character)
                continue
            }
            if !digits.isEmpty { tokens.append(digits) }
            digits = ""
            if character != " " { tokens.append(String(character)) }
        }
    }

    var numbers: [Int] { tokens.compactMap { Int($0) } }

    mutating func value() -> Fraction? {
        let value = sum()
        return position == tokens.count ? value : nil
    }

    private var next: String? { position < tokens.count ? tokens[position] : nil }

    private mutating func sum() -> Fraction? {
        guard var left = product() else { return nil }
        while let symbol = next, "+-−".contains(symbol) {
            position += 1
            guard let right = product() else { return nil }
            let sign = symbol == "+" ? 1 : -1
            left = Fraction(
                top: left.top * right.bottom + sign * right.top * left.bottom, bottom: left.bottom * right.bottom)
            note(left)
        }
        return left
    }

    private mutating func product() -> Fraction? {
        guard var left = factor() else { return nil }
        while let symbol = next, "*×/÷".contains(symbol) {
            position += 1
            guard let right = factor() else { return nil }
            let isProduct = "*×".contains(symbol)
            if !isProduct, right.top == 0 { return nil }
            left = Fraction(
                top: left.top * (isProduct ? right.top : right.bottom),
                bottom: left.bottom * (isProduct ? right.bottom : right.top))
            note(left)
        }
        return left
    }

    private mutating func factor() -> Fraction? {
        defer { position += 1 }
        if next == "(" {
            position += 1
            let inner = sum()
            return next == ")" ? inner : nil
        }
        return next.flatMap { Int($0) }.map { Fraction(top: $0, bottom: 1) }
    }

    private mutating func note(_ value: Fraction) { isWhole = isWhole && value.top % value.bottom == 0 }
}

private func arithmetic(_ change: (inout Recipe.Arithmetic) -> Void) throws -> ArithmeticGenerator {
    var settings = Recipe.Arithmetic()
    settings.seed = 7
    change(&settings)
    return try ArithmeticGenerator(settings)
}

@Suite("Tasks")
struct TaskTests {
    static let settings: [@Sendable (inout Recipe.Arithmetic) -> Void] = [
        { _ in },
        {
            $0.operands = 2...4; $0.digits = 1...3; $0.operators = ["+", "-", "*", "/"]
        },
        {
            $0.operands = 3...6; $0.digits = 1...2; $0.operators = ["+", "−", "×", "÷"]; $0.parentheses = true;
            $0.negative = true
        },
        {
            $0.operands = 2...2; $0.digits = 5...9; $0.operators = ["/"]
        },
        {
            $0.operands = 8...8; $0.digits = 1...9; $0.operators = ["-"]; $0.negative = true
        },
        { $0.form = "(dd ± dd) × d" },
        {
            $0.form = "ab ? ba"; $0.operators = ["+", "-", "*", "/"]; $0.negative = true
        },
        {
            $0.form = "(ddd - dd) / d + 1d0"; $0.negative = true
        },
        {
            $0.form = "d ? d ? d"; $0.operators = ["+", "*"]
        },
    ]

    @Test(
        "arithmetic answers are what the printed expression is worth, and divisions are exact",
        arguments: settings.indices)
    func exact(index: Int) throws {
        let generator = try arithmetic(Self.settings[index])
        var settings = Recipe.Arithmetic()
        Self.settings[index](&settings)
        var texts: Set<String> = []
        for index in 0..<1000 {
            let problem = generator.problem(index: index)
            let text = try #require(problem.columns["expression"]?.stringValue)
            var evaluator = Evaluator(text)
            let worth = evaluator.value()
            let value = try #require(worth, "\(text)")
            #expect(evaluator.isWhole, "\(text)")
            #expect(value.top % value.bottom == 0 && String(value.top / value.bottom) == problem.answer, "\(text)")
            #expect(problem.prompt == "What is \(text)?")
            if !settings.negative { #expect(!problem.answer.hasPrefix("-"), "\(text)") }
            if settings.form == nil {
                #expect(settings.operands.contains(evaluator.numbers.count), "\(text)")
                #expect(
                    evaluator.numbers.allSatisfy { settings.digits.contains(String($0).count) && $0 > 0 }, "\(text)")
            }
            texts.insert(text)
        }
        #expect(texts.count > 90)
    }

    @Test("operators, digits and operands all occur, in about equal shares")
    func distribution() throws {
        let generator = try arithmetic {
            $0.operands = 2...3; $0.operators = ["+", "-", "*", "/"]; $0.negative = true
        }
        var operators: [Character: Int] = [:]
        var widths: [Int: Int] = [:]
        var counts: [Int: Int] = [:]
        for index in 0..<4000 {
            let text = generator.problem(index: index).columns["expression"]?.stringValue ?? ""
            let numbers = Evaluator(text).numbers
            counts[numbers.count, default: 0] += 1
            for number in numbers { widths[String(number).count, default: 0] += 1 }
            for character in text where "+-*/".contains(character) { operators[character, default: 0] += 1 }
        }
        let total = operators.values.reduce(0, +)
        #expect(
            operators.count == 4 && operators.values.allSatisfy { $0 * 4 > total * 3 / 4 && $0 * 4 < total * 5 / 4 })
        #expect(counts.count == 2 && counts.values.allSatisfy { $0 > 1800 })
        #expect(widths.count == 2 && widths.values.allSatisfy { $0 > 2500 })
    }

    @Test("a fixed form keeps its shape; a letter is the same digit everywhere")
    func form() throws {
        let generator = try arithmetic { $0.form = "(dd ± dd) × d" }
        for index in 0..<200 {
            let text = generator.problem(index: index).columns["expression"]?.stringValue ?? ""
            #expect(text.wholeMatch(of: /\([1-9][0-9] [+-] [1-9][0-9]\) × [1-9]/) != nil, "\(text)")
        }
        let mirror = try arithmetic { $0.form = "ab + ba" }
        for index in 0..<200 {
            let numbers = Evaluator(mirror.problem(index: index).columns["expression"]?.stringValue ?? "").numbers
            #expect(numbers.count == 2 && numbers[0] == numbers[1] % 10 * 10 + numbers[1] / 10)
        }
    }

    @Test(
        "a form that can't be read says where",
        arguments: [
            ("", "expected a number (such as dd) or '(' at character 1, got the end"),
            ("dd", "has no operator; expected a form such as (dd ± dd) × d"),
            ("dd +", "expected a number (such as dd) or '(' at character 5, got the end"),
            ("dd d", "expected an operator at character 4, got 'd'"),
            ("(dd + d", "expected ')' at character 8, got the end"),
            (
                "dddddddddd + 1",
                "expected a number of at most 9 digits that doesn't begin with 0 at character 1, got 'd'"
            ),
            ("D + 1", "expected a number (such as dd) or '(' at character 1, got 'D'"),
            (String(repeating: "(", count: 150), "parentheses are nested deeper than 16"),
        ])
    func formFaults(form: String, expected: String) {
        #expect(
            performing: { try ArithmeticForm.parse(form, operators: []) },
            throws: { ($0 as? ArithmeticForm.Fault)?.message == expected })
    }

    @Test("what can't be generated is an error, not a hang")
    func infeasible() {
        #expect(throws: RecipeError.self) { try arithmetic { $0.form = "d / dd" } }
        #expect(throws: RecipeError.self) { try arithmetic { $0.form = "d - 10" } }
        var settings = Recipe.Countdown()
        settings.target = 999_999...1_000_000
        settings.numbers = 2...2
        settings.range = 1...3
        #expect(throws: RecipeError.self) { try CountdownGenerator(settings) }
    }

    @Test("countdown problems can be solved with every number once")
    func countdown() throws {
        var settings = Recipe.Countdown()
        settings.seed = 3
        let generator = try CountdownGenerator(settings)
        for index in 0..<2000 {
            let problem = generator.problem(index: index)
            let numbers = problem.columns["numbers"]?.arrayValue?.compactMap(\.intValue) ?? []
            let target = try #require(problem.columns["target"]?.intValue)
            let solution = try #require(problem.solution)
            #expect(solution.hasPrefix("<answer>") && solution.hasSuffix("</answer>"))
            var evaluator = Evaluator(String(solution.dropFirst(8).dropLast(9)))
            let worth = evaluator.value()
            let value = try #require(worth, "\(solution)")
            #expect(value.top == target * value.bottom && evaluator.isWhole, "\(solution)")
            #expect(evaluator.numbers.sorted() == numbers.sorted(), "\(solution)")
            #expect(settings.numbers.contains(numbers.count) && settings.target.contains(target))
            #expect(numbers.allSatisfy(settings.range.contains))
            #expect(problem.answer == String(target) && problem.prompt.contains("to make \(target)."))
        }
    }

    @Test("a problem is a pure function of seed and index; seeds and indices give other problems")
    func purity() throws {
        let first = try arithmetic { $0.digits = 3...4 }
        let second = try arithmetic { $0.digits = 3...4 }
        let other = try arithmetic {
            $0.digits = 3...4; $0.seed = 8
        }
        for index in [500, 3, 0, 1 << 33, Int.max] {
            #expect(first.problem(index: index) == second.problem(index: index))
            #expect(first.problem(index: index) != other.problem(index: index))
        }
        #expect(first.problem(index: 0) != first.problem(index: 1 << 32))
        #expect(first.problem(index: 5, draw: 1) != first.problem(index: 5))
        // Pinned: a change of it would change everyone's data.
        #expect(first.problem(index: 0).prompt == "What is 753 * 4575?")
    }

    @Test("problems that are the same have the same key")
    func keys() throws {
        let generator = try arithmetic { $0.form = "1 + 2" }
        let mirrored = try arithmetic { $0.form = "2 + 1" }
        let other = try arithmetic { $0.form = "2 - 1" }
        #expect(generator.problem(index: 0).key == mirrored.problem(index: 0).key)
        #expect(generator.problem(index: 0).key != other.problem(index: 0).key)
    }

    @Test("training problems keep clear of the evaluation set, and a space that is too small is said")
    func exclusion() throws {
        func load(_ train: String, _ evaluation: String) throws -> (train: DataSet, evaluation: DataSet?) {
            let yaml =
                "kind: grpo\nmodel: {path: m}\nrewards: [{type: math}]\ndata:\n  train: {generator: arithmetic, \(train)}\n"
                + "  evaluation: {generator: arithmetic, \(evaluation)}\n"
            let data = try DataSet.load(try Recipe(yaml: yaml, folder: "/"))
            return (data.train, data.evaluation.first?.data)
        }
        let small = "operands: 2, digits: 1, operators: ['+', '*']"
        let (train, evaluation) = try load(small, small + ", count: 30")
        #expect(train.notes.isEmpty && evaluation?.notes.isEmpty == true)
        let held = Set((0..<30).compactMap { evaluation?.row(index: $0).columns["expression"] })
        #expect(held.count == 30)
        for position in 0..<500 {
            let expression = try #require(train.row(at: position).columns["expression"]?.stringValue)
            let mirrored = expression.split(separator: " ").reversed().joined(separator: " ")
            #expect(!held.contains(.string(expression)) && !held.contains(.string(mirrored)))
        }
        let full = try load(small, small + ", count: 200")
        #expect(
            full.evaluation?.notes == [
                "data.evaluation: the generator has only about 90 different problems, so 110 of 200 are repeated"
            ])
        #expect(
            full.train.notes == [
                "data.train: there are too few different problems: 256 of the first 256 are in data.evaluation too; "
                    + "widen the generator, or lower data.evaluation.count"
            ])
    }
}
