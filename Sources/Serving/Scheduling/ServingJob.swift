import InferenceCore

/// What a job tells while it is served, on the scheduler's thread: the receiver must not wait.
public enum JobEvent: Sendable {
    /// The model's view of the next tokens of the prompt, if the job asks for it.
    case prompt([PromptToken])
    /// A sample got a token.
    case token(GeneratedToken)
    /// A sample has ended.
    case completion(Completion)
    /// The job was given up; nothing follows.
    case failure(ServingError)
}

/// A generation request and who is told of it.
public struct ServingJob: Sendable {
    /// What to generate. `onToken` and `onPrompt` are the scheduler's.
    public var request: GenerationRequest
    /// What its figures are kept under: the name of the model or adapter.
    public var label: String
    /// When it is given up, waiting included.
    public var deadline: ContinuousClock.Instant?
    /// Whether log-probabilities of the prompt are told.
    public var tellsPrompt: Bool
    /// Is told everything.
    public var handler: @Sendable (JobEvent) -> Void

    /// A job.
    public init(
        request: GenerationRequest, label: String, deadline: ContinuousClock.Instant? = nil,
        tellsPrompt: Bool = false, handler: @escaping @Sendable (JobEvent) -> Void
    ) {
        self.request = request
        self.label = label
        self.deadline = deadline
        self.tellsPrompt = tellsPrompt
        self.handler = handler
    }
}

/// How much is served at once.
public struct ServingLimits: Sendable {
    /// Sequences that decode at the same time.
    public var maxBatch: Int
    /// Sequences that may wait besides.
    public var maxQueue: Int
    /// Longest sequence in tokens, prompt included; the model's own limit unless given.
    public var maxContext: Int?
    /// Memory for keys and values, in bytes.
    public var cacheBytes: Int

    /// Limits.
    public init(maxBatch: Int = 32, maxQueue: Int = 256, maxContext: Int? = nil, cacheBytes: Int = 4 << 30) {
        self.maxBatch = maxBatch
        self.maxQueue = maxQueue
        self.maxContext = maxContext
        self.cacheBytes = cacheBytes
    }
}
