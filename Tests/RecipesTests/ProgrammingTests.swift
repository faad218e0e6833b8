import Foundation
import OrderedJSON
import Testing

@testable import Recipes

private func generator(_ change: (inout Recipe.Programming) -> Void = { _ in }) throws -> ProgrammingGenerator {
    var settings = Recipe.Programming()
    settings.seed = 5
    change(&settings)
    return try ProgrammingGenerator(settings)
}

/// The arguments and results of a problem's hidden tests.
private func cases(_ problem: Problem) -> [(arguments: [JSONValue], result: JSONValue)] {
    (problem.columns["tests"]?["cases"]?.arrayValue ?? []).map {
        ($0["args"]?.arrayValue ?? [], $0["expected"] ?? .null)
    }
}

@Suite("Programming tasks")
struct ProgrammingTests {
    @Test("there are over 40 kinds with names of their own, some of every difficulty and group")
    func kinds() {
        let names = ProgrammingKind.all.map(\.name)
        #expect(names.count > 40 && Set(names + ProgrammingGenerator.kindNames.groups).count == names.count + 7)
        #expect(names.allSatisfy { $0.wholeMatch(of: /[a-z][a-z_]+/) != nil })
        #expect(Set(ProgrammingKind.all.map(\.level)) == [1, 2, 3])
        #expect(Set(ProgrammingKind.all.map(\.group)).count == ProgrammingKind.Group.allCases.count)
    }

    @Test(
        "tests tell a right function from a constant, and none repeats the example",
        arguments: ProgrammingKind.all.map(\.name))
    func tests(kind: String) throws {
        let generator = try generator {
            $0.kinds = [kind]; $0.tests = 10
        }
        for index in 0..<25 {
            let problem = generator.problem(index: index)
            let cases = cases(problem)
            #expect(cases.count >= 5 && cases.count <= 10, "\(problem.prompt)")
            #expect(Set(cases.map(\.result)).count >= 2, "\(problem.prompt)")
            #expect(Set(cases.map(\.arguments)).count == cases.count)
            let call = "\(kind)(\(cases[0].arguments.map(\.pythonLiteral).joined(separator: ", "))) returns"
            #expect(!problem.prompt.contains(call))
            #expect(problem.prompt.contains("def \(kind)(") && problem.prompt.contains("For example, \(kind)("))
            #expect(problem.answer.hasPrefix("def \(kind)(") && problem.solution == "```python\n\(problem.answer)\n```")
            #expect(problem == generator.problem(index: index))
        }
    }

    @Test("of the tests of a function that says yes or no some say yes and some no")
    func balance() throws {
        let generator = try generator { $0.kinds = ["is_palindrome", "all_or_any"] }
        for index in 0..<40 {
            let problem = generator.problem(index: index)
            let yes = cases(problem).count { $0.result == true }
            #expect(yes >= 1 && yes <= 7, "\(problem.prompt)")
        }
    }

    @Test("there are well over a thousand different problems")
    func variety() throws {
        let generator = try generator()
        #expect(Set((0..<4000).map { generator.problem(index: $0).key }).count > 1500)
        #expect(generator.distinct(1000).repeated == 0)
    }

    @Test("difficulty, kinds and groups choose what is asked")
    func choice() throws {
        let hard = try generator {
            $0.difficulty = 3...3; $0.without = ["algorithms", "brackets"]
        }
        for index in 0..<200 {
            let problem = hard.problem(index: index)
            let name = problem.columns["kind"]?.stringValue
            let kind = try #require(ProgrammingKind.all.first { $0.name == name })
            #expect(kind.level == 3 && kind.group != .algorithms && kind.name != "brackets")
            #expect(problem.columns["level"] == 3)
        }
        #expect(
            performing: {
                try generator {
                    $0.kinds = ["rotate"]; $0.without = ["lists"]
                }
            },
            throws: {
                "\($0)".contains(
                    "no kind of task is left of difficulty 1 to 3; widen difficulty or kinds, or leave fewer out")
            })
    }

    @Test("held-out problems and held-out kinds are never trained on")
    func heldOut() throws {
        let held = "[rotate, labels, texts]"
        let yaml =
            "kind: grpo\nmodel: {path: m}\nrewards: [{type: code}]\ndata:\n"
            + "  train: {generator: programming, without: \(held)}\n"
            + "  evaluation: {generator: programming, count: 150}\n"
        let (train, sets) = try DataSet.load(try Recipe(yaml: yaml, folder: "/"))
        let evaluation = try #require(sets.first?.data)
        #expect(train.notes.isEmpty && evaluation.notes.isEmpty)
        func description(_ row: DataRow?) -> String? {
            guard case .messages(let messages)? = row?.content else { return nil }
            return messages.last?["content"]?.stringValue?.components(separatedBy: " For example,").first
        }
        let heldOut = Set((0..<150).compactMap { description(evaluation.row(index: $0)) })
        #expect(heldOut.count == 150)
        for position in 0..<1500 {
            let row = train.row(at: position)
            #expect(!heldOut.contains(try #require(description(row))))
            let name = row.columns["kind"]?.stringValue
            #expect(name != "rotate" && name != "labels")
            #expect(ProgrammingKind.all.first { $0.name == name }?.group != .texts)
        }
    }

    @Test("a kind that is not there is an error with a suggestion")
    func faults() {
        func fault(_ keys: String) -> String {
            let yaml =
                "kind: grpo\nmodel: {path: m}\nrewards: [{type: code}]\ndata:\n  train: {generator: programming, \(keys)}\n"
            do {
                _ = try Recipe(yaml: yaml, folder: "/")
                return ""
            } catch { return "\(error)" }
        }
        #expect(fault("kinds: [rotat]").contains("there is no kind or group of tasks 'rotat'; did you mean 'rotate'?"))
        #expect(fault("without: [quicksorting]").contains("groups are numbers, lists, texts, words, dictionaries"))
        #expect(fault("difficulty: 4").contains("within 1 and 3"))
        #expect(fault("template: 'Write {signature}'").contains("the placeholder {description} is missing"))
    }
}
