import OrderedJSON

/// 1 if a part of the completion is the text of a column, else 0.
///
/// Texts are compared as Unicode does: `é` is `é`, however it is composed. White space at the ends never counts. Where
/// the column holds a list, one of its texts has to be met. A row without the column is not applicable.
public struct ExactMatchReward: RewardFunction {
    /// The name in the metrics.
    public let name: String
    /// The column of the text.
    public let column: String
    /// What is compared.
    public let part: CompletionPart
    private let ignoresCase: Bool
    private let ignoresSpace: Bool

    /// An exact-match reward.
    ///
    /// - Parameter ignoresSpace: Whether a run of white space is the same as one space.
    public init(
        name: String = "exact_match", column: String = "answer", part: CompletionPart = .answer,
        ignoresCase: Bool = false, ignoresSpace: Bool = false
    ) {
        self.name = name
        self.column = column
        self.part = part
        self.ignoresCase = ignoresCase
        self.ignoresSpace = ignoresSpace
    }

    /// 1, 0, or an outcome without a score for each sample.
    public func score(_ batch: [RewardSample]) async -> RewardBatch {
        RewardBatch(batch.map(outcome))
    }

    private func outcome(_ sample: RewardSample) -> RewardOutcome {
        let texts: [String]
        do throws(RewardFailure) {
            guard let found = try TextColumn.texts(sample.columns, column) else { return .notApplicable }
            texts = found
        } catch { return .failed(error) }
        guard let text = part.text(of: sample) else { return .score(0) }
        let given = plain(text)
        return .score(texts.contains { plain($0.trimmed) == given } ? 1 : 0)
    }

    func plain(_ text: String) -> String {
        text.normalized(ignoringCase: ignoresCase, ignoringSpace: ignoresSpace)
    }
}
