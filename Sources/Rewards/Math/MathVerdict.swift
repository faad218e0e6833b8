/// What a checker says of an answer.
public struct MathVerdict: Hashable, Sendable {
    /// The verdicts; the raw values are those of `verify math`.
    public enum Verdict: String, CaseIterable, Sendable {
        /// The answer is the gold answer.
        case correct
        /// It is another one.
        case wrong
        /// The completion holds no answer that can be read.
        case unparsable
        /// The gold answer can't be read: nothing can be said of the completion.
        case goldUnparsable = "gold_unparsable"
        /// Checking took too long, or its worker died: it is not known whether the answer is right.
        case timeout
    }

    /// The verdict.
    public let verdict: Verdict
    /// The answer found in the completion, as written; `nil` if there is none.
    public let extracted: String?
    /// The rule that found it.
    public let rule: ExtractionRule?
    /// Why, in one line.
    public let reason: String

    /// 1 for a correct answer, else 0.
    public var score: Int { verdict == .correct ? 1 : 0 }

    /// A verdict of its parts.
    public init(_ verdict: Verdict, extracted: String? = nil, rule: ExtractionRule? = nil, reason: String) {
        self.verdict = verdict
        self.extracted = extracted
        self.rule = rule
        self.reason = reason
    }
}

/// How answers are to be read and compared.
public struct MathConfiguration: Hashable, Sendable {
    /// What kind of text a gold answer is.
    public enum GoldForm: String, CaseIterable, Sendable {
        /// A data set's answer: the bare answer; or a solution that ends in `#### 18` (GSM8K) or holds a box (MATH).
        case bare
        /// Prose or `$…$` with the answer in it, found as in a completion.
        case text
        /// The letter of a multiple-choice answer.
        case choice
        /// A word or sentence that must be met letter by letter, but for capitals and blanks.
        case string
    }

    /// Fewest significant digits with which a decimal may stand for a value without a finite decimal.
    public static let significantDigits = 6
    /// The priority that math-verify gives to announced answers; a box with a number from here on comes after them.
    public static let priorityOfPhrases = 50

    /// What kind of text the gold answer is.
    public var goldForm: GoldForm
    /// Whether an inequality may answer where the gold answer is a set: `-2 ≤ x ≤ 7` for `x ∈ [-2, 7]`.
    public var allowSetRelation: Bool
    /// Fewest decimal places with which a decimal may stand for a value without a finite decimal; `nil` asks for six
    /// significant digits instead.
    public var roundingPlaces: Int?
    /// Whether an announced "final answer" goes before a box that comes after it.
    public var prefersPhrase: Bool
    /// The rules by which a completion's answer may be found; one found by another rule counts as none.
    public var rules: Set<ExtractionRule>

    /// A configuration; the default reads data sets' answers.
    public init(
        goldForm: GoldForm = .bare, allowSetRelation: Bool = true, roundingPlaces: Int? = nil,
        prefersPhrase: Bool = false, rules: Set<ExtractionRule> = Set(ExtractionRule.allCases)
    ) {
        self.goldForm = goldForm
        self.allowSetRelation = allowSetRelation
        self.roundingPlaces = roundingPlaces
        self.prefersPhrase = prefersPhrase
        self.rules = rules
    }
}
