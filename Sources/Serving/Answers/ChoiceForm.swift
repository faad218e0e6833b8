import InferenceCore
import OrderedJSON

/// How a choice looks: OpenAI has one form for chats and one for plain completions.
struct ChoiceForm: Sendable {
    enum Kind: Sendable {
        case chat
        case text
    }

    let kind: Kind
    let format: AnswerFormat
    /// Whether log-probabilities are told.
    let tellsLogProbs: Bool
    /// Whether token ids are told.
    let tellsTokens: Bool

    /// The name of a whole answer, and of a piece of one.
    func objectName(isPiece: Bool) -> String {
        switch kind {
        case .chat: isPiece ? "chat.completion.chunk" : "chat.completion"
        case .text: "text_completion"
        }
    }

    /// A whole choice.
    func whole(_ index: Int, _ piece: AnswerPiece, finish: String) -> JSONValue {
        var choice: JSONObject = ["index": .integer(index)]
        switch kind {
        case .chat:
            var message: JSONObject = ["role": "assistant", "content": .string(piece.content)]
            if piece.content.isEmpty, !piece.calls.isEmpty { message["content"] = .null }
            if !piece.thought.isEmpty { message["reasoning_content"] = .string(piece.thought) }
            if !piece.calls.isEmpty { message["tool_calls"] = .array(piece.calls.map { $0.json() }) }
            choice["message"] = .object(message)
        case .text: choice["text"] = .string(piece.content)
        }
        var offset = 0
        finishChoice(&choice, piece, finish: .string(finish), offset: &offset)
        return .object(choice)
    }

    /// The first piece of a chat's stream.
    func opening(_ index: Int) -> JSONValue? {
        guard kind == .chat else { return nil }
        return [
            "index": .integer(index), "delta": ["role": "assistant", "content": ""], "logprobs": .null,
            "finish_reason": .null,
        ]
    }

    /// A piece of a stream.
    ///
    /// - Parameter calls: Calls told before.
    /// - Parameter finish: Why it ended, with the last piece.
    func piece(_ index: Int, _ piece: AnswerPiece, callsBefore calls: Int, finish: String?, offset: inout Int)
        -> JSONValue
    {
        var choice: JSONObject = ["index": .integer(index)]
        switch kind {
        case .chat:
            var delta = JSONObject()
            if !piece.thought.isEmpty { delta["reasoning_content"] = .string(piece.thought) }
            if !piece.content.isEmpty { delta["content"] = .string(piece.content) }
            if !piece.calls.isEmpty {
                delta["tool_calls"] = .array(piece.calls.enumerated().map { $1.json(index: calls + $0) })
            }
            choice["delta"] = .object(delta)
        case .text: choice["text"] = .string(piece.content)
        }
        finishChoice(&choice, piece, finish: finish.map { .string($0) } ?? .null, offset: &offset)
        return .object(choice)
    }

    private func finishChoice(
        _ choice: inout JSONObject, _ piece: AnswerPiece, finish: JSONValue, offset: inout Int
    ) {
        choice["logprobs"] = .null
        if tellsLogProbs {
            switch kind {
            case .chat: choice["logprobs"] = format.chatLogProbs(piece.tokens)
            case .text: choice["logprobs"] = format.textLogProbs(piece.tokens, offset: &offset)
            }
        }
        choice["finish_reason"] = finish
        if tellsTokens { choice["token_ids"] = .array(piece.tokens.map { .integer($0.token) }) }
    }
}
