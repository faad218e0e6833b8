import QwenModel
import Randomness
import TensorCore

/// A request in the engine: its prompt is computed once, then its samples branch off.
final class ActiveRequest {
    let index: Int
    let request: GenerationRequest
    /// Pages of the prompt; empty until it is admitted.
    var pages: [Int32] = []
    /// Prompt tokens computed so far.
    var computed = 0
    /// Logits after the prompt's last token, `[V]`, until the last sample has branched off.
    var logits: Tensor?
    /// Samples that have branched off.
    var started = 0

    init(index: Int, request: GenerationRequest) {
        self.index = index
        self.request = request
    }

    /// Tokens that a sample may have at most, given the context.
    func newTokenLimit(context: Int) -> Int { min(request.maxNewTokens, context - request.prompt.count) }
}

/// A sample that is being generated.
final class ActiveSequence {
    let parent: ActiveRequest
    let sample: Int
    let limit: Int
    var pages: [Int32]
    var tokens: [Int] = []
    var logProbs: [Float] = []

    init(parent: ActiveRequest, sample: Int, limit: Int, pages: [Int32]) {
        self.parent = parent
        self.sample = sample
        self.limit = limit
        self.pages = pages
    }

    /// The position of the token generated last, which is computed next.
    var position: Int { parent.request.prompt.count + tokens.count - 1 }

    /// Takes a token and says whether the completion ends with it, and why.
    func append(_ token: Int, logProb: Float) -> FinishReason? {
        tokens.append(token)
        logProbs.append(logProb)
        if parent.request.endTokens.contains(token) { return .stop }
        if let isStopped = parent.request.isStopped, isStopped(sample, tokens) { return .stop }
        return tokens.count >= limit ? .length : nil
    }

    func completion(_ reason: FinishReason) -> Completion {
        Completion(
            request: parent.index, sample: sample, tokens: tokens, logProbs: logProbs, finishReason: reason)
    }
}

/// Memory that choosing a token uses again, one for each row of logits.
final class RowSampler {
    private var sampler = Sampler()
    private var sums: [Double] = []

    /// Chooses the next token of a sample and computes its log-probability.
    func choose(_ logits: UnsafeBufferPointer<Float>, for request: GenerationRequest, sample: Int, tokens: [Int])
        throws(InferenceError) -> (token: Int, logProb: Float)
    {
        let parameters = request.parameters
        let uniform = parameters.isGreedy ? 0 : request.samples[sample].uniform(at: tokens.count)
        if parameters.isPlain,
            let drawn = sampledToken(
                logits, temperature: parameters.logProbTemperature, uniform: uniform, sums: &sums)
        {
            return drawn
        }
        let history =
            parameters.repetitionPenalty == 1 ? [] : (request.prompt + tokens).map { Int32(truncatingIfNeeded: $0) }
        let token = Int(try sampler.choose(logits, history: history, parameters: parameters, uniform: uniform))
        return (token, tokenLogProb(logits, target: token, temperature: parameters.logProbTemperature))
    }
}
