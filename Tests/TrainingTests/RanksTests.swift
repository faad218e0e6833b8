import Distribution
import FileTesting
import Foundation
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import Rewards
import Synchronization
import TensorCore
import Testing
import Tracking

@testable import Training

/// Training by several ranks, as threads of this process.
@Suite("Ranks", .enabled(if: TestModel.isThere, "reference data beside the package is missing"))
struct RanksTests {
    @Test("one, two and three ranks write the same bytes: records, adapters, checkpoints", arguments: ["grpo", "sft"])
    func sameBytes(kind: String) async throws {
        var overrides = [
            "data.evaluation={generator: arithmetic, digits: [1, 1], count: 7}", "evaluation.every=2", "steps=2",
        ]
        // Enough tokens for several pieces.
        overrides +=
            kind == "sft"
            ? ["sft.batch_size=120"]
            : [
                "rollout.prompts_per_step=12", "rollout.completions_per_prompt=5", "rollout.max_new_tokens=24",
                "algorithm.kl.coefficient=0.05", "algorithm.mini_batches=2", "evaluation.samples=2",
            ]
        let recipe = try TestModel.recipe(overrides, kind: kind)
        var contents: [[String: String]] = []
        for ranks in 1...3 {
            let folder = try TemporaryFolder()
            let outcomes = try await run(recipe, ranks: ranks, folder)
            #expect(outcomes.allSatisfy { $0 == .finished(step: 2) })
            contents.append(try Self.contents(folder))
        }
        #expect(contents[0].keys.contains { $0.hasSuffix("adapter_model.safetensors") })
        #expect(contents[0].count > 6)
        for other in contents[1...] {
            #expect(other.keys.sorted() == contents[0].keys.sorted())
            for (name, digest) in contents[0] { #expect(other[name] == digest, "\(name)") }
        }
    }

    @Test("an update has several pieces, and their number is not that of micro-batches")
    func pieces() {
        // Shares of two ranks begin at 910 of 1820 tokens, of three at 607 and 1213. Those of four would be too close to them.
        let pieces = GradientPieces([500, 20, 400, 700, 100, 100], parameterCount: 1000)
        #expect(pieces.ranges == [0..<1, 1..<2, 2..<3, 3..<4, 4..<6])
        #expect(pieces.sizes == [500, 20, 400, 700, 200])
        #expect(pieces.tree.pieces == 5 && pieces.tree.nodes(in: 0..<3) == [0..<3])
        // Where a sum takes a gigabyte, few are kept.
        #expect(GradientPieces(Array(repeating: 500, count: 64), parameterCount: 1 << 28).ranges.count <= 5)
        #expect(GradientPieces([], parameterCount: 10).ranges.isEmpty)
        #expect(GradientPieces([100, 100, 100], parameterCount: 10).ranges == [0..<3])
        #expect(GradientPieces(Array(repeating: 100, count: 8), parameterCount: 10).sizes == [400, 400])
    }

    @Test("pieces stay together where few sums fit into memory, and sums are as many as foreseen")
    func heldSums() {
        for sizes in [[900, 40, 40, 300, 1200, 60], Array(repeating: 70, count: 90), [4000, 10], [30], []] {
            for parameters in [1, 1 << 20, 1 << 27, 1 << 28, 1 << 29, 1 << 30] {
                let pieces = GradientPieces(sizes, parameterCount: parameters)
                func deepest(_ node: Range<Int>) -> Int {
                    pieces.tree.halves(of: node).map { 1 + max(deepest($0.left), deepest($0.right)) } ?? 0
                }
                let most = GradientPieces.sums(tokens: sizes.reduce(0, +), parameterCount: parameters)
                #expect(deepest(pieces.tree.root) <= most + 1, "\(sizes) \(parameters)")
                #expect(pieces.ranges.flatMap { Array($0) } == Array(sizes.indices))
            }
        }
    }

    @Test("groups are cut where ranks' shares begin, if that costs less than it brings")
    func cuts() {
        func group(prompt: Int, _ lengths: [Int]) -> PolicyGroup {
            PolicyGroup(
                prompt: Array(0..<prompt),
                samples: lengths.map { length in
                    PolicySample(tokens: Array(repeating: length, count: length + 1), oldLogProbs: nil, advantage: 1)
                })
        }
        func sizes(_ groups: [PolicyGroup]) -> [Int] { groups.map(\.unit.tokenCount) }
        // Five groups of 700: two and a half for each of two ranks. There is no room for more cuts.
        let five = Array(repeating: group(prompt: 60, Array(repeating: 80, count: 8)), count: 5)
        #expect(sizes(five.cutForShares()) == [700, 700, 380, 380, 700, 700])
        #expect(GradientPieces(sizes(five.cutForShares()), parameterCount: 100).ranges.count == 6)
        // No sample is lost or moved.
        let uneven = (1...7).map { group(prompt: 9, [$0 * 50, 100, $0 * 20, 300]) }
        let cut = uneven.cutForShares()
        #expect(cut.flatMap(\.samples).map(\.tokens) == uneven.flatMap(\.samples).map(\.tokens) && cut.count > 7)
        let row = CostRow(sizes(cut).map { Double($0) })
        for ranks in 2...4 {
            let longest = row.shares(ranks).map { row.before($0.upperBound) - row.before($0.lowerBound) }.max() ?? 0
            #expect(longest < 1.2 * row.total / Double(ranks))
        }
        // Four equal groups need a cut for three ranks only. Few tokens and long prompts allow none, one sample can't be cut.
        #expect(Array(five[..<4]).cutForShares().count == 5)
        #expect(sizes(Array(five[..<2]).cutForShares()) == [700, 700])
        #expect(sizes([group(prompt: 10, [50, 50, 50])].cutForShares()) == [160])
        let long = Array(repeating: group(prompt: 600, [80, 80]), count: 5)
        #expect(sizes(long.cutForShares()) == sizes(long))
        let single = Array(repeating: group(prompt: 10, [800]), count: 3)
        #expect(sizes(single.cutForShares()) == sizes(single))
        #expect([PolicyGroup]().cutForShares().isEmpty)
    }

    @Test("a backward pass finishes the parts of a gradient in their order, and tells it truly")
    func parts() throws {
        let names = ["norm", "layers.1.q", "layers.0.q", "layers.2.up", "layers.2.down", "embed_tokens", "layers.3.q"]
        let parameters = ParameterSet(names.map { ("model.\($0).weight", [2000, 3]) })
        let stages = parameters.gradientStages
        #expect(stages.map(\.milestone) == [.max, 3, 2, 1, nil])
        let places = stages.map { stage in stage.ranges.map { $0.lowerBound / 6000..<$0.upperBound / 6000 } }
        let expected: [[Range<Int>]] = [[0..<1], [6..<7], [3..<5], [1..<2], [2..<3, 5..<6]]
        #expect(places == expected)
        let parts = GradientParts(parameters)
        #expect(parts.ranges == stages.map(\.ranges))
        #expect((1...4).map { parts.finished(at: $0) } == [4, 3, 2, 1])
        // What is not known by its name is finished at the end.
        let others = ParameterSet(["lm_head.weight", "h.3.q", "layers.x.q", "norms"].map { ($0, [1]) })
        #expect(others.gradientStages.map(\.milestone) == [.max, nil])
        // Small ones go together, finished with the last of them.
        let small = ParameterSet((0..<6).map { ("layers.\($0).q", [1500]) })
        let few = GradientParts(small)
        #expect(few.ranges == [[7500..<9000, 6000..<7500, 4500..<6000], [3000..<4500, 1500..<3000, 0..<1500]])
        #expect((1...5).map { few.finished(at: $0) } == [1, 1, 1, 0, 0])
    }

    @Test("a step's cost is divided by ranks but for what all do, and for what they tell one another")
    func cost() {
        let step = RankCost.Step(prefill: 1, decode: 7, update: 16, rest: 1, pieces: 8, tokens: 1000)
        var cost = RankCost(steps: [step], prompts: 16, trainedCount: 1_000_000)
        #expect(cost.step(ranks: 1) == 25 && cost.exchange(ranks: 1) == 0)
        // Each of two ranks sends the other half a sum, and half the total.
        #expect(cost.gradientBytes(pieces: 8, ranks: 2) == 4_000_000)
        (cost.latency, cost.bandwidth) = (0, .infinity)
        #expect(abs(cost.step(ranks: 2) - 13) < 0.05)
        // Three ranks: six of sixteen prompts, and a third of the pieces, which are cut there. Five: two of eight.
        #expect(abs(cost.step(ranks: 3) - (3 + 16.0 / 3 + 1)) < 0.05)
        #expect(abs(cost.step(ranks: 5) - (2 + 4 + 1)) < 0.05)
        #expect(cost.step(ranks: 64) >= 0.5 + 2 + 1)
        // A pass takes 2 s and 1 s for each of 5 sequences: 2 of 7 s of decoding stay.
        cost.pass = RankCost.Pass(many: (5, 7), few: (3, 5))
        #expect(cost.pass == RankCost.Pass(many: (10, 7), few: (2, 3)))
        #expect(abs(cost.step(ranks: 2) - (0.5 + 2 + 2.5 + 8 + 1)) < 0.05)
        // One completion goes on alone for as long as all did: the passes for themselves are twice as many.
        cost.steps[0].spread = 2
        #expect(abs(cost.step(ranks: 2) - (0.5 + 7 * 4 / 9 + 3.5 * 5 / 9 + 8 + 1)) < 0.05)
        // Ranks that share a machine hold one another up.
        cost.slowdown = 1.25
        #expect(abs(cost.step(ranks: 2) - (0.5 + 7 * 4 / 9 + 3.5 * 5 / 9 + 10 + 1)) < 0.05 && cost.step(ranks: 1) == 25)
        cost.slowdown = 1
        cost.bandwidth = 1e6
        #expect(cost.exchange(ranks: 2) > 4)
        // Of 4 s on the way all but one part's are hidden behind the backward pass of a piece, where it takes as long.
        let before = cost.exchange(ranks: 2)
        (cost.parts, cost.steps[0].backward) = (10, 12)
        #expect(abs(cost.exchange(ranks: 2) - (before - 1.5)) < 1e-9)
        cost.steps[0].backward = 80
        #expect(abs(cost.exchange(ranks: 2) - (before - 3.6)) < 1e-9)
        cost.steps += [step, step]
        #expect(cost.step(ranks: 1) == 25)
    }

    @Test("a pass of few sequences that takes no less, or more, is all for itself; one of as many is all for them")
    func passes() {
        let flat = RankCost.Pass(many: (32, 0.5), few: (16, 0.6))
        #expect(flat.fixed == 0.5 && flat.sequences == 0)
        let alone = RankCost.Pass(many: (8, 0.5), few: (8, 0.5))
        #expect(alone.fixed == 0 && alone.sequences == 0.5)
        let steep = RankCost.Pass(many: (8, 1), few: (4, 0.1))
        #expect(steep.fixed == 0 && steep.sequences == 1)
    }

    @Test("a run of three ranks goes on with two, and with one, to the same bytes")
    func resume() async throws {
        let overrides = ["rollout.prompts_per_step=12", "rollout.max_new_tokens=24", "checkpoint.every=1"]
        let (whole, parts) = (try TemporaryFolder(), try TemporaryFolder())
        _ = try await run(try TestModel.recipe(overrides), ranks: 1, whole)
        for (step, ranks) in [(1, 3), (2, 2), (3, 1)] {
            let recipe = try TestModel.recipe(overrides)
            let checkpoint = step == 1 ? nil : try CheckpointStore(RunFolder(existing: parts.path)).read(step: step - 1)
            _ = try await run(recipe, ranks: ranks, parts, from: checkpoint, until: step)
        }
        let (one, other) = (try Self.contents(whole), try Self.contents(parts))
        for name in ["metrics.jsonl", "completions.jsonl", "adapters/step-000003/adapter_model.safetensors"] {
            #expect(one[name] != nil && one[name] == other[name], "\(name)")
        }
    }

    @Test("a rank's failure ends all ranks with one error; a stop asked of one stops all after the same step")
    func failures() async throws {
        let folder = try TemporaryFolder()
        let recipe = try TestModel.recipe()
        let errors = Mutex([String]())
        let failing = FirstCaller()
        _ = try await Self.onRanks(3) { [path = folder.path] group in
            do {
                // The reward fails on the rank that happens to score first.
                let rewards = try RewardSet([.init(FailingReward(chosen: failing))])
                let run = try Self.training(recipe, path, group, rewards: rewards, signal: StopSignal())
                _ = try await run.run()
            } catch { errors.withLock { $0.append(String(describing: error)) } }
        }
        #expect(errors.withLock { $0.count } == 3)
        #expect(Set(errors.withLock { $0.map { $0.replacing(#/rank \d: /#, with: "") } }).count == 1)

        let signals = (0..<3).map { _ in StopSignal() }
        let (stopped, stopping) = (try TemporaryFolder(), FirstCaller())
        let outcomes = try await Self.onRanks(3) { [path = stopped.path] group in
            let rewards = try RewardSet([.init(StopAfter(signal: signals[group.rank], chosen: stopping))])
            return try await Self.training(recipe, path, group, rewards: rewards, signal: signals[group.rank]).run()
        }
        #expect(Set(outcomes.map { "\($0)" }).count == 1)
        #expect(outcomes.allSatisfy { if case .interrupted = $0 { true } else { false } })
    }

    private func run(
        _ recipe: Recipe, ranks: Int, _ folder: TemporaryFolder, from checkpoint: Checkpoint? = nil, until: Int = .max
    ) async throws -> [TrainingRun.Outcome] {
        try await Self.onRanks(ranks) { [path = folder.path] group in
            let rewards = try TestModel.rewards()
            return try await Self.training(
                recipe, path, group, rewards: rewards, signal: StopSignal(), from: checkpoint
            ).run(until: until)
        }
    }

    private static func training(
        _ recipe: Recipe, _ folder: String, _ group: RankGroup, rewards: RewardSet, signal: StopSignal,
        from checkpoint: Checkpoint? = nil
    ) throws -> TrainingRun {
        try TrainingRun(
            recipe, model: TestModel.load(), data: try DataSet.load(recipe), rewards: rewards,
            folder: try RunFolder(existing: folder), from: checkpoint, signal: signal, ranks: group)
    }

    /// Runs ranks side by side, each on a thread of its own.
    private static func onRanks<Value: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (RankGroup) async throws -> Value
    ) async throws -> [Value] {
        let transports = LocalTransport.ranks(count)
        return try await withThrowingTaskGroup(of: (Int, Value).self) { tasks in
            for transport in transports {
                tasks.addTask(executorPreference: ThreadExecutor()) {
                    (transport.rank, try await body(RankGroup(transport)))
                }
            }
            return try await tasks.reduce(into: [Int: Value]()) { $0[$1.0] = $1.1 }.sorted { $0.key < $1.key }.map(
                \.value)
        }
    }

    /// The digests of all files of a run by their paths; of metrics without times.
    private static func contents(_ folder: TemporaryFolder) throws -> [String: String] {
        var digests: [String: String] = [:]
        for case let name as String in FileManager.default.enumerator(atPath: folder.path) ?? .init() {
            let path = "\(folder.path)/\(name)"
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue,
                !name.hasSuffix("environment.json"), !name.hasSuffix(".h5")
            else { continue }
            guard name.hasSuffix("metrics.jsonl") else {
                digests[name] = try ContentDigest.ofFile(path)
                continue
            }
            let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            digests[name] = try lines.map {
                JSONValue.object(try JSONValue(parsing: String($0)).objectValue?.withoutTimes ?? [:]).text()
            }.joined(separator: "\n")
        }
        return digests
    }
}

/// A thread of its own for tasks that block.
private final class ThreadExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "rank")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// Throws what ends a step, or scores.
private struct FailingReward: RewardFunction {
    let name = "failing"
    let chosen: FirstCaller

    func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        if chosen.isFirst() { throw CancellationError() }
        return RewardBatch(batch.map { .score(Double($0.completionIDs.count % 3)) })
    }
}

/// Says yes once: which rank scores first is open.
private final class FirstCaller: Sendable {
    private let called = Mutex(false)

    func isFirst() -> Bool {
        called.withLock { called in
            defer { called = true }
            return !called
        }
    }
}

/// Asks its own rank for a stop when it is the first of all to score something.
private struct StopAfter: RewardFunction {
    let name = "stop"
    let signal: StopSignal
    let chosen: FirstCaller

    func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        if chosen.isFirst() { signal.set() }
        return RewardBatch(batch.map { .score(Double($0.completionIDs.count % 3)) })
    }
}
