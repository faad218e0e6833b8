import OrderedJSON
import Recipes
import Tokenization

/// A data row as the model gets to read it.
public struct EncodedPrompt: Sendable {
    /// The tokens; at least one.
    public let tokens: [Int]
    /// The text that was encoded, after the chat template.
    public let text: String
    /// The conversation, or `null` for a plain text.
    public let messages: JSONValue
    /// The row.
    public let row: DataRow
    /// Whether the model is asked to think first.
    public let thinks: Bool
}

/// Turns data rows into prompts: conversations through the model's chat template with the beginning of an assistant's
/// message, plain text as it is. An assistant's message at a conversation's end is what `sft` learns, so it is no part of
/// the prompt.
public struct PromptEncoder: Sendable {
    private let model: ModelText
    /// Longest prompt, in tokens.
    public let limit: Int

    /// An encoder.
    ///
    /// - Parameter limit: Longest prompt, in tokens.
    public init(_ model: ModelText, limit: Int) {
        self.model = model
        self.limit = limit
    }

    /// The prompt of a row; `nil` when it has more than `limit` tokens.
    ///
    /// - Parameter thinks: Given to the chat template as `enable_thinking`.
    /// - Throws: `TrainingError` (`data`) for a row that is empty, that the template refuses, or that is no prompt.
    public func encode(_ row: DataRow, thinks: Bool) throws(TrainingError) -> EncodedPrompt? {
        let text: String
        var conversation = JSONValue.null
        switch row.content {
        case .messages(let messages):
            let isAnswered = messages.last?["role"]?.stringValue == "assistant"
            conversation = .array(isAnswered ? messages.dropLast() : messages)
            text = try render(conversation, row, thinks: thinks)
        case .text(let prompt), .completion(let prompt, _): text = prompt
        case .tokens:
            throw TrainingError(.data, "row \(row.index): holds token ids, which only kind: sft learns from")
        }
        let tokens = model.tokenizer.encodeWhole(text)
        guard !tokens.isEmpty else {
            throw TrainingError(.data, "row \(row.index): the prompt is empty; remove the row")
        }
        try model.check(tokens, "row \(row.index)")
        guard tokens.count <= limit else { return nil }
        return EncodedPrompt(tokens: tokens, text: text, messages: conversation, row: row, thinks: thinks)
    }

    private func render(_ messages: JSONValue, _ row: DataRow, thinks: Bool) throws(TrainingError) -> String {
        guard let template = model.chatTemplate else {
            throw TrainingError(
                .data, "row \(row.index): the model has no chat template; give model.chat_template or data.format: text"
            )
        }
        var variables = model.templateVariables
        variables["enable_thinking"] = .bool(thinks)
        do throws(ChatTemplateError) {
            return try template.render(messages: messages, addGenerationPrompt: true, variables: variables).text
        } catch {
            throw TrainingError(.data, "row \(row.index): the chat template raised: \(error)", cause: error)
        }
    }
}

/// Picks prompts from a data set, leaving out those that are too long.
public struct PromptSource: Sendable {
    /// The rows.
    public let data: DataSet
    /// Turns them into prompts.
    public let encoder: PromptEncoder
    /// Which of them think.
    public let modes: ThinkingModes

    /// A source.
    public init(data: DataSet, encoder: PromptEncoder, modes: ThinkingModes) {
        self.data = data
        self.encoder = encoder
        self.modes = modes
    }

    /// The next prompts of the stream.
    ///
    /// - Parameter step: Steps taken before.
    /// - Parameter firstPrompt: The number of the first prompt within the step.
    /// - Parameter position: Where in the stream to begin; left behind the last row that was looked at.
    /// - Parameter curriculum: Chooses the rows; `nil` takes them in their order.
    /// - Returns: The prompts and how many rows were too long.
    /// - Throws: `TrainingError` (`data`) when a whole epoch, or a thousand rows in a row, are too long.
    public func next(
        _ count: Int, step: Int, firstPrompt: Int = 0, from position: inout Int, curriculum: inout Curriculum?
    ) throws(TrainingError) -> (prompts: [EncodedPrompt], skipped: Int) {
        var prompts: [EncodedPrompt] = []
        var (skipped, inSequence) = (0, 0)
        while prompts.count < count {
            let row = curriculum?.row(at: position, of: data) ?? data.row(at: position)
            position += 1
            let thinks = modes.thinks(step: step, prompt: firstPrompt + prompts.count)
            if let prompt = try encoder.encode(row, thinks: thinks) {
                prompts.append(prompt)
                inSequence = 0
                continue
            }
            skipped += 1
            inSequence += 1
            guard inSequence < data.count ?? 1000 else {
                throw TrainingError(
                    .data,
                    "data: \(inSequence) prompts in a row are longer than \(encoder.limit) tokens; "
                        + "shorten them or raise rollout.max_prompt_tokens")
            }
        }
        return (prompts, skipped)
    }
}
