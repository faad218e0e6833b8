/// Checks a completion's final answer against the gold answer.
///
/// Integers, fractions, polynomials, lists and words are decided in process, in microseconds. Roots, logarithms and their
/// like go to an `AlgebraService`, which may be killed at its deadline; where it gives no answer the verdict is `timeout`.
/// In doubt an answer is wrong: several candidates, a formula around the number, a sentence that goes on.
public struct MathVerifier: Sendable {
    /// The time that one check may take.
    public let timeLimit: Duration
    private let algebra: (any AlgebraService)?

    /// A verifier.
    ///
    /// - Parameter algebra: Decides what arithmetic does not; without one such answers end as `timeout`.
    /// - Parameter timeLimit: For each check, the algebra included; 100 ms decide all but towers and sums of thousands.
    public init(algebra: (any AlgebraService)? = nil, timeLimit: Duration = .milliseconds(100)) {
        self.algebra = algebra
        self.timeLimit = timeLimit
    }

    /// Checks one answer.
    ///
    /// - Parameter gold: The gold answer, in the form that the configuration says.
    /// - Parameter prediction: The whole completion. Hostile; reading it is linear in its length.
    public func verify(
        gold: String, prediction: String, configuration: MathConfiguration = MathConfiguration()
    ) async -> MathVerdict {
        let start = ContinuousClock.now
        switch check(gold: gold, prediction: prediction, configuration: configuration) {
        case .decided(let verdict): return verdict
        case .open(let question, let answer):
            let left = max(timeLimit / 4, timeLimit - (ContinuousClock.now - start))
            let reply = await algebra?.reply(to: question, within: left)
            switch reply ?? .unavailable("the answer needs algebra, and the verifier has no algebra service") {
            case .equal: return Self.verdict(.correct, answer, "the answers are equal (algebra)")
            case .different: return Self.verdict(.wrong, answer, "the answers differ (algebra)")
            case .timeout: return Self.verdict(.timeout, answer, "the check took longer than \(timeLimit)")
            case .unavailable(let reason): return Self.verdict(.timeout, answer, reason)
            }
        }
    }

    // MARK: In process

    /// What can be said without algebra.
    enum Check {
        case decided(MathVerdict)
        case open(MathQuestion, ExtractedAnswer)
    }

    func check(gold: String, prediction: String, configuration: MathConfiguration) -> Check {
        guard let expected = GoldAnswer.text(of: gold, configuration) else {
            return .decided(MathVerdict(.goldUnparsable, reason: "there is no answer in the gold answer"))
        }
        let extraction = AnswerExtraction.extract(
            from: prediction, prefersPhrase: configuration.prefersPhrase, isGold: false
        ).allowed(configuration.rules)
        if configuration.goldForm == .choice || configuration.goldForm == .string {
            return .decided(ChoiceAnswer.verdict(expected, extraction, configuration))
        }
        let answer: ExtractedAnswer
        switch extraction {
        case .found(let found): answer = found
        case .none(let reason): return .decided(MathVerdict(.unparsable, reason: reason))
        }
        let question = MathQuestion(gold: expected, prediction: answer.text, configuration: configuration)
        do throws(ComparisonFault) {
            let budget = StepBudget(steps: MathQuestion.steps, time: timeLimit)
            return .decided(Self.verdict(try question.outcome(algebra: nil, budget: budget), answer))
        } catch {
            switch error {
            case .needsAlgebra: return .open(question, answer)
            case .exhausted: return .decided(Self.verdict(.timeout, answer, "the answer is too large to be compared"))
            }
        }
    }

    private static func verdict(_ outcome: MathQuestion.Outcome, _ answer: ExtractedAnswer) -> MathVerdict {
        switch outcome {
        case .equal(let reason): verdict(.correct, answer, reason)
        case .different(let reason): verdict(.wrong, answer, reason)
        case .unreadable: verdict(.unparsable, answer, "the answer is neither mathematics nor words, or too large")
        case .goldUnreadable:
            verdict(.goldUnparsable, answer, "the gold answer is neither mathematics nor words, or too large")
        }
    }

    private static func verdict(_ verdict: MathVerdict.Verdict, _ answer: ExtractedAnswer, _ reason: String)
        -> MathVerdict
    {
        MathVerdict(verdict, extracted: answer.text, rule: answer.rule, reason: reason)
    }
}

/// Decides questions that need computer algebra, away from this process.
public protocol AlgebraService: Sendable {
    /// Answers a question, or says why not, within about the time given.
    func reply(to question: MathQuestion, within time: Duration) async -> AlgebraReply
}

/// What an algebra service says.
public enum AlgebraReply: Hashable, Sendable {
    /// The answers are equal, for certain.
    case equal
    /// They differ, or their equality can't be proved.
    case different
    /// The time was up, or the worker died of the question.
    case timeout
    /// There is no worker.
    case unavailable(String)
}
