import ModelFiles
import OrderedJSON
import Testing

@testable import Recipes
@testable import Training

/// Tasks move by their measured pass rates.
@Suite("Curriculum")
struct CurriculumTests {
    private func data(_ train: String, _ curriculum: String) throws -> (DataSet, Recipe.Curriculum) {
        let recipe = try Recipe(
            yaml:
                "kind: grpo\nmodel: {path: m}\nrewards: [{type: task}]\ndata: {train: \(train), curriculum: \(curriculum)}",
            folder: "/")
        return (try DataSet.load(recipe).train, try #require(recipe.data.curriculum))
    }

    private func levels(_ rows: [DataRow]) -> [Int] { rows.compactMap { $0.columns["difficulty"]?.intValue } }

    @Test("a source climbs a level where it is mastered, stays where it is learning, and goes back where it is lost")
    func climbing() throws {
        let (data, settings) = try data(
            "{generator: sorting, difficulty: [2, 4]}", "{window: 3, raise_at: 0.8, lower_at: 0.2, review: 0}")
        var curriculum = Curriculum(settings, data: data, seed: 1)
        var position = 0
        func ask(_ count: Int, _ rate: Double) -> [Int] {
            let rows = (0..<count).map { _ -> DataRow in
                defer { position += 1 }
                return curriculum.row(at: position, of: data)
            }
            curriculum.observe(rows.map { ($0.index, rate) }, of: data)
            return levels(rows)
        }
        #expect(ask(2, 1) == [2, 2])
        #expect(ask(1, 0.5) == [2], "the third group fills the window: mean 0.83")
        #expect(ask(3, 0.5) == [3, 3, 3], "0.5 keeps the level")
        #expect(ask(3, 1) == [3, 3, 3])
        #expect(ask(3, 1) == [4, 4, 4], "the highest level")
        #expect(ask(3, 0) == [4, 4, 4], "mastered, but there is none above")
        #expect(ask(3, 0) == [3, 3, 3])
        #expect(ask(3, 0) == [2, 2, 2])
        #expect(ask(1, 0) == [2], "none below")
        #expect(curriculum.metrics(data)["curriculum/sorting/level"] == 2)
    }

    @Test("a share of the prompts reviews lower levels, and these do not count for the gate")
    func review() throws {
        let (data, settings) = try data(
            "{generator: sorting, difficulty: [1, 3]}", "{window: 1, raise_at: 0.5, review: 0.25}")
        var curriculum = Curriculum(settings, data: data, seed: 1)
        for position in 0..<20 { curriculum.observe([(curriculum.row(at: position, of: data).index, 1)], of: data) }
        let rows = (100..<1100).map { curriculum.row(at: $0, of: data) }
        let lower = levels(rows).count { $0 < 3 }
        #expect((180...320).contains(lower), "\(lower) of 1000")
        #expect(Set(levels(rows)) == [1, 2, 3])
        let before = curriculum
        curriculum.observe(rows.filter { $0.columns["difficulty"] != 3 }.map { ($0.index, 0) }, of: data)
        #expect(curriculum == before)
        #expect(curriculum.metrics(data)["curriculum/sorting/level"] == 3)
    }

    @Test("rows move between pools by their pass rates, and pools are drawn by their shares, longest ago first")
    func pools() throws {
        let (data, settings) = try data(
            "{generator: sorting, count: 10}", "{easy_at: 1, hard_at: 0, easy_share: 0.1, hard_share: 0.2}")
        var curriculum = Curriculum(settings, data: data, seed: 3)
        let first = (0..<10).map { curriculum.row(at: $0, of: data).index }
        #expect(Set(first) == Set(0..<10), "each row once before any again")
        #expect(first == (0..<10).map { data.row(at: $0).index }, "in the order of the first epoch")
        curriculum.observe((0..<4).map { ($0, 1) } + (4..<6).map { ($0, 0) } + [(6, 0.5), (7, nil)], of: data)
        let metrics = curriculum.metrics(data)
        #expect(metrics["curriculum/sorting/easy"] == 4 && metrics["curriculum/sorting/hard"] == 2)
        #expect(metrics["curriculum/sorting/normal"] == 4)
        let drawn = (10..<2010).map { curriculum.row(at: $0, of: data).index }
        #expect(
            (130...270).contains(drawn.count { $0 < 4 }) && (300...500).contains(drawn.count { (4..<6).contains($0) }))
        let normal = drawn.filter { $0 >= 6 }
        #expect((0..<normal.count - 4).allSatisfy { normal[$0] == normal[$0 + 4] }, "in turn")
        curriculum.observe((0..<10).map { ($0, 1) }, of: data)
        #expect((0..<20).allSatisfy { _ in curriculum.row(at: 5000, of: data).index < 10 }, "all are easy")
    }

    @Test("a state of another shape is refused")
    func mismatch() throws {
        let (large, settings) = try data("{generator: sorting, count: 10}", "{}")
        let small = try data("{generator: sorting, count: 4}", "{}").0
        let endless = try data("{generator: sorting, difficulty: [1, 3]}", "{}").0
        let saved = Curriculum(settings, data: large, seed: 1).savedState
        for other in [small, endless] {
            var fresh = Curriculum(settings, data: other, seed: 1)
            #expect(throws: ModelFileError.self) { try fresh.restore(saved) }
        }
        var fresh = Curriculum(settings, data: endless, seed: 1)
        #expect(throws: ModelFileError.self) {
            try fresh.restore(["source-0": .group(["level": .integer(9), "sum": .number(0), "groups": .integer(0)])])
        }
    }
}
