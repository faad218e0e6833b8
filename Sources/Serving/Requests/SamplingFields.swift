import InferenceCore
import OrderedJSON
import TextGeneration

/// The fields that chat and plain completions have in common.
struct SamplingFields {
    let model: String
    let parameters: SamplingParameters
    /// Seed of the draws; random unless given.
    let seed: UInt64
    let count: Int
    let maxTokens: Int?
    let stops: [String]
    let stopTokens: Set<Int>
    let ignoresEnd: Bool
    let streams: Bool
    /// Whether a stream ends with the counts of tokens.
    let streamsUsage: Bool
    /// Whether token ids are told.
    let returnsTokens: Bool
    /// What the answer is held to.
    let form: AnswerConstraints.Form?

    /// Most completions of one request.
    static let maximumCount = 128

    /// Reads the fields.
    ///
    /// - Parameter defaults: What holds for sampling settings that are not given.
    /// - Parameter leastTokens: The least number of tokens that may be asked for.
    /// - Throws: `ServingError` that names the field.
    init(_ fields: RequestFields, defaults: SamplingParameters, leastTokens: Int = 1) throws(ServingError) {
        model = try fields.requiredText("model")
        count = try fields.integer("n", 1...Self.maximumCount) ?? 1
        maxTokens = try fields.integer(
            fields.first("max_completion_tokens", "max_tokens", "max_new_tokens"), leastTokens...10_000_000)
        stops = try fields.texts("stop", limit: 16).filter { !$0.isEmpty }
        ignoresEnd = try fields.flag("ignore_eos") ?? false
        streams = try fields.flag("stream") ?? false
        streamsUsage = try RequestFields(try fields.object("stream_options") ?? [:]).flag("include_usage") ?? false
        returnsTokens = try fields.flag("return_token_ids") ?? false
        stopTokens = try Self.stopTokens(fields)
        form = try fields.responseForm()
        if form != nil { try fields.refuseBesideForm() }
        seed = try Self.seed(fields)
        var parameters = defaults
        parameters.temperature = try fields.number("temperature", 0...1000) ?? defaults.temperature
        parameters.topP = try fields.number("top_p", 0...1) ?? defaults.topP
        // vLLM's word for "all" is -1.
        parameters.topK = max(0, try fields.integer("top_k", -1...10_000_000) ?? defaults.topK)
        parameters.minP = try fields.number("min_p", 0...1) ?? defaults.minP
        parameters.repetitionPenalty =
            try fields.number("repetition_penalty", 0.001...1000) ?? defaults.repetitionPenalty
        do { try parameters.validate() } catch { throw ServingError(.invalidRequest, error.message) }
        do { _ = try StopMatcher(stops: stops) } catch {
            throw ServingError(.invalidRequest, error.message, parameter: "stop")
        }
        self.parameters = parameters
        try Self.refuseUnsupported(fields, count: count)
    }

    private static func stopTokens(_ fields: RequestFields) throws(ServingError) -> Set<Int> {
        guard let value = fields["stop_token_ids"] else { return [] }
        let ids = value.arrayValue?.map(\.intValue) ?? [nil]
        guard !ids.contains(nil), ids.count <= 64 else { throw fields.fault("stop_token_ids", "at most 64 token ids") }
        return Set(ids.compactMap { $0 })
    }

    private static func seed(_ fields: RequestFields) throws(ServingError) -> UInt64 {
        guard let value = fields["seed"] else { return .random(in: 0...UInt64.max) }
        guard let seed = value.intValue else { throw fields.fault("seed", "a whole number") }
        return UInt64(bitPattern: Int64(seed))
    }

    private static func refuseUnsupported(_ fields: RequestFields, count: Int) throws(ServingError) {
        let penalty = "not supported; use 'repetition_penalty'"
        try fields.refuse([
            ("frequency_penalty", [0, 0.0], penalty), ("presence_penalty", [0, 0.0], penalty),
            ("logit_bias", [[:]], "not supported"), ("best_of", [.integer(count)], "not supported; use 'n'"),
            ("use_beam_search", [false], "not supported"),
            ("guided_regex", [], "not supported; use 'response_format' with a schema that has 'pattern'"),
            ("guided_grammar", [], "not supported; use 'response_format'"),
            ("structured_outputs", [], "not supported; use 'response_format'"),
        ])
    }
}
