import Distribution
import Foundation
import OrderedJSON
import Tracking

/// What a step takes on several ranks, told from what it takes on one and from the network between them.
///
///     step(N) = generate · b(prompts, N) + update · b(pieces, N) + rest + exchange(N)
///     b(K, N) = ⌈K / N⌉ / K                          K equal pieces, given out one by one
///     exchange(N) = messages · latency + U · bytes(N) / bandwidth + completions / bandwidth
///     bytes(N) = 4 P (N − 1) / N · (sums a rank + 1)   the larger of what a rank sends and what it receives
///
/// What every rank does alike (the optimizer, records, reading prompts) is `rest`. U is the number of updates of a step,
/// P the number of trained numbers. docs/scaling.md derives the terms and compares them with what was measured.
public struct RankCost: Sendable, Hashable {
    /// Seconds of generating on one rank, waiting for rewards included.
    public var generate: Double
    /// Seconds of forward and backward passes on one rank.
    public var update: Double
    /// Seconds of all else.
    public var rest: Double
    /// Prompts of a step.
    public var prompts: Int
    /// Pieces of an update.
    public var pieces: Int
    /// Updates of a step.
    public var updates = 1
    /// Numbers that are trained.
    public var trainedCount: Int
    /// Tokens that are generated in a step.
    public var tokens: Int
    /// Seconds that a message takes on its way.
    public var latency = 1e-4
    /// Bytes a second that a rank can send, and receive at the same time.
    public var bandwidth = 125e6

    /// Seconds until a message is seen: the thread that moves them sleeps in between.
    private static let attention = 5e-4
    /// Bytes of a generated token on its way: its number and its log-probability.
    private static let tokenBytes = 12.0

    /// What a run on one rank has measured: the medians of its steps.
    ///
    /// - Throws: `TrainingError` (`data`) for a run without steps of reinforcement learning.
    public init(measured folder: RunFolder, demand: MemoryDemand, prompts: Int, updates: Int) throws {
        var records = RecordLines(path: folder.metrics)
        var columns: [String: [Double]] = [:]
        var total = [Double]()
        while let record = records.next() {
            guard record["time/generate"] != nil else { continue }
            for (name, value) in record {
                if let number = value.doubleValue { columns[name, default: []].append(number) }
            }
            total.append(record["num_tokens"]?.doubleValue ?? 0)
        }
        guard let step = Self.median(columns["step_time"]), let generate = Self.median(columns["time/generate"]),
            let forward = Self.median(columns["time/forward"]), let backward = Self.median(columns["time/backward"])
        else {
            throw TrainingError(
                .data, "\(folder.path): its metrics hold no steps of a grpo run; give a run that took some on one rank")
        }
        let waiting = Self.median(columns["time/reward"]) ?? 0
        let tokens = zip(total, [0] + total).map { $0 - $1 }
        self.init(
            generate: generate + waiting, update: forward + backward,
            rest: max(0, step - generate - waiting - forward - backward), prompts: prompts,
            pieces: Self.pieces(tokens: Int(Self.median(tokens) ?? 0) / max(1, updates)),
            trainedCount: demand.trainedCount, tokens: Int(Self.median(tokens) ?? 0))
        self.updates = updates
    }

    /// A cost of its parts.
    public init(
        generate: Double, update: Double, rest: Double, prompts: Int, pieces: Int, trainedCount: Int, tokens: Int
    ) {
        (self.generate, self.update, self.rest, self.prompts, self.pieces) = (generate, update, rest, prompts, pieces)
        (self.trainedCount, self.tokens) = (trainedCount, tokens)
    }

    /// Pieces that so many tokens of an update are cut into, about.
    private static func pieces(tokens: Int) -> Int {
        max(1, (tokens + GradientPieces.tokens - 1) / GradientPieces.tokens)
    }

    private static func median(_ values: [Double]?) -> Double? {
        guard let values = values?.sorted(), !values.isEmpty else { return nil }
        return (values[(values.count - 1) / 2] + values[values.count / 2]) / 2
    }

    /// The largest share of some equal pieces.
    private static func share(_ pieces: Int, _ ranks: Int) -> Double {
        Double((pieces + ranks - 1) / ranks) / Double(max(pieces, 1))
    }

    /// Bytes that the busiest rank sends or receives for one gradient.
    public func gradientBytes(ranks: Int) -> Double {
        guard ranks > 1 else { return 0 }
        let tree = SumTree(pieces: pieces)
        let held = (0..<ranks).map { tree.nodes(in: pieces * $0 / ranks..<pieces * ($0 + 1) / ranks).count }
        let all = held.reduce(0, +)
        let part = 4 * Double(trainedCount) / Double(ranks)
        // A rank sends its sums to the others but for its own part, and receives its part of theirs.
        let busiest = held.map { max(Double($0 * (ranks - 1)), Double(all - $0)) }.max() ?? 0
        return part * (busiest + Double(ranks - 1))
    }

    /// Messages, one after the other, of a step: rollouts, agreement and records, and four for each update; and a question
    /// for each prompt and piece that a rank takes.
    private func messages(ranks: Int) -> Double {
        guard ranks > 1 else { return 0 }
        let taken = (prompts + updates * pieces + ranks - 1) / ranks
        return Double(5 + 4 * updates + 2 * (taken + 2))
    }

    /// Seconds that ranks spend on one another.
    public func exchange(ranks: Int) -> Double {
        guard ranks > 1 else { return 0 }
        let completions = Self.tokenBytes * Double(tokens) * Double(ranks - 1) / Double(ranks)
        return messages(ranks: ranks) * (latency + Self.attention)
            + (Double(updates) * gradientBytes(ranks: ranks) + completions) / bandwidth
    }

    /// Seconds of a step.
    public func step(ranks: Int) -> Double {
        generate * Self.share(prompts, ranks) + update * Self.share(pieces, ranks) + rest + exchange(ranks: ranks)
    }

    /// The prediction for so many ranks.
    public func report(ranks: Int) -> JSONObject {
        func rounded(_ value: Double) -> JSONValue { .double((value * 1000).rounded() / 1000) }
        return [
            "ranks": .integer(ranks), "seconds a step": rounded(step(ranks: ranks)),
            "of it generating": rounded(generate * Self.share(prompts, ranks)),
            "of it gradients": rounded(update * Self.share(pieces, ranks)), "of it alike on all ranks": rounded(rest),
            "of it between ranks": rounded(exchange(ranks: ranks)),
            "sent a step, busiest rank_bytes": .integer(Int(Double(updates) * gradientBytes(ranks: ranks))),
            "times as fast as one": rounded(step(ranks: 1) / step(ranks: ranks)),
        ]
    }
}
