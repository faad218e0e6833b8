import OrderedJSON

/// The layouts that a completion can be asked for by name.
public enum NamedForm: String, CaseIterable, Sendable {
    /// `<think>`, a thought, `</think>`, and an answer that is not empty.
    case thinkAnswer = "think-answer"
    /// The same, but the answer may be empty.
    ///
    /// Source: TRL's `think_format_reward`.
    case think
    /// `<think>…</think>` and `<answer>…</answer>`, with nothing but white space around and between them.
    ///
    /// Source: the training template of DeepSeek-R1-Zero, arXiv:2501.12948, table 1.
    case thinkAnswerTags = "think-answer-tags"
    /// `<reasoning>…</reasoning>` and `<answer>…</answer>`, likewise.
    case reasoningAnswerTags = "reasoning-answer-tags"
    /// `<answer>…</answer>` once; anything may stand around it.
    case answerTags = "answer-tags"
    /// Exactly one `\boxed{…}` with balanced braces and something in it, after the thought if there is one.
    case boxed
    /// After the thought exactly one Markdown fence that is closed and not empty; anything may stand around it.
    case codeBlock = "code-block"
    /// After the thought nothing but one JSON value.
    case json

    /// Whether a text has the form.
    ///
    /// - Parameter completion: The whole text, with an opening tag that the prompt wrote.
    func matches(_ completion: String) -> Bool {
        switch self {
        case .thinkAnswer: return isThought(completion, needsAnswer: true)
        case .think: return isThought(completion, needsAnswer: false)
        case .thinkAnswerTags: return Self.isTagged(completion, ["think", "answer"])
        case .reasoningAnswerTags: return Self.isTagged(completion, ["reasoning", "answer"])
        case .answerTags:
            guard let (_, inside, _) = Self.element("answer", in: completion) else { return false }
            return !inside.allSatisfy(\.isWhitespace)
        case .boxed, .codeBlock, .json:
            let sample = RewardSample(prompt: "", completion: completion)
            guard let answer = CompletionPart.answer.text(of: sample) else { return false }
            return switch self {
            case .boxed: Self.hasOneBox(answer)
            case .codeBlock: Self.hasOneFence(answer)
            default: (try? JSONValue(parsing: answer)) != nil
            }
        }
    }

    private func isThought(_ completion: String, needsAnswer: Bool) -> Bool {
        guard let (before, _, after) = Self.element("think", in: completion), before.allSatisfy(\.isWhitespace) else {
            return false
        }
        return !needsAnswer || !after.allSatisfy(\.isWhitespace)
    }

    /// Whether a text is a row of elements with white space around them, each once; the last one isn't empty.
    private static func isTagged(_ text: String, _ names: [String]) -> Bool {
        var rest = text
        for name in names {
            // Looked up in the whole text too: a tag inside another element is one too many.
            guard element(name, in: text) != nil, let (gap, inside, after) = element(name, in: rest),
                gap.allSatisfy(\.isWhitespace), name != names.last || !inside.allSatisfy(\.isWhitespace)
            else { return false }
            rest = after
        }
        return rest.allSatisfy(\.isWhitespace)
    }

    /// What stands before, in and after an element whose tags occur once each, in order.
    private static func element(_ name: String, in text: String) -> (before: String, inside: String, after: String)? {
        let bytes = Array(text.utf8)
        let (open, close) = (Array("<\(name)>".utf8), Array("</\(name)>".utf8))
        let (starts, ends) = (ByteSearch.all(of: open, in: bytes), ByteSearch.all(of: close, in: bytes))
        guard starts.count == 1, ends.count == 1, starts[0] < ends[0] else { return nil }
        func piece(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        return (
            piece(0..<starts[0]), piece((starts[0] + open.count)..<ends[0]),
            piece((ends[0] + close.count)..<bytes.count)
        )
    }

    private static func hasOneBox(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        let open = Array("\\boxed{".utf8)
        let starts = ByteSearch.all(of: open, in: bytes)
        guard starts.count == 1 else { return false }
        var (depth, index, isEmpty) = (1, starts[0] + open.count, true)
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\\"): index += 1
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"): depth -= 1
            default: break
            }
            if depth == 0 { return !isEmpty }
            if index >= bytes.count || !(bytes[index] == 0x20 || bytes[index] == 0x0A) { isEmpty = false }
            index += 1
        }
        return false
    }

    private static func hasOneFence(_ text: String) -> Bool {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let fences = lines.indices.filter { lines[$0].hasPrefix("```") }
        guard fences.count == 2, lines[fences[1]].dropFirst(3).allSatisfy(\.isWhitespace) else { return false }
        return lines[(fences[0] + 1)..<fences[1]].contains { !$0.allSatisfy(\.isWhitespace) }
    }
}
