/// Where a completion stops thinking and begins to answer.
///
/// Reasoning models write `<think>…</think>` and then the answer. The opening tag may be the last thing in the prompt
/// (Qwen3-Thinking, QwQ), so only the closing tag can be relied on.
public struct ThinkTags: Sendable {
    /// Where `<think>` stands in a completion's dialogue.
    public enum Opening: String, CaseIterable, Sendable {
        /// The completion has to write it.
        case completion
        /// The prompt ends with it, so the completion begins inside the thought.
        case prompt
        /// As the prompt says: `prompt` if its text ends with `<think>` and white space, else `completion`.
        case automatic
    }

    static let open = "<think>"
    static let close = "</think>"

    /// The text after the last `</think>`, if there is one and anything but white space follows it; else `nil`.
    public static func answer(in completion: String) -> Substring? {
        guard let range = completion.utf8Range(ofLast: close) else { return nil }
        let rest = completion[range.upperBound...]
        return rest.allSatisfy(\.isWhitespace) ? nil : rest
    }

    /// Whether the completion thinks and never comes to an answer: the last tag is an opening one, or nothing follows
    /// the closing one. Such a text was cut off, or has no answer at all.
    public static func endsInThought(_ completion: String) -> Bool {
        let lastOpen = completion.utf8Range(ofLast: open)
        guard let lastClose = completion.utf8Range(ofLast: close) else { return lastOpen != nil }
        if let lastOpen, lastOpen.lowerBound > lastClose.lowerBound { return true }
        return answer(in: completion) == nil
    }

    /// The completion with the opening tag before it, if the prompt ends with that tag.
    static func completion(of sample: RewardSample) -> String {
        isOpened(by: sample.prompt) ? open + sample.completion : sample.completion
    }

    /// The tags that the prompt has written for the completion at its end: the opening one, both of an empty thought, as
    /// templates do for models that are not to think, or none.
    static func written(by prompt: String) -> String {
        if isOpened(by: prompt) { return open }
        let trimmed = prompt.trimmed
        guard trimmed.hasSuffix(close) else { return "" }
        return isOpened(by: String(trimmed.dropLast(close.count))) ? open + close : ""
    }

    /// Whether the prompt leaves the completion inside a thought.
    public static func isOpened(by prompt: String) -> Bool {
        let trimmed = prompt.utf8.reversed().drop { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        return trimmed.starts(with: open.utf8.reversed())
    }
}

extension String {
    /// The last place of an ASCII text, found byte by byte from the end in linear time.
    func utf8Range(ofLast needle: String) -> Range<String.Index>? {
        guard let start = ByteSearch.last(of: Array(needle.utf8), in: Array(utf8)) else { return nil }
        let lower = utf8.index(utf8.startIndex, offsetBy: start)
        return lower..<utf8.index(lower, offsetBy: needle.utf8.count)
    }
}
