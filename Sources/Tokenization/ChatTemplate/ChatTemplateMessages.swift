import OrderedJSON

extension ChatTemplate {
    /// The messages with `reasoning` or `thinking` also under `reasoning_content`, the name that Qwen's templates read.
    ///
    /// What is there already, and what is not an object, is left as it is.
    public static func aliasingReasoning(in messages: JSONValue) -> JSONValue {
        guard case .array(let elements) = messages else { return messages }
        return .array(
            elements.map { element in
                guard case .object(var message) = element, message["reasoning_content"] == nil else { return element }
                for key in ["reasoning", "thinking"] {
                    if let reasoning = message[key], !reasoning.isNull {
                        message["reasoning_content"] = reasoning
                        break
                    }
                }
                return .object(message)
            })
    }

    /// What marks the end of the last message's content while it is rendered; the one transformers uses, which some
    /// templates know.
    static let continuationMark = "CONTINUE_FINAL_MESSAGE_TAG "

    /// The messages with the mark behind the last one's content, and that content.
    static func markingFinalMessage(
        of messages: JSONValue
    ) throws(ChatTemplateError) -> (messages: JSONValue, content: String) {
        guard case .array(var elements) = messages, case .object(var message) = elements.last else {
            throw ChatTemplateError(
                .missing, "there is no final message to continue: the conversation is empty or no list")
        }
        let content: String
        switch message["content"] {
        case .string(let text):
            content = text
            message["content"] = .string(text + continuationMark)
        case .array(var parts):
            guard let place = parts.lastIndex(where: { $0["text"]?.stringValue != nil }),
                case .object(var part) = parts[place], let text = part["text"]?.stringValue
            else {
                throw ChatTemplateError(
                    .missing, "the final message has no text to continue: none of its parts has 'text'")
            }
            content = text
            part["text"] = .string(text + continuationMark)
            parts[place] = .object(part)
            message["content"] = .array(parts)
        default:
            throw ChatTemplateError(.missing, "the final message has no text to continue: its 'content' is no text")
        }
        elements[elements.count - 1] = .object(message)
        return (.array(elements), content)
    }
}

extension ChatTemplate.Rendering {
    /// The rendering up to the mark behind the final message's content.
    func endingWithFinalMessage(_ content: String) throws(ChatTemplateError) -> ChatTemplate.Rendering {
        let bytes = Array(text.utf8)
        let mark = Array(ChatTemplate.continuationMark.utf8)
        let trimmedMark = mark.dropLast()
        let start = stride(from: bytes.count - trimmedMark.count, through: 0, by: -1).first {
            bytes[$0] == mark[0] && bytes[$0...].starts(with: trimmedMark)
        }
        let trimmed = Array(PythonText.strip(content).utf8)
        guard let start, trimmed.isEmpty || text.contains(String(decoding: trimmed, as: UTF8.self)) else {
            throw ChatTemplateError(
                .missing,
                "the final message can't be continued: its content does not appear in the rendered text, "
                    + "so the template drops or changes it")
        }
        var head = String(decoding: bytes[..<start], as: UTF8.self)
        // A template that trims the content has trimmed the mark's space instead of the content's.
        if !bytes[start...].starts(with: mark) { head = PythonText.strip(head, left: false) }
        let end = head.utf8.count
        let ranges = generationRanges.filter { $0.lowerBound < end }.map { $0.lowerBound..<min($0.upperBound, end) }
        return ChatTemplate.Rendering(text: head, generationRanges: ranges)
    }
}
