import FileTesting
import Foundation
import InferenceCore
import OrderedJSON
import QwenModel
import Recipes
import Testing
import Tracking

@testable import ExternalRollouts
@testable import Training

/// A run whose completions come from servers, sound ones and others.
@Suite("External rollouts", .enabled(if: TestBench.isThere, "needs /usr/bin/python3 and the reference data"))
struct ExternalEngineTests {
    private static let completions = 3 * 4

    @Test("each step's adapter is loaded under a name of its own, the one before unloaded, and the gap is logged")
    func run() async throws {
        let (server, folder) = (try StubServer(), try TemporaryFolder())
        let engine = try TestBench.engine([server.url], in: folder.path)
        #expect(try await TestBench.run(TestBench.recipe(), folder.path, engine: engine).run() == .finished(step: 3))
        let state = try server.state()
        let loaded = state["loaded"]?.arrayValue?.compactMap(\.stringValue) ?? []
        #expect(loaded.count == 3 && Set(loaded).count == 3)
        for (step, name) in loaded.enumerated() { #expect(name.contains("-step-\(step + 1)-"), "\(name)") }
        let unloaded = state["unloaded"]?.arrayValue?.compactMap(\.stringValue) ?? []
        #expect(unloaded == loaded)
        #expect(state["most"]?.intValue ?? 9 <= 2 && state["asked"]?.intValue == 3 * Self.completions)
        #expect((2...4).contains(state["peak"]?.intValue ?? 0))
        let seeds = state["requests"]?.arrayValue?.compactMap { $0["seed"]?.intValue } ?? []
        #expect(Set(seeds).count == 3 * Self.completions && seeds.allSatisfy { $0 >= 0 && $0 < 1 << 53 })
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/rollout-adapters"))

        var lines = RecordLines(path: folder.path + "/metrics.jsonl")
        let first = lines.next()
        let metrics = try #require(first)
        // The stub's numbers have nothing to do with the model's; the trainer's own are exact all the same.
        #expect(metrics["sampling/sampling_logp_difference/mean"]?.doubleValue ?? 0 > 1)
        #expect(metrics["sampling/importance_sampling_ratio/bounded"]?.doubleValue != nil)
        #expect(metrics["rollout_logprob_gap"] == 0.0 && metrics["time/scoring"] != nil)
    }

    @Test("taken again from what was received, without any server, a run is the same bytes")
    func retrace() async throws {
        let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
        let server = try StubServer()
        let recipe = try TestBench.recipe(["checkpoint.keep=0", "checkpoint.every=1"])
        let engine = try TestBench.engine([server.url], in: first.path)
        _ = try await TestBench.run(recipe, first.path, engine: engine).run()
        let beginning = try CheckpointStore(RunFolder(existing: first.path)).read(step: 0)
        let alone = try TestBench.engine(["http://127.0.0.1:1"], in: second.path, reading: first.path)
        let retraced = try TestBench.run(recipe, second.path, engine: alone, from: beginning.withoutRecords)
        #expect(try await retraced.run() == .finished(step: 3))
        #expect(try TestBench.records(first.path) == TestBench.records(second.path))
    }

    @Test("a run that lost its servers in mid-step keeps what it received, and goes on with the rest")
    func lost() async throws {
        let (folder, server) = (try TemporaryFolder(), try StubServer())
        let recipe = try TestBench.recipe(["checkpoint.every=1"])
        // Twelve of the first step and some of the second; then nothing but faults.
        let signal = FailAfter(server, completions: 17)
        let engine = try TestBench.engine([server.url], in: folder.path) { $0.concurrency = 1 }
        let watching = Task.detached { try await signal.watch() }
        let first = try TestBench.run(recipe, folder.path, engine: engine)
        let error = await #expect(throws: TrainingError.self) { _ = try await first.run() }
        try await watching.value
        #expect(error?.code == .rollout)
        #expect(error?.message.contains("no server has given a completion") ?? false, "\(error?.message ?? "")")
        let store = CheckpointStore(try RunFolder(existing: folder.path))
        #expect(store.steps.last == 1)
        let checkpoint = try store.read(step: 1)
        let received = try String(contentsOfFile: folder.path + "/rollouts/step-000002.jsonl", encoding: .utf8)
        let count = received.split(separator: "\n").count
        #expect(count > 0 && count < Self.completions)

        // Another server with other answers: what was received is not asked for again.
        let other = try StubServer()
        try other.salt(1)
        let again = try TestBench.engine([other.url], in: folder.path)
        let run = try TestBench.run(recipe, folder.path, engine: again, from: checkpoint)
        #expect(try await run.run() == .finished(step: 3))
        #expect(try other.state()["asked"]?.intValue == 2 * Self.completions - count)
        let whole = try String(contentsOfFile: folder.path + "/rollouts/step-000002.jsonl", encoding: .utf8)
        #expect(whole.hasPrefix(received) && whole.split(separator: "\n").count == Self.completions)
    }

    @Test("a server that was killed and comes back without the adapter is given it again; nothing is lost")
    func restart() async throws {
        let (folder, messages) = (try TemporaryFolder(), MessageLog())
        var server: StubServer? = try StubServer()
        let port = try #require(server?.port)
        let engine = try TestBench.engine(["http://127.0.0.1:\(port)"], in: folder.path, messages: messages) {
            $0.patience = 600
        }
        let recipe = try TestBench.recipe()
        let run = try TestBench.run(recipe, folder.path, engine: engine)
        _ = try await run.trainer.step()
        server?.end()
        server = nil
        let restarting = Task.detached {
            while !messages.text.contains("waits up to 600 s") { try await Task.sleep(for: .milliseconds(20)) }
            return try StubServer(port: port)
        }
        _ = try await run.trainer.step()
        let second = try await restarting.value
        #expect(try second.state()["asked"]?.intValue == Self.completions)
        #expect(messages.text.contains("answers again"))
        // One that forgets its adapters, as one that was restarted between two requests.
        try second.misbehave("forgets", count: 1)
        _ = try await run.trainer.step()
        #expect(try second.state()["loaded"]?.arrayValue?.count == 3)
    }

    @Test(
        "wrong, failing and slow servers cost nothing but time while another is sound",
        arguments: [
            "500", "503", "400", "lost", "slow", "forgets", "ids", "negative", "short", "nan", "infinite", "model",
            "early", "prompt", "empty", "long", "json",
        ])
    func oneSound(mode: String) async throws {
        let (folder, reference) = (try TemporaryFolder(), try TemporaryFolder())
        let (bad, good) = (try StubServer(), try StubServer())
        try bad.misbehave(mode)
        let recipe = try TestBench.recipe(["steps=1"])
        let engine = try TestBench.engine([bad.url, good.url], in: folder.path) {
            // Ample time, so that only what never ends is late.
            ($0.timeout, $0.patience) = (mode == "slow" ? 5 : 20, 60)
        }
        #expect(try await TestBench.run(recipe, folder.path, engine: engine).run() == .finished(step: 1))
        #expect(try bad.state()["asked"]?.intValue ?? 0 > 0)
        let alone = try TestBench.engine([good.url], in: reference.path)
        _ = try await TestBench.run(recipe, reference.path, engine: alone).run()
        #expect(try TestBench.records(folder.path) == TestBench.records(reference.path))
    }

    @Test(
        "where all servers refuse or answer wrongly, the run stops at once and says why",
        arguments: [
            ("400", "status 400: no"), ("ids", "has the token 1000000000"), ("model", "comes from the model 'base'"),
            ("refuse", "status 400: rank 16 is greater than max_lora_rank 8"), ("nan", "is no JSON"),
        ])
    func allWrong(mode: String, expected: String) async throws {
        let (server, folder) = (try StubServer(), try TemporaryFolder())
        try server.misbehave(mode)
        let engine = try TestBench.engine([server.url], in: folder.path) { $0.patience = 1000 }
        let run = try TestBench.run(try TestBench.recipe(), folder.path, engine: engine)
        let error = await #expect(throws: TrainingError.self) { _ = try await run.run() }
        #expect(error?.code == .rollout)
        #expect(error?.message.contains("every server refuses, or answers wrongly") ?? false, "\(error?.message ?? "")")
        #expect(error?.message.contains(expected) ?? false, "\(error?.message ?? "")")
        let checkpoint = try CheckpointStore(RunFolder(existing: folder.path)).read(step: 0)
        #expect(try checkpoint.step == 0)
    }

    @Test("a faulty answer now and then is asked for again, of the same server where there is no other")
    func nowAndThen() async throws {
        let (server, folder) = (try StubServer(), try TemporaryFolder())
        try server.misbehave("ids", count: 2)
        let recipe = try TestBench.recipe(["steps=1"])
        let engine = try TestBench.engine([server.url], in: folder.path)
        #expect(try await TestBench.run(recipe, folder.path, engine: engine).run() == .finished(step: 1))
        #expect(try server.state()["asked"]?.intValue == Self.completions + 2)
    }

    @Test("a stop is obeyed while servers generate, and what was received stays")
    func stop() async throws {
        let (server, folder) = (try StubServer(), try TemporaryFolder())
        try server.misbehave("slow")
        let signal = StopSignal()
        let engine = try TestBench.engine([server.url], in: folder.path)
        let run = try TestBench.run(try TestBench.recipe(), folder.path, engine: engine, signal: signal)
        Task.detached {
            try await Task.sleep(for: .milliseconds(700))
            signal.set()
        }
        #expect(try await run.run() == .interrupted(step: 0))
    }

    @Test("lines of the received completions that can't be used are left out")
    func journal() throws {
        let folder = try TemporaryFolder()
        let run = try RunFolder(existing: folder.path)
        let journal = RolloutJournal(run)
        let completion = Completion(
            request: 0, sample: 1, tokens: [1, 2], logProbs: [-0.1, -2.5e-7], finishReason: .length)
        try journal.append(completion, at: .init(prompt: 4, sample: 1), step: 2, adapter: "d")
        let path = run.rollouts(step: 2)
        var text = try String(contentsOfFile: path, encoding: .utf8)
        for line in ["null", "{}", "{\"step\": 2", text.replacing("\"prompt\":4", with: "\"prompt\":1e99"), "\u{0}"] {
            text += line + "\n"
        }
        text += text.replacing("\"d\"", with: "\"other\"") + "{\"step\":2,\"prompt\":5"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let entries = journal.entries(step: 2, adapter: "d")
        #expect(entries.count == 1)
        let entry = try #require(entries[.init(prompt: 4, sample: 1)])
        #expect(entry.tokens == [1, 2] && entry.logProbs.map { Float($0) } == [-0.1, -2.5e-7])
        #expect(journal.entries(step: 3, adapter: "d").isEmpty)
    }
}

/// Lets a server answer so often, and then no more.
private final class FailAfter: Sendable {
    private let server: StubServer
    private let completions: Int

    init(_ server: StubServer, completions: Int) { (self.server, self.completions) = (server, completions) }

    func watch() async throws {
        while try server.state()["asked"]?.intValue ?? 0 < completions { try await Task.sleep(for: .milliseconds(5)) }
        server.end()
    }
}
