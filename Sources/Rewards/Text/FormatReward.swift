/// 1 if a completion has the demanded layout, else 0.
///
/// Tags are spelled exactly so and occur once each, in order, wherever they are: an answer that mentions `<think>` has
/// not the form. Only white space may stand before `<think>`; the thought may be empty. With the opening tag in the
/// prompt (the chat template has already written `<think>`) the completion begins inside the thought and must not open
/// another; where the prompt ends with an empty thought, for a model that is not to think, what is demanded of the thought
/// is done already. `.automatic` decides sample by sample from the prompt's end.
public struct FormatReward: RewardFunction {
    /// The name in the metrics.
    public let name: String
    /// What is demanded.
    public let form: NamedForm
    /// Who writes the opening tag.
    public let opening: ThinkTags.Opening

    /// A format reward.
    ///
    /// - Parameter opening: `.automatic` by default, since the same recipe serves models of both kinds.
    public init(
        name: String = "format", form: NamedForm = .thinkAnswer, opening: ThinkTags.Opening = .automatic
    ) {
        self.name = name
        self.form = form
        self.opening = opening
    }

    /// 1 or 0 for each sample.
    public func score(_ batch: [RewardSample]) async -> RewardBatch {
        RewardBatch(batch.map { .score(matches($0.completion, prompt: $0.prompt) ? 1 : 0) })
    }

    /// Whether a completion has the layout.
    public func matches(_ completion: String, prompt: String = "") -> Bool {
        let written =
            switch opening {
            case .completion: ""
            case .prompt: ThinkTags.open
            case .automatic: ThinkTags.written(by: prompt)
            }
        return form.matches(written + completion)
    }
}
