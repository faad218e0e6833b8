import ConstrainedDecoding
import InferenceCore
import QwenModel
import TextGeneration
import Tokenization

/// The base model as it is served.
public struct ServedModel: Sendable {
    /// Names that requests may give it; the first is the one that answers carry.
    public let names: [String]
    /// The weights.
    public let model: QwenModel
    /// The tokenizer.
    public let tokenizer: Tokenizer
    /// The chat templates; without them there are plain completions only.
    public let templates: ChatTemplates?
    /// Tokens that end a completion.
    public let endTokens: Set<Int>
    /// Sampling settings of requests that don't give them.
    public let defaults: SamplingParameters
    /// What constrained answers are held to.
    let constraints: AnswerConstraints

    /// A model of its parts.
    public init(
        names: [String], model: QwenModel, tokenizer: Tokenizer, templates: ChatTemplates?, endTokens: Set<Int>,
        defaults: SamplingParameters = SamplingParameters()
    ) {
        precondition(!names.isEmpty, "ServedModel: a model needs a name")
        self.names = names
        self.model = model
        self.tokenizer = tokenizer
        self.templates = templates
        self.endTokens = endTokens
        self.defaults = defaults
        constraints = AnswerConstraints(tokenizer)
    }

    /// The name that answers carry.
    public var name: String { names[0] }

    /// The tokens of a text.
    ///
    /// - Throws: `ServingError` if the tokenizer has ids that the model lacks.
    func encode(_ text: String) throws(ServingError) -> [Int] {
        let ids = tokenizer.encodeWhole(text)
        guard let id = ids.first(where: { $0 >= model.configuration.vocabularySize }) else { return ids }
        throw ServingError(
            .invalidRequest, "the text has the token \(id), which the model's vocabulary lacks", parameter: "prompt")
    }

    /// What an answer is held to.
    ///
    /// - Parameter thought: The thought that may stand before it.
    /// - Throws: `ServingError` that names what of the schema can't be had.
    func constraint(_ form: AnswerConstraints.Form?, thought: ConstraintCursor.Thought?) throws(ServingError)
        -> ConstraintCursor?
    {
        guard let form else { return nil }
        guard !endTokens.isEmpty else {
            throw ServingError(
                .invalidRequest, "'response_format' needs a model with an end token", parameter: "response_format")
        }
        do { return ConstraintCursor(try constraints.constraint(form), thought: thought) } catch {
            throw ServingError(
                .invalidRequest, "'response_format': \(error.message)", parameter: "response_format", cause: error)
        }
    }

    /// The text of a conversation.
    ///
    /// - Throws: `ServingError`, also where the template raises.
    func render(_ conversation: Conversation) throws(ServingError) -> String {
        guard let templates else {
            throw ServingError(
                .invalidRequest, "this model has no chat template; use /v1/completions", parameter: "messages")
        }
        do { return try templates.render(conversation) } catch {
            throw ServingError(
                .invalidRequest, "the chat template refuses the conversation: \(error.description)",
                parameter: "messages", cause: error)
        }
    }
}
