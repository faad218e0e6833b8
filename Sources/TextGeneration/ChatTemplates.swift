import ModelFiles
import OrderedJSON
import Tokenization

/// A model's chat templates and the special tokens they may name; needs no weights and no vocabulary.
public struct ChatTemplates: Sendable {
    /// The template for conversations without tools.
    private let plain: ChatTemplate
    /// The template for conversations with tools.
    private let withTools: ChatTemplate
    /// `eos_token` and its like, as templates see them.
    private let specialTokens: JSONObject

    /// The templates of a model, or one given in their place.
    ///
    /// - Parameter file: A Jinja file that is used instead of the model's own templates.
    /// - Throws: `TextGenerationError` or `ChatTemplateError` if there is no template, or one is not Jinja.
    public init(_ location: ModelLocation, replacement file: String? = nil) throws {
        let sources: (plain: String, withTools: String)
        if let file {
            guard let text = try ModelJSON.text(file) else {
                throw TextGenerationError(
                    .unusableModel, "\(file): no such file; --chat-template takes a file of Jinja text")
            }
            sources = (text, text)
        } else {
            sources = try Self.sources(location)
        }
        do {
            plain = try ChatTemplate(source: sources.plain)
            withTools = sources.plain == sources.withTools ? plain : try ChatTemplate(source: sources.withTools)
        } catch { throw TextGenerationError(.unusableModel, "\(file ?? location.path): \(error)") }
        specialTokens = try Self.specialTokens(location)
    }

    /// Renders a conversation.
    ///
    /// - Throws: `ChatTemplateError`, as the template raises.
    public func render(_ conversation: Conversation) throws(ChatTemplateError) -> String {
        var variables = specialTokens
        for (name, value) in conversation.variables { variables[name] = value }
        return try (conversation.tools == nil ? plain : withTools).render(
            messages: conversation.messages, tools: conversation.tools,
            addGenerationPrompt: conversation.addGenerationPrompt,
            continueFinalMessage: conversation.continueFinalMessage, variables: variables
        ).text
    }

    private static func sources(_ location: ModelLocation) throws -> (plain: String, withTools: String) {
        let configuration: JSONValue?
        var jinja: String?
        switch location {
        case .folder(let path):
            let own = try ModelJSON.object("tokenizer_config.json", in: path)
            jinja = try ModelJSON.text("\(path)/chat_template.jinja")
            let ofFirstQwen = jinja == nil ? try GGUFTokenizer.chatTemplate(ofFirstQwen: path) : nil
            configuration = ofFirstQwen.map { ["chat_template": .string($0)] } ?? own
        case .gguf(let file):
            let lists = try GGUFTokenizer(file)
            var named = JSONObject(
                lists.namedChatTemplates.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
            if let text = lists.chatTemplate { named["default"] = .string(text) }
            configuration = ["chat_template": .object(named)]
        }
        do {
            return (
                try ChatTemplate.chooseSource(tokenizerConfiguration: configuration, templateFile: jinja),
                try ChatTemplate.chooseSource(
                    tokenizerConfiguration: configuration, templateFile: jinja, hasTools: true)
            )
        } catch {
            throw TextGenerationError(
                .unusableModel, "\(location.path): \(error.message); or give one with --chat-template")
        }
    }

    private static func specialTokens(_ location: ModelLocation) throws -> JSONObject {
        var tokens = JSONObject()
        switch location {
        case .folder(let path):
            let configuration = try ModelJSON.object("tokenizer_config.json", in: path)
            for key in ["bos_token", "eos_token", "pad_token", "unk_token"] {
                let value = configuration?[key]
                if let text = value?.stringValue ?? value?["content"]?.stringValue { tokens[key] = .string(text) }
            }
        case .gguf(let file):
            guard location.hasTokenizer else { break }
            let lists = try GGUFTokenizer(file)
            for (key, id) in [
                ("bos_token", lists.bosTokenID), ("eos_token", lists.eosTokenID), ("pad_token", lists.paddingTokenID),
            ] {
                if let id, lists.tokens.indices.contains(id) { tokens[key] = .string(lists.tokens[id]) }
            }
        }
        return tokens
    }
}

/// A conversation and how it is to be rendered.
public struct Conversation: Sendable {
    /// The messages, a list of objects with `role`, `content` and what else the template reads.
    public var messages: JSONValue
    /// Tool definitions, if there are any.
    public var tools: JSONValue?
    /// Whether the text ends with the beginning of an assistant's message.
    public var addGenerationPrompt: Bool
    /// Whether the text ends with the last message's content.
    public var continueFinalMessage = false
    /// `enable_thinking` and whatever else the template reads.
    public var variables = JSONObject()

    /// A conversation from its parts.
    public init(messages: JSONValue, addGenerationPrompt: Bool) {
        self.messages = messages
        self.addGenerationPrompt = addGenerationPrompt
    }
}
