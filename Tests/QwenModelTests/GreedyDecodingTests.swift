import Foundation
import ModelFiles
import OrderedJSON
import QwenModel
import TensorCore
import Testing

/// The most likely tokens one after the other: the prompt in one pass, then a pass a token.
///
/// - Parameter penalty: Divides positive and multiplies negative logits of tokens that occurred, as Hugging Face does.
private func greedy(
    _ prompt: [Int], model: QwenModel, adapter: Adapter?, count: Int, ends: Set<Int>, penalty: Float
) -> (ids: [Int], logProbs: [Float]) {
    let size = KeyValuePages.pageSize
    let pages = model.makePages((prompt.count + count + size - 1) / size)
    var (ids, logProbs): ([Int], [Float]) = ([], [])
    var input = prompt
    while ids.count < count {
        let position = prompt.count + ids.count - (ids.isEmpty ? prompt.count : 1)
        let segment = SequenceLayout.Segment(
            rows: 0..<input.count, firstPosition: position, pages: (0..<pages.pages).map { Int32($0) })
        let batch = TokenBatch(
            ids: input.map { Int32($0) }, layout: SequenceLayout(segments: [segment], groupSize: model.groupSize),
            adapters: adapter.map { [AdapterRun(rows: 0..<input.count, adapter: $0)] } ?? [])
        let hidden = model.hiddenStates(batch, pages: pages)
        let row = [input.count - 1]
        var logits = model.logits(hidden, rows: row, batch: batch).toArray()
        for id in Set(prompt + ids) { logits[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty }
        let best = logits.indices.max { logits[$0] < logits[$1] } ?? 0
        let y = model.logProbs(hidden, rows: row, targets: [Int32(best)], temperature: 1, batch: batch)
        ids.append(best)
        logProbs.append(y.toArray()[0])
        if ends.contains(best) { break }
        input = [best]
    }
    return (ids, logProbs)
}

extension QwenTests {
    @Suite("Greedy decoding", .enabled(if: ReferenceData.isPresent, "\(ReferenceData.absence)"))
    struct GreedyDecoding {
        @Test("tokens equal transformers', log-probabilities are close", arguments: ReferenceData.all)
        func tokens(reference: ReferenceModel) throws {
            let model = try reference.load()
            let cases = try #require(try reference.json("generate.json")["cases"]?.arrayValue)
            #expect(cases.count >= 5)
            for (index, entry) in cases.enumerated() {
                let adapter = try entry["adapter"]?.stringValue.map {
                    ReferenceAdapter(model: reference, path: reference.path + "/adapters/" + $0)
                }
                let ends = entry["eos_token_id"].map {
                    $0.arrayValue == nil ? [$0.intValue].compactMap { $0 } : $0.integers
                }
                let result = greedy(
                    try #require(entry["prompt_ids"]).integers, model: model,
                    adapter: try adapter.map { try Adapter($0.folder(), model: model) },
                    count: try #require(entry["max_new_tokens"]?.intValue), ends: Set(ends ?? []),
                    penalty: Float(try #require(entry["repetition_penalty"]?.doubleValue)))
                let what = "\(reference.name) case \(index)"
                #expect(result.ids == entry["output_ids"]?.integers, "\(what)")
                if let expected = entry["logprobs"] {
                    expectClose(
                        result.logProbs, expected.doubles.map { Float($0) }, within: Tolerance.activations, what)
                }
            }
        }
    }
}
