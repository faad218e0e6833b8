import InferenceCore
import QwenModel
import Randomness
import TensorCore

/// Passes of a model as generation and updates consist of, timed on this machine's threads.
public struct MeasuredPass {
    private let model: QwenModel

    /// The passes of a model.
    public init(_ model: QwenModel) { self.model = model }

    /// The median of the seconds of passes that compute one token of each of some sequences.
    ///
    /// - Parameter sequences: Sequences at the same time.
    /// - Parameter context: Tokens that each of them holds.
    /// - Parameter runs: Passes that the median is of.
    /// - Throws: `InferenceError`
    public func decodingSeconds(sequences: Int, context: Int, runs: Int = 7) throws -> Double {
        let engine = Engine(model: model, maxBatch: sequences)
        defer { engine.cancelAll() }
        let address = RandomAddress(seed: 1, purpose: .shuffle)
        let vocabulary = Double(model.configuration.vocabularySize - 1)
        try engine.submit(
            GenerationRequest(
                prompt: (0..<max(1, context)).map { Int(address.uniform(at: $0) * vocabulary) },
                samples: (0..<sequences).map { RandomAddress(seed: 2, purpose: .sampling, sample: $0) },
                parameters: SamplingParameters(), maxNewTokens: runs + 3, endTokens: []))
        var times: [Double] = []
        while !engine.isIdle, times.count < runs {
            var decoded = 0
            let time = Benchmarking.seconds { decoded = engine.advance().decoded }
            // The first one warms up.
            if decoded == sequences { times.append(time) }
        }
        return Timing.median(Array(times.dropFirst()))
    }

    /// The median of the seconds of passes that compute all tokens of one sequence.
    ///
    /// - Parameter tokens: How many; no more than the model's context holds are computed.
    /// - Parameter runs: Passes that the median is of.
    /// - Throws: `InferenceError`
    public func wholeSeconds(tokens: Int, runs: Int = 5) throws -> Double {
        let engine = Engine(model: model, maxBatch: 1)
        let tokens = max(1, min(tokens, engine.maxContext - 1))
        engine.promptBudget = tokens
        let address = RandomAddress(seed: 3, purpose: .shuffle)
        let vocabulary = Double(model.configuration.vocabularySize - 1)
        // The first one warms up.
        let times = try (0...runs).map { run in
            try engine.submit(
                GenerationRequest(
                    prompt: (0..<tokens).map { Int(address.uniform(at: run * tokens + $0) * vocabulary) },
                    samples: [RandomAddress(seed: 4, purpose: .sampling)], parameters: SamplingParameters(),
                    maxNewTokens: 1, endTokens: []))
            defer { engine.cancelAll() }
            return Benchmarking.seconds { _ = engine.advance() }
        }
        return Timing.median(Array(times.dropFirst()))
    }
}
