import InferenceCore
import OrderedJSON
import TextGeneration

/// The body of `/v1/chat/completions`.
struct ChatRequest {
    let sampling: SamplingFields
    let conversation: Conversation
    /// Whether log-probabilities are told.
    let logProbs: Bool
    /// How many of the likeliest tokens are told with each.
    let alternatives: Int
    /// Whether calls of tools are read out of the answer.
    let readsToolCalls: Bool
    /// Tokens of a thought, after which it is ended.
    let thinkingBudget: Int?

    /// Most alternatives of a token.
    static let maximumAlternatives = 20
    /// Most messages of a conversation.
    static let maximumMessages = 10_000

    /// Reads a body.
    ///
    /// - Throws: `ServingError` that names the field.
    init(_ fields: RequestFields, defaults: SamplingParameters) throws(ServingError) {
        sampling = try SamplingFields(fields, defaults: defaults)
        logProbs = try fields.flag("logprobs") ?? false
        alternatives = try fields.integer("top_logprobs", 0...Self.maximumAlternatives) ?? 0
        guard logProbs || alternatives == 0 else {
            throw ServingError(.invalidRequest, "'top_logprobs' needs 'logprobs': true", parameter: "top_logprobs")
        }
        try fields.refuse([
            ("functions", [[]], "not supported; use 'tools'"),
            ("function_call", ["none"], "not supported; use 'tools'"),
            ("audio", [], "not supported"), ("modalities", [["text"]], "only text is supported"),
        ])
        let tools = try Self.tools(fields)
        readsToolCalls = tools != nil
        var conversation = Conversation(messages: try Self.messages(fields), addGenerationPrompt: true)
        conversation.tools = tools
        conversation.continueFinalMessage = try fields.flag("continue_final_message") ?? false
        conversation.addGenerationPrompt =
            try fields.flag("add_generation_prompt") ?? !conversation.continueFinalMessage
        let template = try fields.object("chat_template_kwargs") ?? [:]
        for (name, value) in template { conversation.variables[name] = value }
        if let thinking = try fields.flag("enable_thinking") {
            conversation.variables["enable_thinking"] = .bool(thinking)
        }
        let isInTemplate = fields["thinking_budget"] == nil && template["thinking_budget"] != nil
        let holder = isInTemplate ? RequestFields(template) : fields
        thinkingBudget = try holder.integer(holder.first("thinking_budget", "thinking_token_budget"), 0...10_000_000)
        self.conversation = conversation
    }

    private static func messages(_ fields: RequestFields) throws(ServingError) -> JSONValue {
        guard let messages = fields["messages"]?.arrayValue, !messages.isEmpty, messages.count <= maximumMessages else {
            throw fields.fault("messages", "a list of 1 to \(maximumMessages) objects {\"role\", \"content\"}")
        }
        var read: [JSONValue] = []
        for (index, message) in messages.enumerated() {
            guard var object = message.objectValue, object["role"]?.stringValue != nil else {
                throw ServingError(
                    .invalidRequest,
                    "'messages[\(index)]' is \(RequestFields.shown(message)), expected an object with a text \"role\"",
                    parameter: "messages")
            }
            if let content = object["content"] { object["content"] = try text(of: content, message: index) }
            if let calls = object["tool_calls"] { object["tool_calls"] = try parsed(calls, message: index) }
            read.append(.object(object))
        }
        return .array(read)
    }

    /// The text of a content that may be a list of parts.
    private static func text(of content: JSONValue, message index: Int) throws(ServingError) -> JSONValue {
        switch content {
        case .string, .null: return content
        case .array(let parts):
            var text = ""
            for part in parts {
                guard part["type"] == "text", let piece = part["text"]?.stringValue else {
                    throw ServingError(
                        .invalidRequest,
                        "'messages[\(index)].content' has a part of type "
                            + "\(part["type"].map(RequestFields.shown) ?? "nothing"), only \"text\" is supported",
                        parameter: "messages")
                }
                text += piece
            }
            return .string(text)
        default:
            throw ServingError(
                .invalidRequest,
                "'messages[\(index)].content' is \(RequestFields.shown(content)), expected a text or a list of parts",
                parameter: "messages")
        }
    }

    /// Calls of tools with their arguments as objects, which is what templates print; clients send them as text.
    private static func parsed(_ calls: JSONValue, message index: Int) throws(ServingError) -> JSONValue {
        if calls.isNull { return calls }
        guard let list = calls.arrayValue else {
            throw ServingError(
                .invalidRequest, "'messages[\(index)].tool_calls' is \(RequestFields.shown(calls)), expected a list",
                parameter: "messages")
        }
        return .array(
            list.map { call in
                guard var object = call.objectValue, var function = object["function"]?.objectValue,
                    let text = function["arguments"]?.stringValue, let arguments = try? JSONValue(parsing: text)
                else { return call }
                function["arguments"] = arguments
                object["function"] = .object(function)
                return .object(object)
            })
    }

    private static func tools(_ fields: RequestFields) throws(ServingError) -> JSONValue? {
        let choice = fields["tool_choice"]
        guard choice == nil || choice == "auto" || choice == "none" else {
            throw ServingError(
                .invalidRequest,
                "'tool_choice' is \(choice.map(RequestFields.shown) ?? ""), only \"auto\" and \"none\" are supported",
                parameter: "tool_choice")
        }
        guard let value = fields["tools"] else { return nil }
        guard let tools = value.arrayValue, tools.count <= 512, tools.allSatisfy({ $0.objectValue != nil }) else {
            throw fields.fault("tools", "a list of at most 512 objects")
        }
        return tools.isEmpty || choice == "none" ? nil : value
    }
}
