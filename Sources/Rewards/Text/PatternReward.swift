import RegularExpressions

/// 1 if a whole completion matches a regular expression, else 0. Matching takes time linear in the completion.
public struct PatternReward: RewardFunction {
    /// The name in the metrics.
    public let name: String
    private let pattern: Pattern

    /// Steps a character that an expression may cost at most: a completion of a megabyte still takes seconds only.
    private static let maximumInstructions = 1000

    /// A reward for an expression in Python's syntax, matched as `re.fullmatch` does with `.` matching line ends too.
    ///
    /// - Throws: `RewardsError` if the expression can't be compiled.
    public init(name: String = "format", pattern: String) throws(RewardsError) {
        self.name = name
        do throws(PatternError) {
            self.pattern = try Pattern(
                pattern, options: [.dotMatchesNewline], maximumInstructions: Self.maximumInstructions)
        } catch {
            throw RewardsError(.invalidOption, "pattern '\(pattern.prefix(80))': \(error.message)", cause: error)
        }
    }

    /// 1 or 0 for each sample.
    public func score(_ batch: [RewardSample]) async -> RewardBatch {
        RewardBatch(batch.map { .score(pattern.fullMatch($0.completion) != nil ? 1 : 0) })
    }
}
