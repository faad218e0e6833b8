import ConstrainedDecoding
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
    /// What may come next.
    private var constraint: ConstraintCursor?
    /// Tokens that come next whatever the model says, the first one last.
    private var forced: [Int] = []
    private var thought: ThoughtProgress?

    init(parent: ActiveRequest, sample: Int, limit: Int, pages: [Int32]) {
        self.parent = parent
        self.sample = sample
        self.limit = limit
        self.pages = pages
        thought = parent.request.thought.map { ThoughtProgress($0, prompt: parent.request.prompt) }
        constraint = parent.request.constraint
        interject()
    }

    /// The token that comes next whatever the model says.
    var forcedToken: Int? { forced.last }

    /// Which tokens may come next; `nil` without a constraint.
    func allowed() -> ConstraintCursor.Allowed? { constraint?.allowed() }

    private func interject() {
        guard forced.isEmpty, let tokens = thought?.interjection() else { return }
        forced = tokens.reversed()
    }

    /// The position of the token generated last, which is computed next.
    var position: Int { parent.request.prompt.count + tokens.count - 1 }

    /// Takes a token and says whether the completion ends with it, and why.
    func append(_ choice: ChosenToken) -> FinishReason? {
        let token = choice.token
        _ = forced.popLast()
        tokens.append(token)
        logProbs.append(choice.logProb)
        thought?.append(token)
        parent.request.onToken?(
            GeneratedToken(sample: sample, token: token, logProb: choice.logProb, alternatives: choice.alternatives))
        if parent.request.endTokens.contains(token) { return .stop }
        constraint?.take(token)
        if let isStopped = parent.request.isStopped, isStopped(sample, tokens) { return .stop }
        if tokens.count >= limit || thought?.isFull == true { return .length }
        interject()
        return nil
    }

    func completion(_ reason: FinishReason) -> Completion {
        Completion(
            request: parent.index, sample: sample, tokens: tokens, logProbs: logProbs, finishReason: reason,
            thought: thought?.parts)
    }
}

/// A token chosen from a row of logits.
struct ChosenToken: Sendable {
    var token = 0
    var logProb: Float = 0
    var alternatives: [(token: Int, logProb: Float)] = []
}

/// Memory that choosing a token uses again, one for each row of logits.
final class RowSampler {
    private var sampler = Sampler()
    private var sums: [Double] = []
    private var masked: [Float] = []

    /// Chooses the next token of a sequence and computes its log-probability.
    func choose(_ logits: UnsafeBufferPointer<Float>, for sequence: ActiveSequence) throws(InferenceError)
        -> ChosenToken
    {
        let request = sequence.parent.request
        let tokens = sequence.tokens
        let parameters = request.parameters
        let uniform = parameters.isGreedy ? 0 : request.samples[sequence.sample].uniform(at: tokens.count)
        let allowed = sequence.forcedToken == nil ? sequence.allowed() : nil
        if parameters.isPlain, sequence.forcedToken == nil, allowed == nil, request.alternatives == 0,
            let drawn = sampledToken(
                logits, temperature: parameters.logProbTemperature, uniform: uniform, sums: &sums)
        {
            return ChosenToken(token: drawn.token, logProb: drawn.logProb, alternatives: [])
        }
        let history =
            parameters.repetitionPenalty == 1 ? [] : (request.prompt + tokens).map { Int32(truncatingIfNeeded: $0) }
        let token: Int
        if let allowed {
            token = try choose(logits, allowed, request, history: history, uniform: uniform)
        } else {
            // Chosen in any case: a row that nothing can be chosen from is refused.
            let drawn = Int(try sampler.choose(logits, history: history, parameters: parameters, uniform: uniform))
            token = sequence.forcedToken ?? drawn
        }
        let temperature = parameters.logProbTemperature
        return ChosenToken(
            token: token, logProb: tokenLogProb(logits, target: token, temperature: temperature),
            alternatives: Self.likeliest(request.alternatives, of: logits, temperature: temperature))
    }

    /// Chooses among the tokens that are allowed: the others have no chance, as if their logits were −∞.
    private func choose(
        _ logits: UnsafeBufferPointer<Float>, _ allowed: ConstraintCursor.Allowed, _ request: GenerationRequest,
        history: [Int32], uniform: Double
    ) throws(InferenceError) -> Int {
        // A damaged row is refused, wherever the damage is.
        try Sampler.check(logits)
        if masked.count != logits.count { masked = [Float](repeating: 0, count: logits.count) }
        masked.withUnsafeMutableBufferPointer { masked in
            switch allowed {
            case .anythingButEnd:
                _ = masked.update(from: logits)
                for token in request.endTokens where masked.indices.contains(token) { masked[token] = -.infinity }
            case .tokens(let mask, let also, let mayEnd):
                mask.copy(logits, into: masked, also: also.map { [$0] } ?? [])
                for token in request.endTokens where masked.indices.contains(token) {
                    masked[token] = mayEnd ? logits[token] : -.infinity
                }
            case .nothing: masked.update(repeating: -.infinity)
            }
        }
        var result: Result<Int32, InferenceError> = .success(0)
        masked.withUnsafeBufferPointer { masked in
            result = Result { () throws(InferenceError) in
                try sampler.choose(masked, history: history, parameters: request.parameters, uniform: uniform)
            }
        }
        return Int(try result.get())
    }

    /// The likeliest tokens, the likeliest first, with their log-probabilities; of equal ones the lowest id comes first.
    static func likeliest(_ count: Int, of logits: UnsafeBufferPointer<Float>, temperature: Float) -> [(
        token: Int, logProb: Float
    )] {
        likeliest(count, of: logits).map { ($0, tokenLogProb(logits, target: $0, temperature: temperature)) }
    }

    private static func likeliest(_ count: Int, of logits: UnsafeBufferPointer<Float>) -> [Int] {
        guard count > 0 else { return [] }
        var best: [Int] = []
        for (token, logit) in logits.enumerated() {
            if best.count == count {
                guard logit > logits[best[count - 1]] else { continue }
                best.removeLast()
            }
            best.insert(token, at: best.firstIndex { logits[$0] < logit } ?? best.count)
        }
        return best
    }
}
