import Foundation
import OrderedJSON
import Testing

@testable import Recipes

/// Solves problems from their text alone, written apart from the generators.
private enum Solver {
    static func numbers(_ text: some StringProtocol) -> [Int] {
        text.split { !($0.isNumber || $0 == "-") }.compactMap { Int($0) }
    }

    /// What stands between two texts.
    static func between(_ text: String, _ start: String, _ end: String) -> String {
        guard let from = text.range(of: start), let to = text.range(of: end, range: from.upperBound..<text.endIndex)
        else {
            return ""
        }
        return String(text[from.upperBound..<to.lowerBound])
    }

    static func quoted(_ text: String) -> [String] {
        text.split(separator: "\"", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }
            .map { String($0.element) }
    }

    static let all: [String: @Sendable (String) -> String?] = [
        "sorting": { text in
            let list = text.split(separator: ": ")[1].components(separatedBy: ", ")
            let isFalling = text.contains("descending") || text.contains("reverse")
            let sorted =
                list.compactMap { Int($0) }.count == list.count
                ? list.sorted { (Int($0) ?? 0) < (Int($1) ?? 0) } : list.sorted()
            return (isFalling ? sorted.reversed() : sorted).joined(separator: ", ")
        },
        "letter_counting": { text in
            let parts = quoted(text)
            return String(parts[1].components(separatedBy: parts[0]).count - 1)
        },
        "base_conversion": { text in
            let words = between(text, "the base-", ".").components(separatedBy: " ")
            guard let from = Int(words[0]), let to = Int(words[5]), let value = Int(words[2], radix: from) else {
                return nil
            }
            return String(value, radix: to)
        },
        "bracket_matching": { text in
            let string = Array(between(text, "In the string ", " ,"))
            guard var place = numbers(text.suffix(5)).last.map({ $0 - 1 }) else { return nil }
            let step = "([{".contains(string[place]) ? 1 : -1
            var depth = 0
            repeat {
                depth += ("([{".contains(string[place]) ? 1 : -1) * step
                if depth > 0 { place += step }
            } while depth > 0
            return String(place + 1)
        },
        "determinant": { text in
            let entries = numbers(text)
            let size = Int(Double(entries.count).squareRoot())
            func permutations(_ rest: [Int]) -> [[Int]] {
                rest.isEmpty ? [[]] : rest.flatMap { x in permutations(rest.filter { $0 != x }).map { [x] + $0 } }
            }
            return String(
                permutations(Array(0..<size)).reduce(0) { sum, order in
                    let swaps = (0..<size).flatMap { i in (i..<size).filter { order[i] > order[$0] } }.count
                    return sum + (0..<size).reduce(swaps % 2 == 0 ? 1 : -1) { $0 * entries[$1 * size + order[$1]] }
                })
        },
        "path_counting": { text in
            let rows = text.split(separator: "\n").dropFirst().map(Array.init)
            func ways(_ row: Int, _ column: Int) -> Int {
                guard row < rows.count, column < rows[0].count, rows[row][column] == "." else { return 0 }
                if row == rows.count - 1, column == rows[0].count - 1 { return 1 }
                return ways(row + 1, column) + ways(row, column + 1)
            }
            return String(ways(0, 0))
        },
        "modular_arithmetic": { text in
            let parts = numbers(text)
            guard let modulus = parts.last else { return nil }
            if text.contains("^") { return String((0..<parts[1]).reduce(1) { a, _ in a * parts[0] % modulus }) }
            return String((text.contains("*") ? parts[0] * parts[1] + parts[2] : parts[0] + parts[1]) % modulus)
        },
        "gcd_lcm": { text in
            let parts = numbers(text)
            return text.contains("greatest")
                ? (1...parts[0]).last { d in parts.allSatisfy { $0 % d == 0 } }.map(String.init)
                : stride(from: parts[0], through: 10_000_000, by: parts[0]).first { m in
                    parts.allSatisfy { m % $0 == 0 }
                }
                .map(String.init)
        },
        "set_operations": { text in
            let sets = text.components(separatedBy: "{").dropFirst().map {
                Set(numbers($0.components(separatedBy: "}")[0]))
            }
            func apply(_ word: String, _ a: Set<Int>, _ b: Set<Int>) -> Set<Int> {
                word == "union" ? a.union(b) : word == "intersection" ? a.intersection(b) : a.subtracting(b)
            }
            let words = between(text, "elements of ", ",").components(separatedBy: " ").filter { $0.count > 2 }
            var result = apply(words[0], sets[0], sets[1])
            if sets.count == 3 { result = apply(words[1], result, sets[2]) }
            return result.sorted().map(String.init).joined(separator: ", ")
        },
        "propositional_logic": { text in
            let formula = text.components(separatedBy: "true? ")[1]
            let variables = ["A", "B", "C", "D"].filter {
                text.contains("\($0),") || between(text, "false to ", " make").contains($0)
            }
            return String((0..<1 << variables.count).count { bits in Logic(formula, bits).value() })
        },
        "string_manipulation": { text in
            let given = quoted(text)[0]
            var letters = Array(given)
            for step in text.components(separatedBy: ". ").flatMap({ $0.components(separatedBy: "What") }) {
                if step.hasPrefix("Reverse") { letters = letters.reversed() }
                if step.hasPrefix("Move") {
                    let count = step.contains("2") ? 2 : 1
                    letters = Array(letters.dropFirst(count)) + Array(letters.prefix(count))
                }
                if step.hasPrefix("Exchange") { letters.swapAt(0, letters.count - 1) }
                if step.hasPrefix("Replace") {
                    let words = quoted(step)
                    letters = Array(String(letters).replacingOccurrences(of: words[0], with: words[1]))
                }
                if step.hasPrefix("Write") { letters += letters.suffix(1) }
            }
            return String(letters)
        },
        "calendar": { text in
            let formatter = DateFormatter()
            formatter.locale = Locale(identifier: "en_US_POSIX")
            formatter.timeZone = TimeZone(identifier: "UTC")
            func dates(_ texts: [String]) -> [Date] {
                formatter.dateFormat = "d MMMM yyyy"
                return texts.compactMap { formatter.date(from: $0) }
            }
            if text.hasPrefix("Today") {
                let days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
                guard let today = days.firstIndex(of: between(text, "is ", ".")) else { return nil }
                return days[(today + (numbers(text).last ?? 0)) % 7]
            }
            if text.hasPrefix("How many") {
                let found = dates([between(text, "from ", " to "), between(text, " to ", "?")])
                return String(Int((found[1].timeIntervalSince(found[0]) / 86_400).rounded()))
            }
            let date = dates([between(text, "week is ", "?")])[0]
            formatter.dateFormat = "EEEE"
            return formatter.string(from: date)
        },
        "knights_and_knaves": { text in
            let names = between(text, "What are ", ", in this").components(separatedBy: ", ")
            let said = quoted(text)
            let fits = (0..<1 << names.count).filter { bits in
                func knight(_ name: String) -> Bool { names.firstIndex(of: name).map { bits >> $0 & 1 == 1 } ?? false }
                return said.enumerated().allSatisfy { speaker, statement in
                    let words = statement.dropLast().components(separatedBy: " ")
                    let holds: Bool
                    if statement.hasPrefix("Exactly") {
                        holds = bits.nonzeroBitCount == Int(words[1])
                    } else if statement.hasPrefix("At least") {
                        holds = !knight(words[4]) || !knight(words[6])
                    } else if statement.contains("same kind") {
                        holds = knight(words[0]) == knight(words[2])
                    } else {
                        holds = knight(words[0]) == (words[3] == "knight")
                    }
                    return holds == (bits >> speaker & 1 == 1)
                }
            }
            guard fits.count == 1 else { return nil }
            return names.indices.map { fits[0] >> $0 & 1 == 1 ? "knight" : "knave" }.joined(separator: ", ")
        },
    ]
}

/// Evaluates a formula by recursive descent.
private struct Logic {
    private let tokens: [String]
    private let bits: Int
    private var position = 0

    init(_ text: String, _ bits: Int) {
        tokens = text.replacingOccurrences(of: "(", with: "( ").replacingOccurrences(of: ")", with: " )")
            .components(separatedBy: " ").filter { !$0.isEmpty }
        self.bits = bits
    }

    func value() -> Bool {
        var copy = self
        return copy.binary()
    }

    private mutating func binary() -> Bool {
        let left = unary()
        guard position < tokens.count, tokens[position] != ")" else { return left }
        position += 1
        let word = tokens[position - 1]
        let right = unary()
        switch word {
        case "and": return left && right
        case "or": return left || right
        case "implies": return !left || right
        default: return left == right
        }
    }

    private mutating func unary() -> Bool {
        position += 1
        switch tokens[position - 1] {
        case "not": return !unary()
        case "(":
            defer { position += 1 }
            return binary()
        case let name: return bits >> (Int(name.utf8.first ?? 65) - 65) & 1 == 1
        }
    }
}

@Suite("Graded tasks")
struct GradedTaskTests {
    private func generator(
        _ family: String, _ difficulty: ClosedRange<Int> = 1...10, seed: Int = 5
    ) throws -> GradedGenerator {
        var settings = Recipe.Graded(family: family)
        (settings.difficulty, settings.seed, settings.template) = (difficulty, seed, "{question}")
        return try GradedGenerator(settings)
    }

    @Test(
        "a problem is a function of seed, index and draw; its level turns with the index", arguments: TaskFamilies.names
    )
    func deterministic(family: String) throws {
        let (first, second) = (try generator(family, 3...5), try generator(family, 3...5))
        let other = try generator(family, 3...5, seed: 6)
        for index in [2, 0, 1, 77, 1 << 40] {
            #expect(first.problem(index: index) == second.problem(index: index))
            #expect(first.problem(index: index).columns["difficulty"] == .integer(3 + index % 3))
        }
        let (mine, theirs) = ((0..<60).map { first.problem(index: $0) }, (0..<60).map { other.problem(index: $0) })
        #expect(mine != theirs)
        #expect(Set(mine.map(\.key)).count > 20, "problems differ")
        #expect(first.problem(index: 3, draw: 0) != first.problem(index: 3, draw: 1))
        #expect(
            mine.allSatisfy { $0.prompt.allSatisfy(\.isASCII) && $0.prompt.utf8.count < 1000 && !$0.answer.isEmpty })
    }

    @Test("gold answers are those of a solver that reads the text", arguments: Array(Solver.all.keys))
    func solved(family: String) throws {
        let solver = try #require(Solver.all[family])
        let generator = try generator(family)
        for index in 0..<300 {
            let problem = generator.problem(index: index)
            #expect(solver(problem.prompt) == problem.answer, "\(problem.prompt)")
        }
    }

    @Test("an equation's gold answer solves it")
    func equations() throws {
        let generator = try generator("linear_equation")
        for index in 0..<300 {
            let problem = generator.problem(index: index)
            let sides = problem.prompt.replacingOccurrences(of: "Solve for x: ", with: "").components(
                separatedBy: " = ")
            let x = try #require(Double(problem.answer))
            let values = sides.map { side -> Double in
                let text = side.replacingOccurrences(of: "(x", with: "x(").replacingOccurrences(of: " ", with: "")
                return Self.linear(text, x)
            }
            #expect(values[0] == values[1], "\(problem.prompt) with \(x)")
        }
    }

    /// The value of `ax+b`, or of `ax(+b)+c`, which stands for a(x + b) + c.
    private static func linear(_ text: String, _ x: Double) -> Double {
        guard let place = text.firstIndex(of: "x") else { return Double(text) ?? .nan }
        func number(_ text: Substring, _ none: Double) -> Double {
            text.isEmpty ? none : text == "-" ? -1 : Double(text) ?? .nan
        }
        let factor = number(text[..<place], 1)
        let rest = text[text.index(after: place)...]
        guard rest.hasPrefix("("), let end = rest.firstIndex(of: ")") else { return factor * x + number(rest, 0) }
        return factor * (x + number(rest.dropFirst()[..<end], 0)) + number(rest[rest.index(after: end)...], 0)
    }

    @Test("sequences and rates, by hand")
    func hand() throws {
        for index in 0..<200 {
            let rate = try generator("rate_problem").problem(index: index)
            #expect((Int(rate.answer) ?? -1) >= 0, "\(rate.prompt)")
            let sequence = try generator("number_sequence", 1...2).problem(index: index)
            let terms = Solver.numbers(sequence.prompt)
            #expect(sequence.answer == String(2 * terms[5] - terms[4]), "\(sequence.prompt)")
        }
    }

    @Test("an unknown family or template is refused with what to do")
    func faults() {
        #expect(
            performing: { try generator("sudoku") },
            throws: { "\($0)".hasPrefix("sudoku: no such generator; expected one of base_conversion, ") })
        var settings = Recipe.Graded(family: "sorting")
        settings.template = "{"
        #expect(
            performing: { try GradedGenerator(settings) },
            throws: { "\($0)" == "sorting: template: '{' without a name and '}'; write '{{' for a brace" })
    }
}
