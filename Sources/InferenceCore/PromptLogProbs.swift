import QwenModel
import TensorCore

extension StepBatch {
    /// Rows whose logits are held at the same time.
    private static let rowsAtOnce = 32

    /// Tells the requests that ask for it how the model finds the tokens of their prompts that were computed in this step.
    ///
    /// - Parameter hidden: What the model made of the batch.
    func tellPrompts(_ hidden: Tensor, model: QwenModel) {
        var row = decoding.count
        for piece in prefilled {
            defer { row += piece.count }
            let request = piece.request.request
            guard let tell = request.onPrompt else { continue }
            let start = piece.request.computed
            if start == 0 { tell([PromptToken(token: request.prompt[0], logProb: nil, alternatives: [])]) }
            // The last row of a prompt predicts the first token that is generated.
            let rows = Array(row..<row + piece.count - (piece.isLast ? 1 : 0))
            for first in stride(from: 0, to: rows.count, by: Self.rowsAtOnce) {
                let some = Array(rows[first..<min(first + Self.rowsAtOnce, rows.count)])
                let logits = model.logits(hidden, rows: some, batch: batch)
                tell(
                    Self.tokens(
                        Array(request.prompt[(start + first + 1)..<(start + first + 1 + some.count)]), logits, request))
            }
        }
    }

    private static func tokens(_ targets: [Int], _ logits: Tensor, _ request: GenerationRequest) -> [PromptToken] {
        let temperature = request.parameters.logProbTemperature
        let slots = Slots(targets)
        parallelFor(targets.count) { index in
            let row = logits.rows(index..<index + 1)
            let numbers = UnsafeBufferPointer(start: row.floats, count: row.count)
            slots.tokens[index].logProb = tokenLogProb(numbers, target: targets[index], temperature: temperature)
            slots.tokens[index].alternatives = RowSampler.likeliest(
                request.alternatives, of: numbers, temperature: temperature)
        }
        return Array(slots.tokens)
    }

    /// Results that threads write side by side.
    private final class Slots: @unchecked Sendable {
        let tokens: UnsafeMutableBufferPointer<PromptToken>

        init(_ targets: [Int]) {
            tokens = .allocate(capacity: targets.count)
            _ = tokens.initialize(from: targets.map { PromptToken(token: $0, logProb: nil, alternatives: []) })
        }

        deinit {
            tokens.deinitialize()
            tokens.deallocate()
        }
    }
}
