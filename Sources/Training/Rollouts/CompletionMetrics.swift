import InferenceCore
import OrderedJSON

/// Figures about the lengths of completions.
struct CompletionMetrics {
    private let completions: [Completion]

    init(_ completions: [Completion]) { self.completions = completions }

    /// TRL's `completions/…`: lengths in tokens, end tokens included; a completion is clipped when it ran into the limit.
    /// Figures of terminated completions are 0 when there is none.
    func metrics(prefix: String = "") -> JSONObject {
        var metrics = JSONObject()
        func add(_ kind: String, _ lengths: [Int]) {
            let mean = lengths.isEmpty ? 0 : Double(lengths.reduce(0, +)) / Double(lengths.count)
            metrics["\(prefix)completions/mean_\(kind)"] = .double(mean)
            metrics["\(prefix)completions/min_\(kind)"] = .integer(lengths.min() ?? 0)
            metrics["\(prefix)completions/max_\(kind)"] = .integer(lengths.max() ?? 0)
        }
        let ended = completions.filter { $0.finishReason == .stop }.map(\.tokens.count)
        let clipped = Double(completions.count - ended.count) / Double(max(completions.count, 1))
        add("length", completions.map(\.tokens.count))
        metrics["\(prefix)completions/clipped_ratio"] = .double(clipped)
        add("terminated_length", ended)
        return metrics
    }
}
