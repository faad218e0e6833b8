import InferenceCore
import QwenModel
import Randomness
import Rewards
import Tokenization

/// How completions are drawn: everything about a rollout but the prompts and the moment.
public struct RolloutSampler: Sendable {
    /// The tokenizer, for stop texts and for the text that rewards see.
    public let tokenizer: Tokenizer
    /// Tokens that end a completion.
    public let endTokens: Set<Int>
    /// How tokens are chosen.
    public let parameters: SamplingParameters
    /// Completions a prompt.
    public let groupSize: Int
    /// Tokens after which a completion is cut off.
    public let maxNewTokens: Int
    /// How long completions may think and answer that are asked to; `nil` for a model that has no tokens for it.
    public let thought: ThoughtLimits?
    /// How long completions have been so far.
    public let lengths = LengthHistory()
    /// Texts that end a completion, in bytes.
    private let stops: [[UInt8]]
    /// Seed and purpose of the draws.
    private let seed: UInt64
    private let purpose: RandomPurpose

    /// A sampler.
    ///
    /// - Parameter purpose: `sampling` in training, `evaluation` otherwise: the two never share a draw.
    public init(
        _ model: LoadedModel, parameters: SamplingParameters, groupSize: Int, maxNewTokens: Int, stop: [String] = [],
        thought: ThoughtLimits? = nil, seed: Int, purpose: RandomPurpose
    ) {
        tokenizer = model.tokenizer
        endTokens = model.endTokens
        self.parameters = parameters
        self.groupSize = groupSize
        self.maxNewTokens = maxNewTokens
        self.thought = thought
        stops = stop.map { Array($0.utf8) }.filter { !$0.isEmpty }
        self.seed = UInt64(bitPattern: Int64(seed))
        self.purpose = purpose
    }

    /// The requests for some prompts; sample s of prompt p at a step draws at (seed, purpose, step, p, s), whatever else
    /// is generated.
    ///
    /// - Parameter firstPrompt: The number of the first prompt within the step.
    /// - Parameter adapter: The adapter to generate with.
    /// - Parameter signal: Ends every completion early when a stop is asked for.
    public func requests(
        _ prompts: [EncodedPrompt], step: Int, firstPrompt: Int = 0, adapter: Adapter?, signal: StopSignal
    ) -> [GenerationRequest] {
        let (stops, tokenizer) = (stops, tokenizer)
        return prompts.enumerated().map { index, prompt in
            var request = GenerationRequest(
                prompt: prompt.tokens,
                samples: (0..<groupSize).map {
                    RandomAddress(seed: seed, purpose: purpose, step: step, prompt: firstPrompt + index, sample: $0)
                },
                adapter: adapter, parameters: parameters, maxNewTokens: maxNewTokens, endTokens: endTokens
            ) { _, tokens in signal.isSet || Self.endsInStop(tokens, stops, tokenizer) }
            if prompt.thinks { request.thought = thought }
            return request
        }
    }

    /// Whether the newest token completed a stop text. Only as many tokens are looked at as the text has bytes.
    static func endsInStop(_ tokens: [Int], _ stops: [[UInt8]], _ tokenizer: Tokenizer) -> Bool {
        guard let longest = stops.map(\.count).max(), let last = tokens.last else { return false }
        let before = tokens.dropLast().suffix(longest).flatMap { tokenizer.bytes(of: $0) ?? [] }
        let text = before + (tokenizer.bytes(of: last) ?? [])
        return stops.contains { stop in
            let first = max(0, before.count - stop.count + 1)
            guard text.count >= first + stop.count else { return false }
            return (first...text.count - stop.count).contains { text[$0..<$0 + stop.count].elementsEqual(stop) }
        }
    }

    /// A completion as rewards see it: special tokens such as `<|im_end|>` left out, `<think>` kept. The token ids are
    /// those that were sampled.
    public func rewardSample(_ prompt: EncodedPrompt, _ completion: Completion) -> RewardSample {
        var tokens = completion.tokens[...]
        if let last = tokens.last, endTokens.contains(last) { tokens.removeLast() }
        var columns = prompt.row.columns
        if let answer = prompt.row.answer { columns["answer"] = .string(answer) }
        return RewardSample(
            prompt: prompt.text, messages: prompt.messages,
            completion: tokenizer.decode(tokens, skipSpecialTokens: true), completionIDs: completion.tokens,
            finishReason: completion.finishReason.rawValue, columns: columns)
    }
}
