import QwenModel
import Randomness

/// A prompt and how many completions of it are wanted.
public struct GenerationRequest: Sendable {
    /// The prompt's tokens; at least one. They are computed once for all samples.
    public var prompt: [Int]
    /// For each wanted completion where its random draws are; token i is drawn at position i of its address.
    public var samples: [RandomAddress]
    /// The adapter version to use from beginning to end; `nil` for the base.
    public var adapter: Adapter?
    /// How tokens are chosen.
    public var parameters: SamplingParameters
    /// Tokens after which a completion is cut off.
    public var maxNewTokens: Int
    /// Tokens that end a completion; the one that did is its last token.
    public var endTokens: Set<Int>
    /// Asked after each token that does not end the completion, with the sample's number and all tokens so far: whether
    /// it ends here, for example because a stop text has appeared. Called on the thread that steps the engine.
    public var isStopped: (@Sendable (_ sample: Int, _ tokens: [Int]) -> Bool)?

    /// A request.
    public init(
        prompt: [Int], samples: [RandomAddress], adapter: Adapter? = nil, parameters: SamplingParameters,
        maxNewTokens: Int, endTokens: Set<Int>, isStopped: (@Sendable (Int, [Int]) -> Bool)? = nil
    ) {
        self.prompt = prompt
        self.samples = samples
        self.adapter = adapter
        self.parameters = parameters
        self.maxNewTokens = maxNewTokens
        self.endTokens = endTokens
        self.isStopped = isStopped
    }
}

/// Why a completion ended.
public enum FinishReason: String, Sendable, Hashable {
    /// An end token or a stop text.
    case stop
    /// The limit of new tokens, or of the context.
    case length
}

/// What was generated for one sample of a request.
public struct Completion: Sendable, Hashable {
    /// Its request, counted from the first one given.
    public var request: Int
    /// Its place among the request's samples.
    public var sample: Int
    /// The tokens, an end token included.
    public var tokens: [Int]
    /// Log-probability of each token in nats, under the full softmax at the sampling temperature (at 1 when greedy):
    /// bit for bit what scoring and training compute for it.
    public var logProbs: [Float]
    /// Why it ended.
    public var finishReason: FinishReason
}

extension SamplingParameters {
    /// The temperature at which log-probabilities are recorded: the sampling temperature, or 1 when greedy.
    public var logProbTemperature: Float { temperature > 0 ? Float(temperature) : 1 }
}
