import QwenModel
import TensorCore

/// The rows of one step: the last token of each sequence, and pieces of the prompts.
struct StepBatch {
    /// A piece of a prompt.
    struct Piece {
        let request: ActiveRequest
        let count: Int
        /// Whether the prompt is complete with it.
        let isLast: Bool
    }

    let batch: TokenBatch
    /// The sequences in the order of their rows.
    let decoding: [ActiveSequence]
    /// The pieces in the order of their rows.
    let prefilled: [Piece]
    /// Rows whose logits are wanted: all sequences', then those that complete a prompt.
    let logitRows: [Int]

    init(sequences: [ActiveSequence], prompts: [ActiveRequest], promptBudget: Int, model: QwenModel) {
        // Rows of one adapter stand together. The order changes no result.
        decoding = Self.byAdapter(sequences) { $0.parent.request.adapter }
        let pieces = Self.pieces(of: prompts.filter { $0.logits == nil }, budget: promptBudget)
        prefilled = Self.byAdapter(pieces) { $0.request.request.adapter }
        var rows = RowCollector()
        var logitRows: [Int] = []
        for sequence in decoding {
            logitRows.append(rows.ids.count)
            rows.append(
                sequence.tokens.suffix(1), at: sequence.position, pages: sequence.pages,
                adapter: sequence.parent.request.adapter)
        }
        for piece in prefilled {
            let start = piece.request.computed
            rows.append(
                piece.request.request.prompt[start..<start + piece.count], at: start, pages: piece.request.pages,
                adapter: piece.request.request.adapter)
            if piece.isLast { logitRows.append(rows.ids.count - 1) }
        }
        self.logitRows = logitRows
        batch = TokenBatch(
            ids: rows.ids, layout: SequenceLayout(segments: rows.segments, groupSize: model.groupSize),
            adapters: rows.runs)
    }

    /// Half of the budget goes to the oldest prompt, the rest to those with the least left: a short question does not wait
    /// behind a long document, and the document gets on.
    private static func pieces(of prompts: [ActiveRequest], budget: Int) -> [Piece] {
        guard let oldest = prompts.first else { return [] }
        func left(_ request: ActiveRequest) -> Int { request.request.prompt.count - request.computed }
        let others = prompts.dropFirst().enumerated().sorted { (left($0.1), $0.0) < (left($1.1), $1.0) }.map(\.1)
        let wanted = others.reduce(0) { $0 + left($1) }
        var budget = budget
        return ([oldest] + others).compactMap { request in
            let most = request === oldest ? max((budget + 1) / 2, budget - wanted) : budget
            let count = min(left(request), most)
            guard count > 0 else { return nil }
            budget -= count
            return Piece(request: request, count: count, isLast: count == left(request))
        }
    }

    private static func byAdapter<Element>(_ elements: [Element], _ adapter: (Element) -> Adapter?) -> [Element] {
        var order: [ObjectIdentifier?] = []
        var groups: [ObjectIdentifier?: [Element]] = [:]
        for element in elements {
            let key = adapter(element).map(ObjectIdentifier.init)
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(element)
        }
        return order.flatMap { groups[$0] ?? [] }
    }
}

/// Gathers rows, segments and the runs of adapters.
private struct RowCollector {
    var ids: [Int32] = []
    var segments: [SequenceLayout.Segment] = []
    var runs: [AdapterRun] = []

    mutating func append(_ tokens: some Collection<Int>, at position: Int, pages: [Int32], adapter: Adapter?) {
        let rows = ids.count..<ids.count + tokens.count
        ids += tokens.map { Int32(truncatingIfNeeded: $0) }
        segments.append(SequenceLayout.Segment(rows: rows, firstPosition: position, pages: pages))
        guard let adapter else { return }
        if let last = runs.last, last.adapter === adapter, last.rows.upperBound == rows.lowerBound {
            runs[runs.count - 1] = AdapterRun(rows: last.rows.lowerBound..<rows.upperBound, adapter: adapter)
        } else {
            runs.append(AdapterRun(rows: rows, adapter: adapter))
        }
    }
}
