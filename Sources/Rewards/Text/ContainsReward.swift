import OrderedJSON

/// Whether a completion holds some texts: 1 or 0, or the share of them that it holds.
///
/// Texts are compared byte by byte in UTF-8. With a column, a row without it is not applicable.
public struct ContainsReward: RewardFunction {
    /// Where the texts come from.
    public enum Texts: Hashable, Sendable {
        /// The same for every row.
        case fixed([String])
        /// A column that holds a text or a list of texts.
        case column(String)
    }

    /// How many of the texts have to be found.
    public enum Rule: String, CaseIterable, Sendable {
        /// Every one.
        case all
        /// At least one.
        case any
        /// Not a single one.
        case none
        /// The score is the share that is found.
        case share
    }

    /// The name in the metrics.
    public let name: String
    private let texts: Texts
    private let rule: Rule
    private let part: CompletionPart
    private let ignoresCase: Bool

    /// A reward for texts to be found.
    ///
    /// - Throws: `RewardsError` if there is no text, or one is empty.
    public init(
        name: String = "contains", texts: Texts, rule: Rule = .all, part: CompletionPart = .completion,
        ignoresCase: Bool = false
    ) throws(RewardsError) {
        if case .fixed(let list) = texts, list.isEmpty || list.contains("") {
            throw RewardsError(
                .invalidOption, "\(name): texts is \(list), expected at least one text and none that is empty")
        }
        self.name = name
        self.texts = texts
        self.rule = rule
        self.part = part
        self.ignoresCase = ignoresCase
    }

    /// A score or an outcome without one for each sample.
    public func score(_ batch: [RewardSample]) async -> RewardBatch {
        RewardBatch(batch.map(outcome))
    }

    private func outcome(_ sample: RewardSample) -> RewardOutcome {
        let wanted: [String]
        switch texts {
        case .fixed(let list): wanted = list
        case .column(let column):
            do throws(RewardFailure) {
                guard let found = try TextColumn.texts(sample.columns, column) else { return .notApplicable }
                wanted = found
            } catch { return .failed(error) }
            guard !wanted.contains("") else {
                return .failed(RewardFailure(.badRow, "column \"\(column)\" holds an empty text"))
            }
        }
        let bytes = Array(
            (part.text(of: sample) ?? "").normalized(ignoringCase: ignoresCase, ignoringSpace: false).utf8)
        let found = wanted.count { text in
            let needle = Array(text.normalized(ignoringCase: ignoresCase, ignoringSpace: false).utf8)
            return ByteSearch.first(of: needle, in: bytes, from: 0) != nil
        }
        return switch rule {
        case .all: .score(found == wanted.count ? 1 : 0)
        case .any: .score(found > 0 ? 1 : 0)
        case .none: .score(found == 0 ? 1 : 0)
        case .share: .score(Double(found) / Double(wanted.count))
        }
    }
}
