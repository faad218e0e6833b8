import InferenceCore
import QwenModel
import Randomness
import TensorCore

extension ModelBenchmark {
    /// New tokens a second of a whole generation, the prompts' computation included.
    func decode(batch: Int, prompt: Int, new: Int) throws -> Timing {
        let engine = Engine(model: model, maxBatch: batch)
        let requests = requests(prompts: batch, samples: 1, length: prompt, new: new)
        var (times, outside): ([Double], [Double]) = ([], [])
        for run in 0...runs {
            let busy = ComputeDevice.busySeconds
            let time = try seconds { _ = try engine.generate(requests) }
            guard run > 0 else { continue }
            times.append(time)
            outside.append(time - (ComputeDevice.busySeconds - busy) / Double(ComputeDevice.threadCount))
        }
        let least =
            work.pass(tokens: Double(batch * prompt), predictions: Double(batch))
            + Double(new - 1) * work.pass(tokens: Double(batch), predictions: Double(batch))
        return Timing(
            "decode, \(batch) × (\(prompt) + \(new))", unit: "new tokens/s", amount: Double(batch * new),
            seconds: times, least: least, peakBytes: MemoryUse.peakBytes,
            phases: [("outside the kernels", Timing.median(outside))])
    }

    /// Tokens a second of one long prompt, and what all layers' attention takes of the time: what is left grows with the
    /// tokens, attention with their square.
    func context(tokens count: Int) -> Timing {
        let attention = KernelBenchmark(model, limits: work.limits, runs: runs)
            .attentionSeconds(tokens: count, backward: false)
        let whole = prefill(tokens: count)
        return Timing(
            "context, \(count)", unit: whole.unit, amount: Double(count),
            seconds: whole.runs.map { Double(count) / $0 },
            least: work.pass(tokens: Double(count), predictions: 1), peakBytes: MemoryUse.peakBytes,
            phases: [("attention", Timing.median(attention) * Double(model.configuration.hiddenLayers))])
    }

    /// Tokens a second of one prompt; the vocabulary projection runs for its last row alone.
    func prefill(tokens count: Int) -> Timing {
        let group = TokenBatch.Group(prompt: tokens(count, sequence: 0), completions: [])
        let times = repeated(runs * 2) {
            let (batch, pages, _) = TokenBatch.packing([group], adapter: nil, groupSize: model.groupSize)
            let hidden = model.hiddenStates(batch, pages: model.makePages(pages))
            _ = model.logits(hidden, rows: [count - 1], batch: batch)
        }
        return Timing(
            "prefill, \(count)", unit: "tokens/s", amount: Double(count), seconds: times,
            least: work.pass(tokens: Double(count), predictions: 1))
    }

    /// Tokens a second whose log-probabilities are computed.
    func score(sequences: Int, length: Int) -> Timing {
        let all = (0..<sequences).map { tokens(length, sequence: $0) }
        let times = repeated(runs) {
            let (batch, pages, _) = TokenBatch.packing(
                all.map { TokenBatch.Group(prompt: $0, completions: []) }, adapter: nil, groupSize: model.groupSize)
            let hidden = model.hiddenStates(batch, pages: model.makePages(pages, layers: 1))
            _ = model.logProbs(
                hidden, rows: Array(batch.ids.indices), targets: batch.ids, temperature: 1, batch: batch)
        }
        let count = Double(sequences * length)
        return Timing(
            "score, \(sequences) × \(length)", unit: "tokens/s", amount: count, seconds: times,
            least: work.pass(tokens: count, predictions: count))
    }

    /// Requests that each generate exactly `new` tokens.
    func requests(prompts: Int, samples: Int, length: Int, new: Int, adapter: Adapter? = nil) -> [GenerationRequest] {
        (0..<prompts).map { prompt in
            GenerationRequest(
                prompt: tokens(length, sequence: prompt),
                samples: (0..<samples).map {
                    RandomAddress(seed: 2, purpose: .sampling, prompt: prompt, sample: $0)
                }, adapter: adapter, parameters: SamplingParameters(), maxNewTokens: new, endTokens: [])
        }
    }
}
