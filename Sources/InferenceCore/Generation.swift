import ConstrainedDecoding
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
    /// How long completions may think and answer; `nil` leaves thoughts alone, and `Completion.thought` out.
    public var thought: ThoughtLimits?
    /// Holds each completion to a grammar: tokens that it does not allow are never chosen, and an end token only behind a
    /// complete text. Log-probabilities are the unconstrained model's all the same.
    public var constraint: ConstraintCursor?
    /// Told every token as it is chosen, the end token too, on the thread that steps the engine.
    public var onToken: (@Sendable (GeneratedToken) -> Void)?
    /// How many of the likeliest tokens are told with each.
    public var alternatives = 0
    /// Told the log-probabilities of the prompt's tokens, piece by piece in their order, on the thread that steps the
    /// engine. The whole prompt is computed then.
    public var onPrompt: (@Sendable ([PromptToken]) -> Void)?
    /// What the keys and values of the prompt may be shared under with other requests: the content digest of the
    /// adapter, never its name; any fixed text for the base. `nil` shares nothing.
    public var cacheKey: String?

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

/// A token of a prompt as the model finds it, given those before it.
public struct PromptToken: Sendable {
    /// The token.
    public var token: Int
    /// Its log-probability in nats, at the temperature of `Completion.logProbs`; `nil` for the first, which nothing precedes.
    public var logProb: Float?
    /// The likeliest tokens in its place, the likeliest first; as many as the request asked for.
    public var alternatives: [(token: Int, logProb: Float)]
}

/// A token as it was chosen.
public struct GeneratedToken: Sendable {
    /// The number of the sample within its request.
    public var sample: Int
    /// The token.
    public var token: Int
    /// Its log-probability in nats, as in `Completion.logProbs`.
    public var logProb: Float
    /// The likeliest tokens with their log-probabilities, the likeliest first; as many as the request asked for.
    public var alternatives: [(token: Int, logProb: Float)]
}

/// What a step of the engine did.
public struct StepOutcome: Sendable {
    /// The completions that ended.
    public var completions: [Completion] = []
    /// Requests that could not go on, with the reason; nothing of them is left in the engine.
    public var failures: [(request: Int, error: InferenceError)] = []
    /// Sequences that were given a token by computing their last one.
    public var decoded = 0
    /// Tokens of prompts that were computed.
    public var prompted = 0
}

/// What an engine holds at a moment.
public struct EngineLoad: Sendable {
    /// Requests that have not been let in.
    public var waiting = 0
    /// Requests whose prompt is being computed, or that have samples left to start.
    public var prompts = 0
    /// Sequences that decode.
    public var sequences = 0
    /// Samples of the prompts whose first tokens the next step chooses, as far as the batch has room.
    public var ready = 0
    /// Samples that don't decode yet, waiting ones included, as far as the batch has room.
    public var coming = 0
    /// Pages of keys and values in use, those kept for prompts to come included.
    public var pages = 0
    /// Pages kept for prompts to come.
    public var cachedPages = 0
    /// Pages there may be.
    public var pageLimit = 0
    /// Tokens of prompts that did not have to be computed, since the beginning.
    public var reusedTokens = 0

    /// Nothing.
    public init() {}
}

/// Why a completion ended.
public enum FinishReason: String, Sendable, Hashable {
    /// An end token or a stop text.
    case stop
    /// The limit of new tokens, of the answer, or of the context.
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
    /// Where its thought and its answer stand; `nil` where the request has no `thought`.
    public var thought: Thought?

    /// A completion of its parts.
    public init(
        request: Int, sample: Int, tokens: [Int], logProbs: [Float], finishReason: FinishReason,
        thought: Thought? = nil
    ) {
        self.request = request
        self.sample = sample
        self.tokens = tokens
        self.logProbs = logProbs
        self.finishReason = finishReason
        self.thought = thought
    }
}

extension SamplingParameters {
    /// The temperature at which log-probabilities are recorded: the sampling temperature, or 1 when greedy.
    public var logProbTemperature: Float { temperature > 0 ? Float(temperature) : 1 }
}
