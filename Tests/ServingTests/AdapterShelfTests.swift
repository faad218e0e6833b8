import FileTesting
import Foundation
import InferenceCore
import ModelFiles
import OrderedJSON
import QwenModel
import Randomness
import Testing

@testable import Serving

@Suite("Adapters that are served", .serialized)
struct AdapterShelfTests {
    @Test("a watched folder serves what is written, keeps the old version of what is broken, and forgets what has gone")
    func watching() async throws {
        let bench = try Workbench()
        let folder = try TemporaryFolder()
        let watcher = AdapterWatcher(folder.path, shelf: bench.shelf, folders: try AllowedFolders([folder.path]))
        #expect(await watcher.look().isEmpty)
        func write(_ seed: UInt64) throws {
            try Workbench.trainable(bench.served.model, seed: seed).write(to: folder.path + "/a")
        }
        func digest() -> String? { bench.shelf.lease("a")?.version.digest }
        try write(1)
        #expect(await watcher.look().count == 1)
        #expect(digest() == (try bench.adapter(1)).contentDigest())
        #expect(await watcher.look().isEmpty)
        try write(2)
        #expect(await watcher.look().count == 1)
        let second = try bench.adapter(2).contentDigest()
        #expect(digest() == second)

        let weights = folder.path + "/a/adapter_model.safetensors"
        let whole = try Data(contentsOf: URL(fileURLWithPath: weights))
        for broken in [whole.prefix(whole.count / 2), Data("{}".utf8), Data(), whole.prefix(8) + whole.dropFirst(9)] {
            try broken.write(to: URL(fileURLWithPath: weights))
            let events = await watcher.look()
            guard case .refused("a", let error) = events.first else {
                Issue.record("\(broken.count) bytes were not refused")
                continue
            }
            #expect(!error.message.contains(folder.path))
            #expect(digest() == second)
        }
        try whole.write(to: URL(fileURLWithPath: weights))
        #expect(await watcher.look().count == 1)
        #expect(digest() == second)
        try FileManager.default.removeItem(atPath: folder.path + "/a")
        #expect(await watcher.look().count == 1)
        for _ in 0..<100 where digest() != nil { try await Task.sleep(for: .milliseconds(10)) }
        #expect(digest() == nil)
    }

    @Test("hostile folders neither stop nor end the server")
    func hostile() async throws {
        let bench = try Workbench()
        let folder = try TemporaryFolder()
        let folders = try AllowedFolders([folder.path])
        try Workbench.trainable(bench.served.model, seed: 1).write(to: folder.path + "/good")
        let weights = [UInt8](
            try Data(contentsOf: URL(fileURLWithPath: folder.path + "/good/adapter_model.safetensors")))
        let configuration = [UInt8](
            try Data(contentsOf: URL(fileURLWithPath: folder.path + "/good/adapter_config.json")))
        mkdir(folder.path + "/pipe", 0o755)
        mkfifo(folder.path + "/pipe/adapter_config.json", 0o644)
        mkfifo(folder.path + "/pipe/adapter_model.safetensors", 0o644)
        mkdir(folder.path + "/folders", 0o755)
        mkdir(folder.path + "/folders/adapter_config.json", 0o755)
        symlink("loop", folder.path + "/loop")
        symlink("/dev", folder.path + "/dev")
        for name in ["pipe", "folders", "loop", "dev", "missing"] {
            await #expect(throws: ServingError.self) { try await bench.shelf.load(name, from: name, in: folders) }
        }
        var generator = RandomAddress(seed: 1, purpose: .probe).generator()
        mkdir(folder.path + "/fuzz", 0o755)
        for round in 0..<150 {
            var (weights, configuration) = (weights, configuration)
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                if round % 2 == 0 {
                    weights[Int.random(in: 0..<min(2000, weights.count), using: &generator)] = .random(
                        in: 0...255, using: &generator)
                } else {
                    configuration[.random(in: 0..<configuration.count, using: &generator)] = .random(
                        in: 0...255, using: &generator)
                }
            }
            try Data(weights).write(to: URL(fileURLWithPath: folder.path + "/fuzz/adapter_model.safetensors"))
            try Data(configuration).write(to: URL(fileURLWithPath: folder.path + "/fuzz/adapter_config.json"))
            // Refused, or an adapter like any other: what matters is that both end.
            _ = try? await bench.shelf.load("fuzz", from: "fuzz", in: folders, inPlace: true)
        }
        let version = try await bench.shelf.load("good", from: "good", in: folders)
        #expect(version.digest == (try bench.adapter(1)).contentDigest())
    }

    @Test("sixteen streams while an adapter is replaced in place: every answer is that of the version it names")
    func replacing() async throws {
        let bench = try Workbench(limits: ServingLimits(maxBatch: 16))
        let adapters = try (0..<5).map { try bench.adapter(UInt64($0 + 1)) }
        var byDigest: [String: Adapter] = [:]
        for adapter in adapters { byDigest[adapter.contentDigest()] = adapter }
        try await bench.shelf.publish(adapters[0], as: "a")
        let replacing = Task {
            for round in 1...200 {
                try await bench.shelf.publish(adapters[round % 5], as: "a")
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        let answers = try await withThrowingTaskGroup(of: [(seed: Int, pieces: [JSONValue])].self) { group in
            for client in 0..<16 {
                group.addTask {
                    var own: [(Int, [JSONValue])] = []
                    for round in 0..<4 {
                        let seed = client * 10 + round
                        own.append(
                            (
                                seed,
                                try await bench.pieces(
                                    [
                                        "model": "a", "prompt": "12 + 30 =", "seed": .integer(seed), "max_tokens": 24,
                                        "stream": true, "return_token_ids": true, "logprobs": 0,
                                    ], chat: false)
                            ))
                        // However little of the processors the other replacements get.
                        if client == 0 { try await bench.shelf.publish(adapters[round + 1], as: "a") }
                    }
                    return own
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        try await replacing.value
        #expect(answers.count == 64)
        var seen: Set<String> = []
        for (seed, pieces) in answers {
            let digests = Set(pieces.compactMap { $0["system_fingerprint"]?.stringValue })
            try #require(digests.count == 1)
            let digest = try #require(digests.first)
            seen.insert(digest)
            let expected = try bench.alone(
                bench.served.tokenizer.encode("12 + 30 ="), seed: UInt64(seed), samples: 1, adapter: byDigest[digest],
                temperature: 1, max: 24)[0]
            let choices = pieces.compactMap { $0["choices"]?[0] }
            #expect(choices.flatMap { $0["token_ids"]?.arrayValue ?? [] }.compactMap(\.intValue) == expected.tokens)
            let logProbs = choices.flatMap { $0["logprobs"]?["token_logprobs"]?.arrayValue ?? [] }
            #expect(
                logProbs.compactMap(\.doubleValue).map { Float($0).bitPattern } == expected.logProbs.map(\.bitPattern))
        }
        #expect(seen.count > 1)
    }
}
