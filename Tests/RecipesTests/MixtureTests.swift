import Foundation
import OrderedJSON
import Testing

@testable import Recipes

private func load(_ data: String, folder: String = "/") throws -> (train: DataSet, evaluation: [NamedSet]) {
    let yaml = "kind: grpo\nmodel: {path: m}\nrewards: [{type: task}]\ndata:\n" + data
    return try DataSet.load(try Recipe(yaml: yaml, folder: folder))
}

@Suite("Mixtures and duplicates")
struct MixtureTests {
    private static let mixture = """
          train:
            - {generator: sorting, weight: 3}
            - {generator: sorting, difficulty: 7, name: hard, count: 5}
            - {generator: arithmetic, weight: 0.0001}

        """

    @Test("of each thousand prompts a source has its share, and within a source nothing is left out or comes twice")
    func shares() throws {
        let train = try load(Self.mixture).train
        #expect(train.sources.map(\.name) == ["sorting", "hard", "arithmetic"] && train.count == nil)
        var seen = [[Int]](repeating: [], count: 3)
        for block in 0..<3 {
            let slots = (0..<1000).map { train.slot(at: block * 1000 + $0) }
            #expect((0..<3).map { source in slots.count { $0.source == source } } == [749, 250, 1])
            for slot in slots { seen[slot.source].append(slot.draw) }
            #expect(Set(slots.prefix(20).map(\.source)).count > 1, "mixed, not one after the other")
        }
        for draws in seen { #expect(draws == Array(0..<draws.count)) }
        #expect((0..<1000).map { train.slot(at: $0).source } != (1000..<2000).map { train.slot(at: $0).source })
    }

    @Test("the stream is a function of the position, and a row's number finds it again")
    func numbers() throws {
        let (first, second) = (try load(Self.mixture).train, try load(Self.mixture).train)
        for position in [5000, 3, 0, 999, 1000, 2] {
            let row = first.row(at: position)
            #expect(row == second.row(at: position))
            #expect(first.row(number: row.index) == row)
            #expect(first.origin(ofNumber: row.index).source == first.slot(at: position).source)
        }
        #expect(first.row(number: 16) == nil, "the second source has 5 rows")
        #expect(first.row(number: -1) == nil)
        #expect(first.row(number: 13)?.columns["difficulty"] == 7)
    }

    @Test("sources of a list have seeds of their own, apart from those of evaluation")
    func seeds() throws {
        let recipe = try Recipe(
            yaml: "kind: grpo\nseed: 7\nmodel: {path: m}\nrewards: [{type: task}]\ndata:\n"
                + "  train: [{generator: sorting}, {generator: sorting}]\n  evaluation: [{generator: sorting, count: 9}, {path: a}]",
            folder: "/")
        #expect(recipe.data.train.all.map(\.seed) == [7, 9])
        #expect(recipe.data.evaluation?.all.first?.seed == 8)
        guard case .sources(let sources) = recipe.data.train else { return }
        #expect(sources.map(\.name) == ["sorting", "sorting-2"])
        let again = try Recipe(yaml: recipe.resolvedYAML(), folder: "/elsewhere")
        #expect(again == recipe && again.resolvedYAML() == recipe.resolvedYAML())
    }

    @Test("a file's rows that are evaluated on are left out and counted, exactly or nearly")
    func duplicates() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("recipes-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ prompts: [String], _ name: String) throws {
            let lines = prompts.map { JSONValue.object(["prompt": .string($0), "answer": "1"]).text() + "\n" }
            try lines.joined().write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
        }
        let question = "If a train leaves the old station at nine and rides for three hours, when does it arrive there?"
        try write(["What is  1 + 2?", question], "evaluation.jsonl")
        try write(
            [
                "what is 1 + 2?", "What is 1 − 2?", "What is 1 + 3?", "Ｗhat is 1 + 2?",
                question.replacingOccurrences(of: "nine", with: "ten"), "Hello, " + question, "another",
            ], "train.jsonl")
        func report(_ exclude: String) throws -> (rows: Int, exact: Int, near: Int, notes: [String], last: Int) {
            let train = try load(
                "  train: {path: train.jsonl}\n  evaluation: {path: evaluation.jsonl}\n  shuffle: false\n  exclude: \(exclude)\n",
                folder: folder.path
            ).train
            let report = train.report.arrayValue?.first
            return (
                train.count ?? 0, report?["excluded_exact"]?.intValue ?? -1, report?["excluded_near"]?.intValue ?? -1,
                train.notes, train.row(index: (train.count ?? 1) - 1).index
            )
        }
        let standard = try report("{}")
        #expect(
            (standard.rows, standard.exact, standard.near, standard.last) == (5, 2, 0, 6), "numbers stay the file's")
        #expect(
            standard.notes == [
                "data.train: 2 of 7 rows are left out because they are in data.evaluation too (2 the same, 0 nearly)"
            ])
        let near = try report("{ngram: 4, overlap: 0.7}")
        #expect((near.rows, near.exact, near.near) == (3, 2, 2))
        let strict = try report("{ngram: 4, overlap: 1}")
        #expect((strict.rows, strict.near) == (4, 1), "only the one that holds all of the question")
        let none = try report("{exact: false}")
        #expect((none.rows, none.exact, none.notes) == (7, 0, []))
    }

    @Test("no prompt is both trained and evaluated on, whatever the seeds", arguments: TaskFamilies.names)
    func apart(family: String) throws {
        let data = try load(
            "  train: {generator: \(family), difficulty: [2, 5], seed: 1}\n  evaluation: {generator: \(family), difficulty: [2, 5], "
                + "seed: 2, count: 100}\n")
        let held = Set((0..<100).map { data.evaluation[0].data.row(index: $0).askedText })
        #expect((0..<1000).allSatisfy { !held.contains(data.train.row(at: $0).askedText) })
    }

    @Test("a screen keeps the rows within its pass rates, of files and of endless generators")
    func screen() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("screen-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let lines = [(0, "0"), (1, "0.5"), (2, "1"), (3, "0.25"), (4, "null"), (6, "0.75")]
        try lines.map { "{\"row\":\($0.0),\"pass_rate\":\($0.1),\"answer\":\"\($0.0 == 6 ? "wrong" : "right")\"}\n" }
            .joined().write(toFile: path, atomically: true, encoding: .utf8)
        let endless = try load("  train: {generator: sorting}\n  screen: {path: \(path)}\n").train
        #expect(endless.count == 2 && Set((0..<2).map { endless.row(at: $0).index }) == [1, 3])
        #expect(endless.measured == [1: 0.5, 3: 0.25])
        let counted = try load("  train: {generator: sorting, count: 5}\n  screen: {path: \(path), below: 2}\n").train
        #expect(counted.count == 3 && counted.report.arrayValue?[0]["screened"] == 2)
        let full = try load("  train: {generator: sorting}\n").train
        #expect(endless.row(number: 3)?.askedText == full.row(number: 3)?.askedText)
        for (keys, message) in [
            ("above: 0.9, below: 0.95", "no row has a pass rate above 0.9 and below 0.95; widen data.screen")
        ] {
            #expect(
                performing: { try load("  train: {generator: sorting}\n  screen: {path: \(path), \(keys)}\n") },
                throws: { "\($0)" == "\(path): \(message)" })
        }
        try "{\"pass_rate\":1}\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(
            performing: { try load("  train: {generator: sorting}\n  screen: {path: \(path)}\n") },
            throws: {
                "\($0)" == "\(path): line 1: expected {\"row\": …, \"pass_rate\": …}, as `reward screen` writes"
            })
    }

    @Test(
        "faults of lists and curricula say what to do",
        arguments: [
            ("  train: []", "data.train: expected at least 1 sources, got 0"),
            (
                "  train: [{generator: sorting, name: a}, {generator: sorting, name: a}]",
                "data.train.1.name: 'a' is the name of an earlier source; give another"
            ),
            (
                "  train: [{generator: sorting, name: 'a/b'}]",
                "data.train.0.name: expected at most 60 letters, digits, '.', '_' or '-'"
            ),
            (
                "  train: [{generator: sorting, weight: 0}]",
                "data.train.0.weight: expected a number > 0 and ≤ 1000000, got 0"
            ),
            (
                "  train: [{generator: sorting, difficulty: 11}]",
                "data.train.0.difficulty: expected an integer or [least, greatest], within 1 and 10, got 11"
            ),
            (
                "  train: {generator: sorting, difficulty: 2}\n  curriculum: {}",
                "data.curriculum: there is nothing to choose from in data.train: expected a file, a generator with a count, "
                    + "or one with several levels of difficulty"
            ),
            (
                "  train: {generator: sorting}\n  curriculum: {raise_at: 0.5, lower_at: 0.5}",
                "data.curriculum.lower_at: expected less than raise_at (0.5), got 0.5"
            ),
            (
                "  train: [{generator: sorting, seed: 4}]\n  evaluation: [{path: a}, {generator: sorting, seed: 4}]",
                "data.evaluation.1.seed: is the seed of data.train (4) too, so it would repeat its problems; give another"
            ),
        ])
    func faults(data: String, message: String) {
        let error = #expect(throws: RecipeError.self) { try load(data) }
        #expect(error?.faults.map { "\($0.path): \($0.message)" } == [message])
    }
}
