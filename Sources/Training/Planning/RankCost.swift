import Distribution
import Foundation
import OrderedJSON
import Tracking

/// What a step takes on several ranks, told from what steps took on one and from the network between them.
///
///     step(N) = prefill · b(prompts, N) + decode · d(N) + update · h · u(pieces, N) + rest + exchange(N)
///     b(K, N) = ⌈K / N⌉ / K                          K equal pieces, given out one by one
///     u(K, N)                                         the largest share of K equal pieces, cut where shares of up to 4 begin
///     h                                               how much slower a pass is when all ranks of a machine compute
///     d(N)    = f + (1 − f) · b(prompts, N)          f: what a pass takes however few sequences it has
///     f       = a · longest / (a · longest + c · mean)    a, c: seconds of a pass for itself, and for all its sequences
///     exchange(N) = messages · latency + U · max(x − q, x / parts) + completions / bandwidth
///     x       = bytes(N) / bandwidth                 q: backward of one piece, during which parts are sent already
///     bytes(N) = 4 P / N · (the larger of what a rank sends and receives of sums, + N − 1 parts of the total)
///
/// What every rank does alike (the optimizer, records, reading prompts) is `rest`. U is the number of updates of a step,
/// P the number of trained numbers. docs/scaling.md derives the terms and compares them with what was measured.
public struct RankCost: Sendable, Hashable {
    /// What a step took on one rank, in seconds.
    public struct Step: Sendable, Hashable {
        /// Computing prompts, and waiting for rewards.
        public var prefill: Double
        /// Computing and choosing tokens.
        public var decode: Double
        /// Forward and backward passes.
        public var update: Double
        /// Backward passes alone.
        public var backward = 0.0
        /// All else.
        public var rest: Double
        /// Pieces of an update.
        public var pieces: Int
        /// Tokens that were generated.
        public var tokens = 0
        /// How many times as long as the mean the longest completion was.
        public var spread = 1.0

        /// A step of its parts.
        public init(prefill: Double, decode: Double, update: Double, rest: Double, pieces: Int, tokens: Int = 0) {
            (self.prefill, self.decode, self.update, self.rest) = (prefill, decode, update, rest)
            (self.pieces, self.tokens) = (pieces, tokens)
        }
    }

    /// Seconds of a pass that computes a token of every sequence.
    public struct Pass: Sendable, Hashable {
        /// What it takes however few sequences there are: reading the weights.
        public let fixed: Double
        /// What all sequences of the run on one rank take together.
        public let sequences: Double

        /// A straight line through two measured passes.
        ///
        /// - Parameter many: Sequences of the larger one, and its seconds.
        /// - Parameter few: Those of the smaller one.
        public init(many: (count: Int, seconds: Double), few: (count: Int, seconds: Double)) {
            let difference = Double(max(1, many.count - few.count))
            let slope = max(0, many.seconds - few.seconds) / difference
            sequences = many.count > few.count ? min(slope * Double(many.count), many.seconds) : many.seconds
            fixed = many.seconds - sequences
        }
    }

    /// What steps took on one rank.
    public var steps: [Step]
    /// Prompts of a step.
    public var prompts: Int
    /// Updates of a step.
    public var updates = 1
    /// Numbers that are trained.
    public var trainedCount: Int
    /// Parts in which gradients travel, while the last piece is computed.
    public var parts = 1
    /// What decoding passes take; `nil`: all of it is divided among the ranks.
    public var pass: Pass?
    /// How many times as long a pass takes when all ranks of a machine compute as when one does.
    public var slowdown = 1.0
    /// Seconds that a message takes on its way.
    public var latency = 1e-4
    /// Bytes a second that a rank can send, and receive at the same time.
    public var bandwidth = 125e6

    /// Seconds until a message is seen: the thread that moves them sleeps in between.
    private static let attention = 5e-4
    /// Tokens of a piece of an update, about.
    public static var pieceTokens: Int { GradientPieces.tokens }
    /// Bytes of a generated token on its way: its number and its log-probability.
    private static let tokenBytes = 12.0

    /// A cost of its parts.
    public init(steps: [Step], prompts: Int, trainedCount: Int) {
        (self.steps, self.prompts, self.trainedCount) = (steps, prompts, trainedCount)
    }

    /// The median of a value of all steps; of an even count the mean of the middle two.
    private func median(_ value: (Step) -> Double) -> Double {
        let values = steps.map(value).sorted()
        guard !values.isEmpty else { return 0 }
        return (values[(values.count - 1) / 2] + values[values.count / 2]) / 2
    }

    /// The largest share of some equal pieces.
    private static func share(_ pieces: Int, _ ranks: Int) -> Double {
        Double((pieces + ranks - 1) / ranks) / Double(max(pieces, 1))
    }

    /// Seconds of generating.
    private func generate(_ step: Step, _ ranks: Int) -> Double {
        let share = Self.share(prompts, ranks)
        let fixed = (pass?.fixed ?? 0) * step.spread
        let all = fixed + (pass?.sequences ?? 1)
        let constant = all > 0 ? fixed / all : 0
        return step.prefill * share + step.decode * (constant + (1 - constant) * share)
    }

    private func update(_ step: Step, _ ranks: Int) -> Double {
        let row = CostRow(Self.pieces(step.pieces))
        let longest = row.shares(ranks).map { row.before($0.upperBound) - row.before($0.lowerBound) }.max() ?? 0
        return step.update * (ranks > 1 ? slowdown : 1) * longest / max(row.total, 1)
    }

    /// What the pieces of an update cost, of which so many are equal: they are cut where the shares of up to four ranks begin.
    private static func pieces(_ count: Int) -> [Double] {
        let whole = (0...count).map { Double($0) }
        let tokens = count > 1 ? count * GradientPieces.tokens : 0
        let cuts = ShareStarts.worthwhile(tokens: tokens).map { $0 * Double(count) }
        let places = (whole + cuts.filter { cut in !whole.contains { abs($0 - cut) < 1e-9 } }).sorted()
        return zip(places, places.dropFirst()).map { $1 - $0 }
    }

    /// Bytes that the busiest rank sends or receives for one gradient.
    ///
    /// - Parameter pieces: Pieces of the update.
    public func gradientBytes(pieces: Int, ranks: Int) -> Double {
        guard ranks > 1 else { return 0 }
        let costs = Self.pieces(pieces)
        let tree = SumTree(costs: costs)
        let held = CostRow(costs).shares(ranks).map { tree.nodes(in: $0).count }
        let all = held.reduce(0, +)
        let part = 4 * Double(trainedCount) / Double(ranks)
        // A rank sends its sums to the others but for its own part, and receives its part of theirs.
        let busiest = held.map { max(Double($0 * (ranks - 1)), Double(all - $0)) }.max() ?? 0
        return part * (busiest + Double(ranks - 1))
    }

    /// Messages, one after the other, of a step: rollouts, agreement and records, and four for each update; and a question
    /// for each prompt and piece that a rank takes.
    private func messages(_ step: Step, _ ranks: Int) -> Double {
        let taken = (prompts + updates * step.pieces + ranks - 1) / ranks
        return Double(5 + 4 * updates + 2 * (taken + 2))
    }

    /// Seconds that ranks spend on one another.
    private func exchange(_ step: Step, _ ranks: Int) -> Double {
        guard ranks > 1 else { return 0 }
        let completions = Self.tokenBytes * Double(step.tokens) * Double(ranks - 1) / Double(ranks)
        let gradient = gradientBytes(pieces: step.pieces, ranks: ranks) / bandwidth
        let meanwhile = step.backward / Double(max(1, updates * step.pieces))
        let exposed = max(gradient - meanwhile, gradient / Double(max(1, parts)))
        return messages(step, ranks) * (latency + Self.attention) + completions / bandwidth + Double(updates) * exposed
    }

    /// Seconds that ranks spend on one another in a step.
    public func exchange(ranks: Int) -> Double { median { exchange($0, ranks) } }

    /// Seconds of a step.
    public func step(ranks: Int) -> Double {
        median { generate($0, ranks) + update($0, ranks) + $0.rest + exchange($0, ranks) }
    }

    /// The prediction for so many ranks.
    public func report(ranks: Int) -> JSONObject {
        func rounded(_ value: Double) -> JSONValue { .double((value * 1000).rounded() / 1000) }
        let sent = median { Double(updates) * gradientBytes(pieces: $0.pieces, ranks: ranks) }
        return [
            "ranks": .integer(ranks), "seconds a step": rounded(step(ranks: ranks)),
            "of it generating": rounded(median { generate($0, ranks) }),
            "of it gradients": rounded(median { update($0, ranks) }),
            "of it alike on all ranks": rounded(median(\.rest)),
            "of it between ranks": rounded(exchange(ranks: ranks)),
            "sent a step, busiest rank_bytes": .integer(Int(sent)),
            "times as fast as one": rounded(step(ranks: 1) / max(step(ranks: ranks), 1e-9)),
        ]
    }
}

extension RankCost {
    /// The steps of a run on one rank.
    ///
    /// - Parameter updates: Updates of each step.
    /// - Throws: `TrainingError` (`data`) for a run without steps of reinforcement learning, or one on several ranks.
    public init(measured folder: RunFolder, demand: MemoryDemand, prompts: Int, updates: Int) throws {
        var records = RecordLines(path: folder.metrics)
        var steps: [Step] = []
        var tokens = 0
        while let record = records.next() {
            guard let step = try Step(record, updates: updates, tokensBefore: &tokens, folder.path) else { continue }
            steps.append(step)
        }
        guard !steps.isEmpty else {
            throw TrainingError(
                .data, "\(folder.path): its metrics hold no steps of a grpo run; give a run that took some on one rank")
        }
        self.init(steps: steps, prompts: prompts, trainedCount: demand.trainedCount)
        self.updates = updates
        parts = min(demand.model.hiddenLayers, GradientParts.most, max(1, demand.trainedCount / GradientParts.least))
    }
}

extension RankCost.Step {
    /// A step as its record tells it; `nil` for a record of something else.
    fileprivate init?(
        _ record: JSONObject, updates: Int, tokensBefore: inout Int, _ path: String
    ) throws(TrainingError) {
        func value(_ name: String) -> Double? { record[name]?.doubleValue }
        guard let total = value("step_time"), let generate = value("time/generate"),
            let forward = value("time/forward"), let backward = value("time/backward")
        else { return nil }
        guard record["time/ranks"] == nil else {
            throw TrainingError(.data, "\(path): was measured on several ranks; give a run that took its steps on one")
        }
        let (decode, waiting) = (min(value("time/decode") ?? 0, generate), value("time/reward") ?? 0)
        // Each piece is a pass, unless memory makes it several.
        let passes = Int(max(1, min(value("micro_batches") ?? 1, 1e6)))
        let sum = record["num_tokens"]?.intValue ?? tokensBefore
        self.init(
            prefill: generate - decode + waiting, decode: decode, update: forward + backward,
            rest: max(0, total - generate - waiting - forward - backward), pieces: max(1, passes / max(1, updates)),
            tokens: max(0, sum - tokensBefore))
        self.backward = backward
        tokensBefore = sum
        if let mean = value("completions/mean_length"), let longest = value("completions/max_length"), mean > 0 {
            spread = max(1, longest / mean)
        }
    }
}
