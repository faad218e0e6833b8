import InferenceCore
import OrderedJSON

/// What a server is: which places and bodies it has for completions and adapters.
///
/// vLLM and `touchstone serve` take OpenAI's `/v1/completions` with the prompt as tokens, and tell the tokens of the answer
/// (`return_token_ids`). SGLang tells tokens only under its own `/generate`.
public enum ServerKind: String, Sendable, CaseIterable {
    /// vLLM.
    case vllm
    /// SGLang.
    case sglang
    /// `touchstone serve`.
    case touchstone

    /// Where completions are asked for.
    var completionPath: String { self == .sglang ? "generate" : "v1/completions" }
    /// Where an adapter is loaded.
    var loadPath: String { self == .sglang ? "load_lora_adapter" : "v1/load_lora_adapter" }
    /// Where an adapter is unloaded.
    var unloadPath: String { self == .sglang ? "unload_lora_adapter" : "v1/unload_lora_adapter" }
    /// Where a server lists its models and adapters.
    var modelsPath: String { "v1/models" }

    /// The body that loads an adapter.
    ///
    /// - Parameter inPlace: Whether one of that name is replaced; SGLang refuses that.
    func loadBody(_ name: String, path: String, inPlace: Bool) -> JSONValue {
        var body: JSONObject = ["lora_name": .string(name), "lora_path": .string(path)]
        if inPlace, self != .sglang { body["load_inplace"] = true }
        return .object(body)
    }

    /// The body that asks for one completion.
    ///
    /// - Parameter model: The adapter's name.
    func completionBody(_ job: CompletionJob, model: String) -> JSONValue {
        let prompt: JSONValue = .array(job.prompt.map { .integer($0) })
        let parameters = job.parameters
        var sampling: JSONObject = [
            "temperature": .double(parameters.temperature), "top_p": .double(parameters.topP),
            "top_k": .integer(parameters.topK > 0 ? parameters.topK : -1), "min_p": .double(parameters.minP),
            "repetition_penalty": .double(parameters.repetitionPenalty),
            "stop_token_ids": .array(job.endTokens.sorted().map { .integer($0) }), "n": 1,
        ]
        if !job.stops.isEmpty { sampling["stop"] = .array(job.stops.map { .string($0) }) }
        if self == .sglang {
            sampling["max_new_tokens"] = .integer(job.maxNewTokens)
            sampling["sampling_seed"] = .integer(job.seed)
            sampling["no_stop_trim"] = true
            sampling["skip_special_tokens"] = false
            return [
                "input_ids": prompt, "sampling_params": .object(sampling), "return_logprob": true,
                "lora_path": .string(model),
            ]
        }
        var body: JSONObject = ["model": .string(model), "prompt": prompt, "max_tokens": .integer(job.maxNewTokens)]
        for (key, value) in sampling { body[key] = value }
        body["seed"] = .integer(job.seed)
        body["logprobs"] = 0
        body["return_token_ids"] = true
        body["return_tokens_as_token_ids"] = true
        if self == .vllm {
            body["add_special_tokens"] = false
            body["include_stop_str_in_output"] = true
        }
        return .object(body)
    }
}

/// One completion that is wanted.
struct CompletionJob: Sendable {
    /// Its number among those that are wanted.
    let index: Int
    /// Its request and its place among the request's samples.
    let request: Int
    let sample: Int
    /// The prompt's tokens.
    let prompt: [Int]
    let parameters: SamplingParameters
    let maxNewTokens: Int
    /// Tokens that end it.
    let endTokens: Set<Int>
    /// Texts that end it.
    let stops: [String]
    /// Derived from the sample's address: a server that honours it repeats.
    let seed: Int
    /// Whether a stop text has just appeared.
    let isStopped: @Sendable ([Int]) -> Bool
    /// Where its thought and answer stand.
    let thought: ThoughtLimits?
}
