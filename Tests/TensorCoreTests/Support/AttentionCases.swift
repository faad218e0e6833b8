import NumericalTesting
import TensorCore

/// Sequences of a batch: prompts, and completions that continue one of them.
struct SequencePlan: Sendable {
    /// Rows of each sequence, and the prompt that it continues.
    let parts: [(rows: Int, prompt: Int?)]

    /// - Parameter groupSize: Query heads that share a head of keys.
    func layout(groupSize: Int) -> (layout: SequenceLayout, pageCount: Int) {
        var segments: [SequenceLayout.Segment] = []
        var (row, page) = (0, 0)
        for part in parts {
            let prompt = part.prompt.map { segments[$0] }
            let first = prompt?.rows.count ?? 0
            // Whole pages of the prompt are shared; the one in which they part is the sequence's own.
            let shared = prompt.map { Array($0.pages[..<(first / 32)]) } ?? []
            let own = (first + part.rows + 31) / 32 - shared.count
            segments.append(
                SequenceLayout.Segment(
                    rows: row..<row + part.rows, firstPosition: first,
                    pages: shared + (page..<page + own).map { Int32($0) }, parent: part.prompt))
            row += part.rows
            page += own
        }
        return (SequenceLayout(segments: segments, groupSize: groupSize), page)
    }

    /// The rows that each row sees.
    func visible(window: Int) -> [[Int]] {
        var starts: [Range<Int>] = []
        var result: [[Int]] = []
        for part in parts {
            let begin = starts.last?.upperBound ?? 0
            let rows = begin..<begin + part.rows
            starts.append(rows)
            let prefix = part.prompt.map { Array(starts[$0]) } ?? []
            for row in rows {
                let seen = prefix + Array(begin...row)
                result.append(window > 0 ? seen.suffix(window) : seen)
            }
        }
        return result
    }

    var rowCount: Int { parts.reduce(0) { $0 + $1.rows } }
}

/// Attention over one sequence of `rows`, or a plan.
private func attentionCase(
    _ variant: String, heads: Int = 2, keyHeads: Int = 1, width: Int = 16, window: Int = 0, plan: SequencePlan,
    groupSize: Int? = nil, limit: Int = 24, type: ElementType = .float32
) -> OperationCase {
    var values = TestValues(plan.rowCount * width + heads)
    let n = plan.rowCount
    let visible = plan.visible(window: window)
    let group = groupSize ?? heads / keyHeads
    func keys() -> [Float] { nearestBFloat16(values.floats(n * keyHeads * width, 1.5)) }
    return OperationCase(
        operation: "attention", variant: variant,
        inputs: [
            .activation("q", [n, heads * width], values.floats(n * heads * width, 1.5)),
            .activation("k", [n, keyHeads * width], keys()), .activation("v", [n, keyHeads * width], keys()),
        ],
        run: { x, _ in
            let (layout, pageCount) = plan.layout(groupSize: group)
            let pages = KeyValuePages(layers: 2, pages: pageCount, heads: keyHeads, headWidth: width, type: type)
            return attention(
                x[0], x[1], x[2], headWidth: width, window: window, layout: layout, pages: pages, layer: 1)
        },
        twin: {
            Twin.attention($0[0], $0[1], $0[2], heads: heads, keyHeads: keyHeads, width: width, visible: visible)
        },
        limit: limit)
}

private func sequence(_ rows: Int) -> SequencePlan { SequencePlan(parts: [(rows, nil)]) }

/// Attention: lengths around page borders, widths, grouped heads, windows, shared prompts.
let attentionCases: [OperationCase] =
    [1, 2, 5, 31, 32, 33, 64, 65].map { attentionCase("\($0) rows", plan: sequence($0)) }
    + [16, 24, 64, 80, 128].map { attentionCase("head width \($0)", width: $0, plan: sequence(9), limit: 100) }
    + [
        attentionCase("as many key heads as heads", heads: 3, keyHeads: 3, plan: sequence(7), limit: .max),
        attentionCase("6 heads on 2", heads: 6, keyHeads: 2, width: 24, plan: sequence(35)),
        attentionCase("7 heads on 1", heads: 7, keyHeads: 1, plan: sequence(12)),
        attentionCase("40 heads on 1, more than a kernel takes", heads: 40, keyHeads: 1, plan: sequence(3)),
        attentionCase("a layout made for fewer heads", heads: 8, plan: sequence(34), groupSize: 1),
        attentionCase("window 1", window: 1, plan: sequence(5), limit: .max),
        attentionCase("window 3", heads: 4, keyHeads: 2, window: 3, plan: sequence(40)),
        attentionCase("window 32", window: 32, plan: sequence(70)),
        attentionCase("window 33", window: 33, plan: sequence(70)),
        attentionCase("a window wider than 32 bits", window: 1 << 32 + 1, plan: sequence(5)),
        attentionCase("pages of bfloat16", heads: 4, keyHeads: 2, width: 24, plan: sequence(37), type: .bfloat16),
        attentionCase("several sequences", plan: SequencePlan(parts: [(5, nil), (1, nil), (33, nil)])),
    ]
    + [31, 32, 33, 64, 65].map {
        attentionCase(
            "a prompt of \($0) with three completions", heads: 4, keyHeads: 2,
            plan: SequencePlan(parts: [($0, nil), (4, 0), (1, 0), (35, 0), (6, nil), (3, 4)]))
    }
    + [
        attentionCase(
            "a shared prompt under a window", window: 6, plan: SequencePlan(parts: [(33, nil), (9, 0), (3, 0)]))
    ]
