import Foundation
import OrderedJSON
import Testing
import Tracking

@testable import RunStore

@Suite("Run store")
struct RunIndexTests {
    private func names(_ index: RunIndex, _ filters: [String] = [], by order: String = "started", reverse: Bool = false)
        throws -> [String]
    {
        try RunQuery(filters: filters, order: order, isReversed: reverse).runs(in: index).map(\.name)
    }

    @Test("a run's line says what its folder says")
    func summary() throws {
        let runs = try StoredRuns.three()
        let found = try RunQuery(order: "name").runs(in: RunIndex(root: runs.root))
        #expect(found.map(\.name) == ["alpha", "beta", "gamma"])
        #expect(found.map(\.state) == [.finished, .stopped, .failed])
        #expect(found.map(\.step) == [3, 2, 1] && found.map(\.steps) == [3, 3, 9])
        #expect(found.map(\.reward) == [0.3, 0.5, 0.7])
        #expect(found.map(\.best) == [0.5, 0.9, nil] && found.map(\.bestStep) == [1, 2, nil])
        #expect(found.map(\.accuracy) == [0.4, 0.9, nil])
        #expect(found[0].model == "tiny" && found[0].kind == "grpo" && found[0].seconds == 6)
        #expect(found[0].started == "2026-01-03T00:00:00Z")
    }

    @Test("a run that is being written is running")
    func running() throws {
        let runs = try StoredRuns()
        let folder = try runs.add("live", rewards: [1])
        let index = try RunIndex(root: runs.root)
        let claim = try RunClaim(folder)
        try index.refresh()
        #expect(try RunQuery().runs(in: index).map(\.state) == [.running])
        withExtendedLifetime(claim) {}
    }

    @Test(
        "filters are conditions on columns, metrics and settings, and all must hold",
        arguments: [
            (["best>0.6"], ["beta"]), (["best>=0.5"], ["alpha", "beta"]), (["name~AM"], ["gamma"]),
            (["state=finished"], ["alpha"]), (["state!=finished", "reward<0.6"], ["beta"]),
            (["optimizer.learning_rate=0.01"], ["beta"]), (["optimizer.learning_rate<5e-3"], ["alpha", "gamma"]),
            (["step_time=2", "steps=9"], ["gamma"]), (["kind=grpo", "step<=1"], ["gamma"]),
            (["name=' OR 1=1 --"], []), (["model.path~models"], ["alpha", "beta", "gamma"]),
        ] as [([String], [String])])
    func filters(filters: [String], expected: [String]) throws {
        let runs = try StoredRuns.three()
        #expect(try names(RunIndex(root: runs.root), filters, by: "name") == expected)
    }

    @Test("numbers fall and texts rise, and runs without a value come last either way")
    func order() throws {
        let runs = try StoredRuns.three()
        let index = try RunIndex(root: runs.root)
        #expect(try names(index) == ["alpha", "gamma", "beta"])
        #expect(try names(index, by: "best") == ["beta", "alpha", "gamma"])
        #expect(try names(index, by: "best", reverse: true) == ["alpha", "beta", "gamma"])
        #expect(try names(index, by: "name", reverse: true) == ["gamma", "beta", "alpha"])
        #expect(try names(index, by: "eval_accuracy") == ["beta", "alpha", "gamma"])
        #expect(try names(index, ["reward<0.6"], by: "eval_accuracy") == ["beta", "alpha"])
    }

    @Test("only what has changed is read again; what is gone is forgotten")
    func refresh() throws {
        let runs = try StoredRuns.three()
        let index = try RunIndex(root: runs.root)
        #expect(try index.refresh() == 0)
        try runs.add("alpha", rewards: [0.1, 0.2, 0.3, 0.9])
        #expect(try index.refresh() == 1)
        #expect(try RunQuery(filters: ["name=alpha"]).runs(in: index).map(\.reward) == [0.9])
        try FileManager.default.removeItem(atPath: runs.root + "/gamma")
        #expect(try index.refresh() == 0)
        #expect(try names(index, by: "name") == ["alpha", "beta"])
    }

    @Test("the index is never the truth: deleted, damaged or of another version, it is made again")
    func rebuilt() throws {
        let runs = try StoredRuns.three()
        let expected = try names(RunIndex(root: runs.root))
        let path = RunIndex.path(runs.root)
        #expect(FileManager.default.fileExists(atPath: path))
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        var damaged = whole
        for index in stride(from: 100, to: damaged.count, by: 7) { damaged[index] = 0xAA }
        for bytes in [Data(), Data("no database".utf8), whole.prefix(whole.count / 2), damaged] {
            try bytes.write(to: URL(fileURLWithPath: path))
            #expect(try names(RunIndex(root: runs.root)) == expected)
        }
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path + "/x", withIntermediateDirectories: true)
        #expect(try names(RunIndex(root: runs.root)) == expected)
        try FileManager.default.removeItem(atPath: path)
        #expect(try names(RunIndex(root: runs.root, isKept: false)) == expected)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("a recipe that can't be read, and hostile names, don't hide a run")
    func hostile() throws {
        let runs = try StoredRuns()
        let folder = try runs.add("x'); DROP TABLE run; --\u{1B}[31m", rewards: [1])
        try "kind: [".write(toFile: folder.recipe, atomically: true, encoding: .utf8)
        try "{\"step\":1,\"reward\":1e999}\nnot json\n{\"step\":-1}\n{\"step\":9223372036854775807}\n".write(
            toFile: folder.metrics, atomically: true, encoding: .utf8)
        let found = try RunQuery().runs(in: RunIndex(root: runs.root))
        #expect(found.map(\.name) == ["x'); DROP TABLE run; --\u{1B}[31m"])
        #expect(found[0].step == 1 && found[0].reward == nil && found[0].state == .stopped)
    }

    @Test("errors say what, where and what to do")
    func errors() throws {
        let runs = try StoredRuns.three()
        let index = try RunIndex(root: runs.root)
        let table: [(() throws -> Void, TrackingError.Code, String)] = [
            (
                { _ = try RunIndex(root: runs.root + "/none") }, .unreadable,
                "\(runs.root)/none: no such folder; --root names the one that holds the runs"
            ),
            (
                { _ = try RunQuery(filters: ["best"]) }, .invalidOption,
                "filter \"best\": expected KEY, one of = != < <= > >= ~ (contains), and a value, such as best>0.6"
            ),
            (
                { _ = try RunQuery(filters: ["bset>1"]).runs(in: index) }, .invalidOption,
                "--filter: no run has a value named bset; expected one of name, kind, model, state, started, path, step, "
                    + "steps, reward, accuracy, best, best_step, seconds, a metric of metrics.jsonl, or a key of the recipe "
                    + "such as optimizer.learning_rate"
            ),
            (
                { _ = try RunSummary(RunFolder(existing: runs.root)) }, .unreadable,
                "\(runs.root): holds no recipe.yaml with metrics.jsonl, so it is no run's folder; give one that train named"
            ),
        ]
        for (action, code, message) in table {
            let error = #expect(throws: TrackingError.self) { try action() }
            #expect(error?.code == code)
            #expect(error?.message == message)
        }
    }

    @Test("a comparison has the settings that differ and the curves")
    func comparison() throws {
        let runs = try StoredRuns.three()
        let folders = try ["alpha", "deep/er/beta"].map { try RunFolder(existing: "\(runs.root)/\($0)") }
        let comparison = try RunComparison(folders)
        #expect(comparison.differences.map(\.key) == ["name", "optimizer.learning_rate"])
        #expect(comparison.differences[1].values == ["0.001", "0.01"])
        #expect(comparison.metrics == ["eval_accuracy", "reward"])
        #expect(comparison.curves[0].map(\.values) == [[0.5, 0.4], [0.9]])
        #expect(comparison.curves[1][1].values[1].isNaN)
        #expect(comparison.json["curves"]?["reward"]?[1]?["values"] == [0.5, .null])
        #expect(throws: TrackingError.self) { try RunComparison(folders, metrics: ["none"]) }
    }

    @Test(
        "a sparkline is the curve in marks, with gaps, at most so wide",
        arguments: [
            ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"), ([1, 1], "▅▅"), ([0, .nan, 1], "▁ █"), ([], ""), ([.infinity], " "),
            ([-1e308, 1e308], "▁█"), ([0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1], "▁▁██▁▁██"),
        ] as [([Double], String)])
    func sparkline(values: [Double], expected: String) {
        #expect(Sparkline.of(values, width: 8) == expected)
    }
}
