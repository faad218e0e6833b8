import FileTesting
import Foundation
import OrderedJSON
import Synchronization
import Testing

@testable import Rewards

/// Lines that were told.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}

@Suite(
    "Plugins", .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3"), "needs /usr/bin/python3"))
struct PluginRewardTests {
    private static let python = "/usr/bin/python3"
    private let batch = ["ab", "abcd", ""].map {
        RewardSample(
            prompt: "<user>hi", messages: [["role": "user", "content": "hi"]], completion: $0,
            completionIDs: Array(repeating: 1, count: $0.count), columns: ["answer": "ab", "n": 3])
    }

    private func python(
        _ source: String, _ function: String = "reward", options: [String] = [],
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> RewardBatch {
        let folder = try TemporaryFolder()
        _ = try folder.write(source, "my_rewards.py")
        let reward = try PluginReward(
            command: [Self.python, "-m", "touchstone_reward"] + options + ["my_rewards.py:\(function)"],
            folder: folder.path,
            log: log)
        do {
            let result = try await reward.score(batch)
            await reward.stop()
            return result
        } catch {
            await reward.stop()
            throw error
        }
    }

    @Test(
        "a function written for TRL is called as TRL calls it",
        arguments: [
            ("def reward(prompts, completions, **columns):\n    return [len(c) for c in completions]", [2, 4, 0]),
            (
                "def reward(completions, answer):\n    return [float(c == a) for c, a in zip(completions, answer)]",
                [1, 0, 0]
            ),
            ("def reward(completions, **kwargs):\n    return [len(c[0]['content']) for c in completions]", [2, 4, 0]),
            (
                "def reward(prompts, completions, **kw):\n    return [p[-1]['content'] == 'hi' and p == '<user>hi' for p in prompts]",
                [1, 1, 1]
            ),
            (
                "def reward(completions, completion_ids, n, **kw):\n    return [None if not i else sum(i) * m for i, m in zip(completion_ids, n)]",
                [6, 12, nil]
            ),
            (
                "async def reward(completions, **kw):\n    import asyncio\n    await asyncio.sleep(0)\n    return [c.upper() == 'AB' for c in completions]",
                [1, 0, 0]
            ),
            (
                "class R:\n    def __call__(self, completions, **kw): return (c.startswith('a') for c in completions)\nreward = R()",
                [1, 1, 0]
            ),
            (
                "def reward(completions, trainer_state, log_extra, **kw):\n    log_extra('x', [1])\n    return [1 if trainer_state is None else 0] * len(completions)",
                [1, 1, 1]
            ),
        ] as [(String, [Double?])])
    func functions(source: String, expected: [Double?]) async throws {
        #expect(try await python(source).outcomes.map(\.score) == expected)
    }

    @Test("with --messages a function gets TRL's lists of messages")
    func messages() async throws {
        let source = """
            def reward(prompts, completions, **kw):
                return [float(isinstance(c, list) and c[0]["role"] == "assistant" and p[0]["role"] == "user")
                        for p, c in zip(prompts, completions)]
            """
        #expect(try await python(source, options: ["--messages"]).outcomes == [.score(1), .score(1), .score(1)])
        #expect(try await python(source).outcomes == [.score(0), .score(0), .score(0)])
    }

    @Test("what a function prints is logged and disturbs nothing; log_metric is a value for the metrics")
    func output() async throws {
        let lines = Lines()
        let result = try await python(
            """
            import os, sys
            print("loading")
            def reward(completions, log_metric, **kw):
                print("scoring"); os.write(1, b"raw\\n"); sys.stdout.flush()
                log_metric("length", 2); log_metric("bad", float("nan"))
                return [0.5] * len(completions)
            """, log: lines.add)
        #expect(result.outcomes == [.score(0.5), .score(0.5), .score(0.5)])
        #expect(result.logs == ["length": 2])
        #expect(Set(lines.all).isSuperset(of: ["plugin: raw", "plugin: scoring"]))
    }

    @Test("a function that raises, or returns NaN or too few, has failed, and the next batch is scored")
    func pythonFailures() async throws {
        let folder = try TemporaryFolder()
        _ = try folder.write(
            """
            calls = 0
            def reward(completions, **kw):
                global calls
                calls += 1
                if calls == 1: raise ValueError("no\\nway")
                if calls == 2: return [1.0]
                return [float("nan"), 1, float("-inf")]
            """, "r.py")
        let reward = try PluginReward(
            command: [Self.python, "-m", "touchstone_reward", "r.py:reward"], folder: folder.path)
        let first = try await reward.score(batch).outcomes
        #expect(first == Array(repeating: .failed(RewardFailure(.crash, "ValueError: no way")), count: 3))
        let second = try await reward.score(batch).outcomes
        #expect(second[0] == .failed(RewardFailure(.wrongCount, "the function returned 1 scores for 3 completions")))
        let third = try await reward.score(batch).outcomes
        #expect(third[0] == .failed(RewardFailure(.nonFinite, "the function returned nan")))
        #expect(third[1] == .score(1))
        await reward.stop()
    }

    @Test("a file or function that is not there is told with the worker's last message")
    func notThere() async throws {
        for (spec, text) in [
            ("no.py:f", "there is no file"), ("os:nothing_such", "has no function"), ("x", "names no function"),
        ] {
            let reward = try PluginReward(command: [Self.python, "-m", "touchstone_reward", spec])
            let failure = await #expect(throws: RewardFailure.self) { try await reward.score(batch) }
            #expect(failure?.detail.contains(text) == true, "\(failure?.detail ?? "")")
        }
    }

    /// A worker that does something bad on its first message and answers the next one; `count` is how often it was started.
    private static func worker(_ fault: String) -> String {
        """
        import json, os, sys, time
        starts = int(open("starts").read()) + 1 if os.path.exists("starts") else 1
        open("starts", "w").write(str(starts))
        for line in sys.stdin:
            message = json.loads(line)
            if starts == 1:
                \(fault)
            print(json.dumps({"id": message["id"], "scores": [starts] * len(message["samples"])}), flush=True)
        """
    }

    @Test(
        "a worker that is late, wrong, too loud or dead is started anew; its samples have failed, the next are scored",
        arguments: [
            ("time.sleep(60)", RewardFailure.Boundary.timeout), ("os._exit(3)", .crash),
            ("os.kill(os.getpid(), 11)", .crash),
            ("sys.stdout.write('x' * (40 << 20)); time.sleep(60)", .unparsable),
            ("print('hello', flush=True)", .unparsable),
            ("os.write(1, b'\\xff\\n'); time.sleep(60)", .unparsable), ("os.close(1); time.sleep(60)", .unparsable),
            ("print('{\"id\":%d,\"scores\":[NaN]}' % message['id'], flush=True)", .nonFinite),
            ("print('{\"id\":%d,\"scores\":[1]}' % message['id'], flush=True)", .wrongCount),
            ("print('{\"id\":99,\"scores\":[1,1,1]}', flush=True)", .unparsable),
        ])
    func badWorkers(fault: String, boundary: RewardFailure.Boundary) async throws {
        let folder = try TemporaryFolder()
        _ = try folder.write(Self.worker(fault), "worker.py")
        let reward = try PluginReward(
            command: [Self.python, "worker.py"], folder: folder.path,
            limits: .init(reply: .seconds(5), start: .seconds(3)))
        let failure = await #expect(throws: RewardFailure.self) { try await reward.score(batch) }
        #expect(failure?.boundary == boundary, "\(String(describing: failure))")
        #expect(try await reward.score(batch).outcomes == [.score(2), .score(2), .score(2)])
        await reward.stop()
    }

    @Test("many batches at once wait for few workers, and none is lost or mixed up")
    func backPressure() async throws {
        let folder = try TemporaryFolder()
        _ = try folder.write(
            """
            import json, sys
            for line in sys.stdin:
                message = json.loads(line)
                print(json.dumps({"id": message["id"], "scores": [float(s["completion"]) for s in message["samples"]]}), flush=True)
            """, "worker.py")
        let reward = try PluginReward(command: [Self.python, "worker.py"], folder: folder.path, workers: 2)
        let results = try await withThrowingTaskGroup(of: (Int, [RewardOutcome]).self) { group in
            for number in 0..<200 {
                group.addTask {
                    let sample = RewardSample(prompt: "", completion: "\(number)")
                    return (number, try await reward.score([sample, sample]).outcomes)
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        #expect((0..<200).allSatisfy { results[$0] == [.score(Double($0)), .score(Double($0))] })
        await reward.stop()
    }

    @Test("a program that is not there fails as unavailable; an empty command is refused")
    func unavailable() async throws {
        let reward = try PluginReward(command: ["/no/such/program"])
        let failure = await #expect(throws: RewardFailure.self) { try await reward.score(batch) }
        #expect(failure?.boundary == .unavailable)
        #expect(throws: RewardsError.self) { try PluginReward(command: []) }
    }

    @Test("the module's folder is gone when the reward is")
    func moduleFolder() throws {
        var path = ""
        do {
            let module = try PythonModule()
            path = String(module.searchPath.prefix { $0 != ":" })
            #expect(FileManager.default.fileExists(atPath: path + "/touchstone_reward.py"))
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}
