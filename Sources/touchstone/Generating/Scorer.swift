import QwenModel

/// Scores sequences, many at once: they are gathered until they fill a budget of tokens. A longer one goes alone.
struct Scorer {
    /// A scored sequence.
    struct Result {
        let line: InputLine
        let ids: [Int]
        /// One a token but the first, in nats.
        let logProbs: [Float]
    }

    private let model: QwenModel
    private let adapter: Adapter?
    private let temperature: Float
    private let budget: Int
    private var waiting: [(line: InputLine, ids: [Int])] = []
    private var tokens = 0

    /// A scorer.
    ///
    /// - Parameter budget: Tokens in a batch at most, unless a single sequence is longer.
    init(_ model: QwenModel, adapter: Adapter?, temperature: Float, budget: Int = 4096) {
        self.model = model
        self.adapter = adapter
        self.temperature = temperature
        self.budget = budget
    }

    /// Takes a sequence; returns what was scored to make room for it.
    mutating func add(_ ids: [Int], _ line: InputLine) -> [Result] {
        let results = tokens + ids.count > budget ? finish() : []
        waiting.append((line, ids))
        tokens += ids.count
        return results
    }

    /// Scores what is waiting.
    mutating func finish() -> [Result] {
        defer { (waiting, tokens) = ([], 0) }
        var logProbs = score(waiting.map(\.ids))[...]
        return waiting.map { line, ids in
            let own = logProbs.prefix(ids.count - 1)
            logProbs = logProbs.dropFirst(ids.count - 1)
            return Result(line: line, ids: ids, logProbs: Array(own))
        }
    }

    /// The log-probabilities of all sequences' tokens but the first ones.
    private func score(_ sequences: [[Int]]) -> [Float] {
        // The last token predicts nothing that is asked for, so it is not computed.
        let groups = sequences.filter { $0.count > 1 }.map { TokenBatch.Group(prompt: $0.dropLast(), completions: []) }
        guard !groups.isEmpty else { return [] }
        let (batch, pageCount, _) = TokenBatch.packing(groups, adapter: adapter, groupSize: model.groupSize)
        // One layer of pages is enough: the batch holds all positions.
        let hidden = model.hiddenStates(batch, pages: model.makePages(pageCount, layers: 1))
        let result = model.logProbs(
            hidden, rows: Array(batch.ids.indices), targets: sequences.flatMap { $0.dropFirst().map { Int32($0) } },
            temperature: temperature, batch: batch)
        let values = result.toArray()
        return stride(from: 0, to: values.count, by: 2).map { values[$0] }
    }
}
