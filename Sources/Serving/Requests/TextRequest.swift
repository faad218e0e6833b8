import InferenceCore
import OrderedJSON

/// The body of `/v1/completions`.
struct TextRequest {
    /// A prompt, as text or as tokens.
    enum Prompt {
        case text(String)
        case tokens([Int])
    }

    let sampling: SamplingFields
    let prompts: [Prompt]
    /// How many of the likeliest tokens are told with each; `nil` tells no log-probabilities.
    let alternatives: Int?
    /// Whether the prompts are told too, before the completions.
    let echoes: Bool

    /// Most prompts of one request.
    static let maximumPrompts = 128

    /// Reads a body.
    ///
    /// - Throws: `ServingError` that names the field.
    init(_ fields: RequestFields, defaults: SamplingParameters) throws(ServingError) {
        echoes = try fields.flag("echo") ?? false
        // A prompt may be asked for alone.
        sampling = try SamplingFields(fields, defaults: defaults, leastTokens: echoes ? 0 : 1)
        alternatives = try fields.integer("logprobs", 0...ChatRequest.maximumAlternatives)
        try fields.refuse([("suffix", [""], "not supported")])
        prompts = try Self.prompts(fields)
        guard prompts.count * sampling.count <= SamplingFields.maximumCount else {
            throw ServingError(
                .invalidRequest,
                "\(prompts.count) prompts of \(sampling.count) completions, at most \(SamplingFields.maximumCount) "
                    + "completions a request", parameter: "prompt")
        }
    }

    private static func prompts(_ fields: RequestFields) throws(ServingError) -> [Prompt] {
        let expected = "a text, a list of texts, a list of token ids or a list of such lists"
        guard let value = fields["prompt"] else { throw fields.fault("prompt", expected) }
        if let text = value.stringValue { return [.text(text)] }
        guard let list = value.arrayValue, !list.isEmpty else { throw fields.fault("prompt", expected) }
        if let tokens = tokens(list) { return [.tokens(tokens)] }
        guard list.count <= maximumPrompts else { throw fields.fault("prompt", "at most \(maximumPrompts) prompts") }
        var prompts: [Prompt] = []
        for element in list {
            if let text = element.stringValue {
                prompts.append(.text(text))
            } else if let tokens = element.arrayValue.flatMap(tokens) {
                prompts.append(.tokens(tokens))
            } else {
                throw fields.fault("prompt", expected)
            }
        }
        return prompts
    }

    private static func tokens(_ list: [JSONValue]) -> [Int]? {
        let ids = list.map(\.intValue)
        return ids.contains(nil) ? nil : ids.compactMap { $0 }
    }
}
