/// The part of a completion that a reward looks at.
public enum CompletionPart: String, CaseIterable, Sendable {
    /// What follows the thought; everything where there is none; nothing where a thought was begun and not ended.
    case answer
    /// All of it.
    case completion
    /// What stands in the last `<answer>…</answer>` after the thought.
    case tags

    /// The part of a sample's completion without white space at its ends; `nil` if it has none.
    func text(of sample: RewardSample) -> String? {
        switch self {
        case .completion: return sample.completion.trimmed
        case .answer: return Self.answer(of: ThinkTags.completion(of: sample))
        case .tags: return Self.answer(of: ThinkTags.completion(of: sample)).flatMap(Self.insideTags)
        }
    }

    private static func answer(of completion: String) -> String? {
        if ThinkTags.endsInThought(completion) { return nil }
        return ThinkTags.answer(in: completion).map { String($0).trimmed } ?? completion.trimmed
    }

    /// What stands in the last closed answer tags.
    private static func insideTags(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        guard let end = ByteSearch.last(of: Array("</answer>".utf8), in: bytes) else { return nil }
        let open = Array("<answer>".utf8)
        guard let start = ByteSearch.last(of: open, in: Array(bytes[..<end])) else { return nil }
        return String(decoding: bytes[(start + open.count)..<end], as: UTF8.self).trimmed
    }
}

extension String {
    /// Without white space at the ends.
    var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }

    /// The text with what is not to be told apart made the same.
    func normalized(ignoringCase: Bool, ignoringSpace: Bool) -> String {
        let text = ignoringCase ? lowercased() : self
        return ignoringSpace ? text.split(whereSeparator: \.isWhitespace).joined(separator: " ") : text
    }
}
