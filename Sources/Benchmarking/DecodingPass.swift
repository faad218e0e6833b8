import InferenceCore
import QwenModel
import Randomness
import TensorCore

/// A pass that computes one token of each of some sequences: the step that generation consists of.
public struct DecodingPass {
    private let model: QwenModel

    /// The passes of a model.
    public init(_ model: QwenModel) { self.model = model }

    /// The median of some passes' seconds, on this machine's threads.
    ///
    /// - Parameter sequences: Sequences at the same time.
    /// - Parameter context: Tokens that each of them holds.
    /// - Parameter runs: Passes that the median is of.
    /// - Throws: `InferenceError`
    public func seconds(sequences: Int, context: Int, runs: Int = 7) throws -> Double {
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
}
