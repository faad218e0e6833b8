import FileTesting
import Foundation
import OrderedJSON
import Testing

private let python = "/usr/bin/python3"
private let hasPython = FileManager.default.isExecutableFile(atPath: python)

@Suite
struct RewardTests {
    private static let quickstart = Program.package.appendingPathComponent("Recipes/quickstart.yaml").path

    /// Options that make the quickstart short, with other rewards.
    private static func short(_ rewards: String) -> [String] {
        [
            "schedule.warmup_steps=0", "steps=2", "rollout.prompts_per_step=4", "rollout.completions_per_prompt=4",
            "rollout.max_new_tokens=24", "evaluation.every=0", "evaluation.at_start=false", "rewards=\(rewards)",
        ].flatMap { ["--set", $0] }
    }

    private static func metrics(_ run: String) throws -> [JSONValue] {
        try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
            .map { try JSONValue(parsing: String($0)) }
    }

    @Test("known answers score 1 and wrong ones 0; a reward for which that is not so is told")
    func answers() throws {
        let outcome = try Program.run(["reward", "test", Self.quickstart, "--count", "5"])
        #expect(outcome.status == 0, "\(outcome.messages)")
        #expect(try outcome.lines[0] == ["reward": "math", "rows": 10, "with_answer": 10, "faults": 0, "ok": true])
        let wrong = try Program.run([
            "reward", "test", Self.quickstart, "--count", "2", "--set",
            "rewards=[{type: exact_match, column: expression}]",
            "--set", "data.evaluation=", "--set", "evaluation.every=0",
        ])
        #expect(wrong.status == 0, "\(wrong.messages)")
        let folder = try TemporaryFolder()
        let rows = try folder.write(
            "{\"prompt\": \"a\", \"answer\": \"b\"}\n{\"prompt\": \"a\", \"answer\": \"   \"}\n", "rows.jsonl")
        let faults = try Program.run([
            "reward", "test", Self.quickstart, "--set", "data={train: {path: \(rows)}}", "--set", "evaluation.every=0",
            "--set", "rewards=[{type: math}]",
        ])
        #expect(faults.status == 1)
        #expect(try faults.lines.first?["row"] == 1)
        #expect(try faults.lines.last?["ok"] == false)
    }

    @Test("saved completions are judged with their rows, given columns and given ids")
    func completions() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(
            """
            {"completion": "<think>x</think>\\\\boxed{4}", "columns": {"answer": "4"}, "id": "a"}
            {"completion": "5", "answer": "4", "completion_ids": [1, 1, 1, 1, 1]}
            {"completion": "5"}

            """, "completions.jsonl")
        let rewards = "[{type: math}, {type: format, weight: 0.5}, {type: repetition, weight: 0}]"
        let outcome = try Program.run([
            "reward", "test", Self.quickstart, "--completions", file, "--set", "rewards=\(rewards)",
        ])
        #expect(outcome.status == 0, "\(outcome.messages)")
        let lines = try outcome.lines
        #expect(lines.map { $0["id"] } == ["a", 1, 2])
        #expect(lines.map { $0["reward"] } == [1.5, 0.0, 0.0])
        #expect(lines[1]["rewards"]?["repetition"]?["score"]?.doubleValue.map { abs($0 + 2.0 / 3) < 1e-12 } == true)
        #expect(lines[2]["rewards"]?["math"] == ["status": "not_applicable"])
        #expect(outcome.messages.contains("math: mean 0.5, std 0.7071, applies to 66.67 % of 3"))
        let bad = try Program.run(["reward", "test", Self.quickstart, "--completions", "-"], input: "{\"x\":1}\n")
        #expect(bad.status == 1)
        #expect(bad.messages.contains("line 1: \"completion\" is missing"))
    }

    @Test("two versions of a reward are compared completion by completion")
    func compare() throws {
        let folder = try TemporaryFolder()
        let text = try String(contentsOfFile: Self.quickstart, encoding: .utf8)
            .replacing("../Checkpoints", with: Program.package.path + "/Checkpoints")
        let a = try folder.write(text, "a.yaml")
        let b = try folder.write(text.replacing("pattern: think-answer", with: "pattern: boxed"), "b.yaml")
        let input = "{\"completion\":\"<think></think>4\",\"answer\":4}\n{\"completion\":\"no\",\"answer\":4}\n"
        let outcome = try Program.run(["reward", "compare", a, b, "--completions", "-"], input: input)
        #expect(outcome.status == 0, "\(outcome.messages)")
        let lines = try outcome.lines
        #expect(lines.count == 1)
        #expect(lines.first?["a"] == 1.1 && lines.first?["b"] == 1.0)
        #expect(lines.first?["rewards"]?["format"]?["b"] == ["status": "scored", "score": 0.0])
        #expect(outcome.messages.contains("1 of 2 completions are judged differently"))
    }

    @Test("screening writes a line a problem, and the rows that are kept are data for a run")
    func screen() throws {
        let folder = try TemporaryFolder()
        let kept = folder.path("kept.jsonl")
        let arguments = ["reward", "screen", Self.quickstart, "--count", "12", "--samples", "4", "--kept", kept]
        let outcome = try Program.run(arguments)
        #expect(outcome.status == 0, "\(outcome.messages)")
        let lines = try outcome.lines
        #expect(lines.count == 12)
        for line in lines {
            let rate = try #require(line["pass_rate"]?.doubleValue)
            #expect(line["keep"]?.boolValue == (rate > 0 && rate < 1))
            #expect(line["answer"] == "right")
        }
        let rows = try String(contentsOfFile: kept, encoding: .utf8).split(separator: "\n")
        #expect(rows.count == lines.count { $0["keep"] == true })
        let again = try Program.run(arguments)
        #expect(again.status == 1 && again.messages.contains("is there already"))
        guard !rows.isEmpty else { return }
        let test = try Program.run([
            "reward", "test", Self.quickstart, "--set", "data={train: {path: \(kept)}}", "--set", "evaluation.every=0",
        ])
        #expect(test.status == 0, "\(test.messages)")
    }

    @Test("plugins in Python and in Perl take part in training", .enabled(if: hasPython, "needs /usr/bin/python3"))
    func plugins() throws {
        let folder = try TemporaryFolder()
        let run = folder.path("run")
        let rewards = """
            [{type: math}, \
            {type: plugin, name: brevity, weight: 0.2, command: [\(python), -m, touchstone_reward, "rewards/brevity.py:brevity"]}, \
            {type: plugin, name: steps, weight: 0.2, workers: 2, command: [perl, rewards/steps.pl]}]
            """
        let outcome = try Program.run(["train", Self.quickstart, "--run-dir", run, "--quiet"] + Self.short(rewards))
        #expect(outcome.status == 0, "\(outcome.messages)")
        let metrics = try Self.metrics(run)
        #expect(metrics.count == 2)
        for line in metrics {
            #expect(line["rewards/brevity/failed"] == 0 && line["rewards/steps/failed"] == 0)
            #expect(line["rewards/brevity/ended"]?.doubleValue != nil)
        }
    }

    /// A worker that does something bad on each message whose number is divisible.
    private static let badWorker = """
        import json, os, sys, time
        fault, every, number = sys.argv[1], int(sys.argv[2]), 0
        if os.path.exists("count"): number = int(open("count").read())
        for line in sys.stdin:
            message = json.loads(line); number += 1
            open("count", "w").write(str(number))
            if number % every == 0:
                if fault == "hang": time.sleep(100)
                if fault == "die": os._exit(1)
                if fault == "flood": sys.stdout.write("x" * (20 << 20)); sys.stdout.flush(); time.sleep(100)
                if fault == "nan": print('{"id":%d,"scores":[NaN]}' % message["id"], flush=True); continue
                if fault == "count": print('{"id":%d,"scores":[1]}' % message["id"], flush=True); continue
            print(json.dumps({"id": message["id"], "scores": [0.5] * len(message["samples"])}), flush=True)
        """

    @Test(
        "a run bears a plugin that fails now and then, and ends with a clear message when it always fails",
        .enabled(if: hasPython, "needs /usr/bin/python3"),
        arguments: [
            ("hang", "timeout"), ("die", "crash"), ("flood", "unparsable"), ("nan", "non_finite"),
            ("count", "wrong_count"),
        ])
    func badPlugins(fault: String, cause: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(Self.badWorker, "worker.py")
        func train(every: Int, _ run: String) throws -> Program.Outcome {
            let rewards = """
                [{type: math}, {type: plugin, name: bad, timeout: 3, start_timeout: 10, directory: \(folder.path), \
                command: [\(python), worker.py, \(fault), '\(every)']}]
                """
            return try Program.run(["train", Self.quickstart, "--run-dir", run] + Self.short(rewards))
        }
        let run = folder.path("run")
        let outcome = try train(every: 4, run)
        #expect(outcome.status == 0, "\(outcome.messages)")
        let metrics = try Self.metrics(run)
        #expect(metrics.map { $0["rewards/bad/failed/\(cause)"] } == [4, 4])
        #expect(metrics.map { $0["rewards/bad/mean"] } == [0.5, 0.5])
        #expect(outcome.messages.contains("the reward bad failed on 4 completions (\(cause))"))
        let stopped = try train(every: 1, folder.path("stopped"))
        #expect(stopped.status == 1)
        #expect(
            stopped.messages.contains(
                "step 1: the reward \"bad\" failed on 16 of 16 completions, more than its max_failed of 0.5; first: \(cause):"
            ))
        #expect(FileManager.default.fileExists(atPath: folder.path("stopped") + "/adapter/adapter_model.safetensors"))
    }

    @Test("the examples of the page on rewards are sound recipes, and its Python is the file's")
    func documentation() throws {
        let root = Program.package
        let page = try String(contentsOf: root.appendingPathComponent("docs/writing-a-reward.md"), encoding: .utf8)
        let blocks = page.split(separator: "```").enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
        let recipes = blocks.filter { $0.hasPrefix("yaml\n") }
        #expect(recipes.count == 4)
        let folder = try TemporaryFolder()
        for block in recipes {
            let path = try folder.write(
                "kind: grpo\nmodel: {path: \(root.path)/Checkpoints/tiny-qwen3}\n"
                    + "data: {train: {generator: arithmetic}}\n" + block.dropFirst(5), "recipe.yaml")
            setenv("JUDGE_KEY", "k", 1)
            // Every reward can be set up; where none knows answers, that is all the command says.
            let outcome = try Program.run(["reward", "test", path, "--completions", "-"])
            #expect(outcome.status == 0, "\(outcome.messages)")
        }
        let python = try #require(blocks.first { $0.hasPrefix("python\n") }).dropFirst(7)
        let file = try String(contentsOf: root.appendingPathComponent("Recipes/rewards/brevity.py"), encoding: .utf8)
        #expect(file.contains(python))
    }
}
