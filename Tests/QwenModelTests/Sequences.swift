import QwenModel
import Randomness
import TensorCore
import Testing

/// Whole sequences as one batch, each with pages of its own.
struct Sequences {
    let batch: TokenBatch
    let pages: KeyValuePages
    /// The rows of each sequence.
    let rows: [Range<Int>]

    /// - Parameter adapters: One for each sequence, or one for all.
    /// - Parameter layers: 1 as in training, or `nil` for all.
    init(_ sequences: [[Int]], model: QwenModel, adapters: [Adapter?] = [], layers: Int? = 1) {
        var segments: [SequenceLayout.Segment] = []
        var runs: [AdapterRun] = []
        var (row, page) = (0, 0)
        for (index, sequence) in sequences.enumerated() {
            let range = row..<row + sequence.count
            let needed = (sequence.count + KeyValuePages.pageSize - 1) / KeyValuePages.pageSize
            segments.append(.init(rows: range, firstPosition: 0, pages: (page..<page + needed).map { Int32($0) }))
            if let adapter = adapters.count == 1 ? adapters[0] : adapters.isEmpty ? nil : adapters[index] {
                runs.append(AdapterRun(rows: range, adapter: adapter))
            }
            (row, page) = (range.upperBound, page + needed)
        }
        rows = segments.map(\.rows)
        batch = TokenBatch(
            ids: sequences.flatMap { $0.map { Int32($0) } },
            layout: SequenceLayout(segments: segments, groupSize: model.groupSize), adapters: runs, units: rows)
        pages = model.makePages(page, layers: layers)
    }

    func hidden(_ model: QwenModel) -> Tensor { model.hiddenStates(batch, pages: pages) }

    /// The logits of all rows.
    func logits(_ model: QwenModel) -> [Float] {
        model.logits(hidden(model), rows: Array(0..<batch.ids.count), batch: batch).toArray()
    }

    /// Log-probability and entropy of each row for a target, `[N, 2]`.
    func logProbs(_ model: QwenModel, targets: [Int32], temperature: Float = 1) -> [Float] {
        model.logProbs(
            hidden(model), rows: Array(0..<batch.ids.count), targets: targets, temperature: temperature, batch: batch
        ).toArray()
    }
}

/// The three sequences of a reference model without their padding, and how reference values are picked for them.
struct ReferenceSequences {
    let sequences: [[Int]]
    /// Padded length.
    let width: Int
    /// What each token's successor is in the loss, with the row that predicts it.
    let predictors: [(row: Int, target: Int32)]

    /// Which columns of a padded row hold the sequence, by row.
    private let columns: [[Int]]

    init(_ tensors: ReferenceTensors, prefix: String = "") throws {
        let ids = try tensors.integers(prefix + "input_ids")
        let mask = try tensors.integers(prefix + "attention_mask")
        let shape = try tensors.shape(prefix + "input_ids")
        let width = shape[1]
        self.width = width
        columns = (0..<shape[0]).map { row in (0..<width).filter { mask[row * width + $0] == 1 } }
        sequences = columns.enumerated().map { row, columns in columns.map { ids[row * width + $0] } }
        guard prefix.isEmpty else {
            predictors = []
            return
        }
        let labels = try tensors.integers("labels")
        var predictors: [(row: Int, target: Int32)] = []
        var start = 0
        for (row, columns) in columns.enumerated() {
            for (place, column) in columns.enumerated().dropFirst() where labels[row * width + column] >= 0 {
                predictors.append((start + place - 1, Int32(labels[row * width + column])))
            }
            start += columns.count
        }
        self.predictors = predictors
    }

    /// The numbers of a padded tensor `[rows, width, …]` that belong to tokens.
    func unpadded(_ values: [Float]) -> [Float] {
        let size = values.count / (columns.count * width)
        return columns.enumerated().flatMap { row, columns in
            columns.flatMap { values[(row * width + $0) * size..<(row * width + $0 + 1) * size] }
        }
    }

    /// The numbers of a padded tensor `[rows, heads, width, …]` that belong to tokens, as `[N, heads, …]`.
    func unpaddedHeads(_ values: [Float], heads: Int) -> [Float] {
        let size = values.count / (columns.count * width * heads)
        return columns.enumerated().flatMap { row, columns in
            columns.flatMap { column in
                (0..<heads).flatMap { head -> ArraySlice<Float> in
                    let start = ((row * heads + head) * width + column) * size
                    return values[start..<start + size]
                }
            }
        }
    }

    /// The numbers of `[rows, width − 1]`, one for each token but a sequence's first.
    func unpaddedTransitions(_ values: [Float]) -> [Float] {
        columns.enumerated().flatMap { row, columns in
            columns.dropFirst().map { values[row * (width - 1) + $0 - 1] }
        }
    }

    /// The mean negative log-probability of the labels and, with a pass, its gradients.
    func meanLoss(
        _ model: QwenModel, adapter: Adapter? = nil, parameters: ParameterSet? = nil,
        recomputation: QwenModel.Recomputation = .none
    ) -> Float {
        let run = Sequences(sequences, model: model, adapters: [adapter])
        let pass = parameters.map { GradientPass(parameters: $0, units: run.batch.units) }
        let hidden = model.hiddenStates(run.batch, pages: run.pages, pass: pass, recomputation: recomputation)
        let y = model.logProbs(
            hidden, rows: predictors.map(\.row), targets: predictors.map(\.target), temperature: 1, batch: run.batch,
            pass: pass)
        let count = predictors.count
        if pass != nil {
            y.backward(seed: Tensor((0..<2 * count).map { $0 % 2 == 0 ? -1 / Float(count) : 0 }, shape: [count, 2]))
        }
        let sum = y.toArray().enumerated().reduce(0.0) { $1.offset % 2 == 0 ? $0 - Double($1.element) : $0 }
        return Float(sum / Double(count))
    }
}

/// Random numbers of a test, addressed by its seed.
struct Dice {
    private var generator: AddressedGenerator

    init(_ seed: UInt64) { generator = RandomAddress(seed: seed, purpose: .probe).generator() }

    mutating func integer(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
    mutating func floats(_ count: Int, _ bound: Float) -> [Float] {
        (0..<count).map { _ in Float.random(in: -bound...bound, using: &generator) }
    }
    mutating func tokens(_ count: Int, below vocabulary: Int) -> [Int] {
        (0..<count).map { _ in integer(0..<vocabulary) }
    }
    mutating func shuffled<Element>(_ elements: [Element]) -> [Element] { elements.shuffled(using: &generator) }
}
