/// How the next token is chosen from the logits. Applied in this order, which is that of `transformers`: repetition
/// penalty, temperature, top-k, top-p, min-p.
public struct SamplingParameters: Sendable, Hashable {
    /// What logits are divided by; below 1 sharpens, 0 takes the likeliest token.
    public var temperature: Double
    /// Only the k likeliest tokens are kept, and those that tie with the last of them; 0 keeps all.
    public var topK: Int
    /// Only the likeliest tokens that together reach this probability are kept; 1 keeps all.
    public var topP: Double
    /// Only tokens at least this share as likely as the likeliest are kept; 0 keeps all.
    public var minP: Double
    /// Logits of tokens that already occur, in the prompt or the completion, are divided by this when positive and
    /// multiplied when negative; 1 leaves them.
    public var repetitionPenalty: Double
    /// Seed of the draws; `nil` lets the engine choose one.
    public var seed: UInt64?

    /// The model's own distribution, unless told otherwise: what reinforcement learning needs.
    public init(
        temperature: Double = 1, topK: Int = 0, topP: Double = 1, minP: Double = 0, repetitionPenalty: Double = 1,
        seed: UInt64? = nil
    ) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
        self.seed = seed
    }

    /// The likeliest token at each step.
    public static let greedy = SamplingParameters(temperature: 0)

    /// Whether the likeliest token is always taken.
    public var isGreedy: Bool { temperature == 0 }

    /// Whether tokens are drawn from softmax(z / temperature) as it is: no filter, no penalty.
    public var isPlain: Bool { !isGreedy && topK == 0 && topP == 1 && minP == 0 && repetitionPenalty == 1 }

    /// Checks every setting.
    ///
    /// - Throws: `InferenceError` with code `invalidParameter` that names the first setting out of range.
    public func validate() throws(InferenceError) {
        try Self.check(
            "temperature", temperature, temperature == 0 || (1e-3...1e3).contains(temperature),
            "0 (greedy) or a number from 0.001 to 1000")
        try Self.check("top_k", topK, topK >= 0, "0 (off) or a positive whole number")
        try Self.check("top_p", topP, topP > 0 && topP <= 1, "a number above 0, at most 1 (off)")
        try Self.check("min_p", minP, minP >= 0 && minP <= 1, "a number from 0 (off) to 1")
        try Self.check(
            "repetition_penalty", repetitionPenalty, (1e-3...1e3).contains(repetitionPenalty),
            "a number from 0.001 to 1000; 1 is off")
    }

    private static func check(_ name: String, _ value: some Any, _ isValid: Bool, _ expected: String)
        throws(InferenceError)
    {
        guard isValid else {
            throw InferenceError(.invalidParameter, "sampling: \(name) is \(value), expected \(expected)")
        }
    }
}
