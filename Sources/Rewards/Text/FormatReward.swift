/// 1 if a completion has the demanded layout, else 0.
///
/// The pattern `think-answer`: the completion is exactly `<think>`, a thought, `</think>`, and an answer.
/// - It begins with `<think>`; only white space may stand before it.
/// - `<think>` and `</think>` occur once each, in this order, spelled exactly so, anywhere in the text (the answer
///   included). The thought may be empty.
/// - The answer is everything after `</think>`; it is not empty and not only white space.
///
/// With `opening: .prompt` (the chat template has already written `<think>`) the completion begins inside the thought:
/// it must hold no `<think>`, one `</think>`, and an answer after it. `.automatic` decides sample by sample from the
/// prompt's end.
public struct FormatReward: RewardFunction {
    /// The layouts that can be demanded.
    public enum Pattern: String, CaseIterable, Sendable {
        /// A thought between think tags, then an answer.
        case thinkAnswer = "think-answer"
    }

    /// The name in the metrics.
    public let name: String
    /// What is demanded.
    public let pattern: Pattern
    /// Who writes the opening tag.
    public let opening: ThinkTags.Opening

    /// A format reward.
    ///
    /// - Parameter opening: `.automatic` by default, since the same recipe serves models of both kinds.
    public init(
        name: String = "format", pattern: Pattern = .thinkAnswer, opening: ThinkTags.Opening = .automatic
    ) {
        self.name = name
        self.pattern = pattern
        self.opening = opening
    }

    /// 1 or 0 for each sample.
    public func score(_ batch: [RewardSample]) async -> RewardBatch {
        RewardBatch(batch.map { .score(matches($0.completion, prompt: $0.prompt) ? 1 : 0) })
    }

    /// Whether a completion has the layout.
    public func matches(_ completion: String, prompt: String = "") -> Bool {
        let openedByPrompt =
            switch opening {
            case .completion: false
            case .prompt: true
            case .automatic: ThinkTags.isOpened(by: prompt)
            }
        let bytes = Array(completion.utf8)
        let open = Array(ThinkTags.open.utf8)
        let opens = ByteSearch.all(of: open, in: bytes)
        let closes = ByteSearch.all(of: Array(ThinkTags.close.utf8), in: bytes)
        guard closes.count == 1, let close = closes.first else { return false }
        if openedByPrompt {
            guard opens.isEmpty else { return false }
        } else {
            guard opens.count == 1, let start = opens.first, start < close else { return false }
            guard String(decoding: bytes[..<start], as: UTF8.self).allSatisfy(\.isWhitespace) else { return false }
        }
        return ThinkTags.answer(in: completion) != nil
    }
}
