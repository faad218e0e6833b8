import FileTesting
import Foundation
import OrderedJSON
import Testing

@Suite(.enabled(if: Reference.isPresent, Reference.missing))
struct RunsTests {
    /// Runs a recipe into a folder below another.
    private func train(_ folder: TemporaryFolder, _ name: String, _ overrides: [String] = []) throws {
        let recipe = try folder.write(TrainTests.recipe, "recipe.yaml")
        let settings = (overrides + ["name=\(name)"]).flatMap { ["--set", $0] }
        let arguments = ["train", recipe, "--run-dir", folder.path("runs/\(name)"), "--quiet"] + settings
        let outcome = try Program.run(arguments)
        try #require(outcome.status == 0, "\(outcome.messages)")
    }

    @Test("runs are listed, shown, compared, and their first difference is found")
    func runs() throws {
        let folder = try TemporaryFolder()
        try train(folder, "one")
        try train(folder, "same")
        try train(folder, "other", ["seed=8"])
        let root = ["--root", folder.path("runs")]

        let list = try Program.run(["runs", "list", "--json", "--sort", "name"] + root)
        #expect(list.status == 0, "\(list.messages)")
        #expect(try list.lines.map { $0["name"]?.stringValue } == ["one", "other", "same"])
        #expect(try list.lines.allSatisfy { $0["state"] == "finished" && $0["step"] == 2 })
        let table = try Program.run(["runs", "list", "--filter", "seed=8"] + root).output
        #expect(table.contains("other") && !table.contains("same"))

        let shown = try Program.run(["runs", "show", "one"] + root)
        #expect(
            shown.status == 0 && shown.output.contains("reward") && shown.output.contains("optimizer.learning_rate"))

        let picture = folder.path("picture.svg")
        let compared = try Program.run(["runs", "compare", "one", "other", "--json", "--plot", picture] + root)
        #expect(try compared.lines.first?["settings"]?["seed"] == ["7", "8"])
        #expect(try String(contentsOfFile: picture, encoding: .utf8).hasPrefix("<svg"))

        let equal = try Program.run(["runs", "diff", "one", "same", "--json"] + root)
        // The recipes' names differ; nothing that was computed does.
        #expect(equal.status == 1)
        #expect(try equal.lines.first?["partings"]?.arrayValue?.map { $0["kind"] } == ["settings"])
        let difference = try Program.run(["runs", "diff", "one", "other", "--json"] + root)
        #expect(difference.status == 1 && difference.messages.isEmpty)
        let partings = try #require(try difference.lines.first?["partings"]?.arrayValue)
        let kinds = partings.compactMap { $0["kind"]?.stringValue }
        for kind in ["settings", "metrics", "completions", "adapters"] { #expect(kinds.contains(kind), "\(kind)") }
        #expect(partings.first { $0["kind"] == "completions" }?["step"] == 1)
    }

    @Test("train writes the event file and the report, and report makes it again")
    func views() throws {
        let folder = try TemporaryFolder()
        try train(folder, "one")
        let run = folder.path("runs/one")
        let events = try FileManager.default.contentsOfDirectory(atPath: run + "/tensorboard")
        #expect(events.count == 1 && events[0].hasPrefix("events.out.tfevents."))
        #expect(try String(contentsOfFile: run + "/report.html", encoding: .utf8).hasPrefix("<!doctype html>"))
        let again = try Program.run(["report", run, "--output", "-"])
        #expect(again.status == 0 && again.output.hasPrefix("<!doctype html>"))
        let named = try Program.run(["report", run])
        #expect(named.output == run + "/report.html\n")
    }

    @Test(
        "wrong uses of runs and report say what is wrong",
        arguments: [
            (["runs", "list", "--root", "/none"], 1, "/none: no such folder; --root names"),
            (["runs", "list", "--root", "TMP", "--filter", "x"], 2, "filter \"x\": expected KEY"),
            (["runs", "list", "--root", "TMP", "--sort", "x"], 2, "--sort: no run has a value named x"),
            (["runs", "show", "/none"], 1, "/none: not there or not a folder"),
            (["runs", "compare", "TMP"], 2, "one run is nothing to compare"),
            (["runs", "diff", "TMP", "TMP"], 1, "so it is no run's folder"),
            (["runs", "frobnicate"], 2, "frobnicate"),
            (["report", "TMP"], 1, "metrics.jsonl holds no steps"),
        ] as [([String], Int32, String)])
    func misuse(arguments: [String], status: Int32, message: String) throws {
        let folder = try TemporaryFolder()
        let outcome = try Program.run(arguments.map { $0.replacingOccurrences(of: "TMP", with: folder.path) })
        #expect(outcome.status == status)
        #expect(outcome.messages.hasPrefix("touchstone: ") && outcome.messages.contains(message), "\(outcome.messages)")
        #expect(outcome.messages.split(separator: "\n").count == 1)
    }
}
