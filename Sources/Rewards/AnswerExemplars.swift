import OrderedJSON

/// A reward that compares with an answer known beforehand, so that it can be tested without a model: the known answer
/// must score 1 and a wrong one 0.
public protocol AnswerChecking: RewardFunction {
    /// A completion that gives the row's answer, and one that gives another; `nil` if the row has no answer.
    func exemplars(_ columns: JSONObject) -> AnswerExemplars?
}

/// Completions whose score is known.
public struct AnswerExemplars: Hashable, Sendable {
    /// Must score 1; `nil` if only the wrong one is known.
    public let right: String?
    /// Must score 0.
    public let wrong: String

    /// Two completions.
    public init(right: String?, wrong: String) {
        self.right = right
        self.wrong = wrong
    }
}

extension MathReward: AnswerChecking {
    /// The answer in a box, or as it stands where it is a whole solution; and a neighbouring number.
    public func exemplars(_ columns: JSONObject) -> AnswerExemplars? {
        guard let gold = (try? TextColumn.texts(columns, column))?.first else { return nil }
        let isSolution = gold.contains("####") || gold.contains("\\boxed")
        let wrong = Int(gold.trimmed).map { String($0 &+ 1) } ?? "\\text{another answer}"
        return AnswerExemplars(right: isSolution ? gold : "\\boxed{\(gold)}", wrong: "\\boxed{\(wrong)}")
    }
}

extension CountdownReward: AnswerChecking {
    /// Only a wrong expression: a right one would have to be found first.
    public func exemplars(_ columns: JSONObject) -> AnswerExemplars? {
        guard let target = columns[targetColumn]?.intValue else { return nil }
        return AnswerExemplars(right: nil, wrong: "<answer>\(target &+ 1)</answer>")
    }
}

extension ExactMatchReward: AnswerChecking {
    /// The text itself, and another.
    public func exemplars(_ columns: JSONObject) -> AnswerExemplars? {
        guard let text = (try? TextColumn.texts(columns, column))?.first else { return nil }
        func completion(_ text: String) -> String { part == .tags ? "<answer>\(text)</answer>" : text }
        return AnswerExemplars(right: completion(text), wrong: completion(text + " (not)"))
    }
}

extension CodeReward: AnswerChecking {
    /// The row's own program, as MBPP (`solution`, `code`) or HumanEval (`prompt` with `canonical_solution`) write it, and
    /// one that does nothing.
    public func exemplars(_ columns: JSONObject) -> AnswerExemplars? {
        guard (try? applies(to: columns)) != false else { return nil }
        let whole = ["solution", "code"].lazy.compactMap { columns[$0]?.stringValue }.first
        let body = columns["canonical_solution"]?.stringValue.map { (columns["prompt"]?.stringValue ?? "") + $0 }
        return AnswerExemplars(
            right: (whole ?? body).map { "```\(language)\n\($0)\n```" }, wrong: "```\(language)\n\n```")
    }
}
