import OrderedJSON

/// A chat template: the model's own Jinja text, which turns a conversation into the text that the model reads.
///
/// The text is run as transformers runs it (`trim_blocks`, `lstrip_blocks`, an immutable sandbox, `tojson` as
/// `json.dumps(ensure_ascii=False)`, `{% generation %}`, `{% break %}`), with Python's semantics of values. Template and
/// conversation may be hostile: what they can take in time, memory and stack is limited.
///
/// Known differences from Python: integers have 64 bits (overflow is an error), a generator such as the result of
/// `map` may be walked more than once, and `safe` does not mark text (there is no escaping to be safe from).
public struct ChatTemplate: Sendable {
    /// What one rendering may take.
    public struct Limits: Sendable {
        /// Evaluated nodes, touched elements and 32-byte pieces of text. The default is some seconds of work; a
        /// conversation of a thousand messages takes about 1 % of it.
        public var steps: Int
        /// Bytes of the output, and of any text made on the way.
        public var outputBytes: Int
        /// Blocks, calls and expressions inside one another while running. The default fits into a stack of 2 MiB.
        public var depth: Int

        /// Limits; the defaults suit conversations of millions of tokens.
        public init(steps: Int = 20_000_000, outputBytes: Int = 1 << 25, depth: Int = 400) {
            self.steps = steps
            self.outputBytes = outputBytes
            self.depth = depth
        }
    }

    /// A rendered conversation.
    public struct Rendering: Hashable, Sendable {
        /// The text for the tokenizer.
        public var text: String
        /// What the template marks with `{% generation %}` as written by the assistant, in order: ranges of UTF-8 bytes of
        /// `text`. Tokens that begin inside are the ones to learn. Blocks inside a macro or a block `set` have no
        /// place in the text yet when they run, and are not reported.
        public var generationRanges: [Range<Int>]
    }

    /// The Jinja text.
    public let source: String
    private let body: [TemplateStatement]

    /// Reads a template.
    ///
    /// - Throws: `ChatTemplateError` with the line for text that is not Jinja or uses what is not supported.
    public init(source: String) throws(ChatTemplateError) {
        self.source = source
        body = try TemplateParser.parse(source)
    }

    /// Renders a conversation.
    ///
    /// - Parameter messages: The messages, an array of objects with `role`, `content` and what else the template reads.
    ///   `reasoning` and `thinking` are read as `reasoning_content`, see `aliasingReasoning(in:)`.
    /// - Parameter tools: The tool definitions; nil is the template's `none`.
    /// - Parameter addGenerationPrompt: Whether the text ends with the beginning of an assistant's message.
    /// - Parameter continueFinalMessage: Whether the text ends with the last message's content, so that the model goes on
    ///   with it. Excludes `addGenerationPrompt`.
    /// - Parameter variables: More variables: `bos_token`, `eos_token`, `enable_thinking`, `documents`, ….
    /// - Parameter limits: What the rendering may take.
    /// - Parameter now: Seconds since 1970 for `strftime_now`; nil reads the clock.
    /// - Throws: `ChatTemplateError` where the template raises, as it would in Python, or reaches a limit.
    public func render(
        messages: JSONValue, tools: JSONValue? = nil, addGenerationPrompt: Bool = false,
        continueFinalMessage: Bool = false, variables: JSONObject = [:], limits: Limits = Limits(), now: Int? = nil
    ) throws(ChatTemplateError) -> Rendering {
        var messages = Self.aliasingReasoning(in: messages)
        var continued: String?
        if continueFinalMessage {
            guard !addGenerationPrompt else {
                throw ChatTemplateError(
                    .type, "the final message can't be continued and a new one begun: ask for one of the two")
            }
            (messages, continued) = try Self.markingFinalMessage(of: messages)
        }
        var context: [String: TemplateValue] = ["documents": .none]
        for (name, value) in variables { context[name] = try TemplateValue(value) }
        context["messages"] = try TemplateValue(messages)
        context["tools"] = try TemplateValue(tools ?? .null)
        context["add_generation_prompt"] = .bool(addGenerationPrompt)
        let interpreter = TemplateInterpreter(limits: limits, now: now)
        let text = try interpreter.run(body, variables: context)
        let rendering = Rendering(text: text, generationRanges: interpreter.generationRanges)
        return try continued.map { (final) throws(ChatTemplateError) in
            try rendering.endingWithFinalMessage(final)
        } ?? rendering
    }
}
