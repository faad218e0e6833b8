/// Checks a completion's final answer against the gold answer.
///
/// Numbers are compared exactly, as rationals. What is not a number is correct only if it is spelled like the gold answer,
/// up to what TeX ignores. In doubt an answer is wrong: several candidates, a formula around the number, a sentence that goes on.
public enum MathVerifier {
    /// Checks one answer.
    ///
    /// - Parameter gold: The gold answer, in the form that the configuration says.
    /// - Parameter prediction: The whole completion. Hostile; time is linear in its length.
    public static func verify(
        gold: String, prediction: String, configuration: MathConfiguration = MathConfiguration()
    ) -> MathVerdict {
        guard let gold = GoldAnswer(gold, form: configuration.goldForm) else {
            return MathVerdict(.goldUnparsable, reason: "the gold answer is empty, too long, or has unbalanced braces")
        }
        return verify(gold: gold, prediction: prediction)
    }

    static func verify(gold: GoldAnswer, prediction: String) -> MathVerdict {
        let answer: ExtractedAnswer
        switch AnswerExtraction.extract(from: prediction) {
        case .none(let reason): return MathVerdict(.unparsable, reason: reason)
        case .found(let found): answer = found
        }
        func verdict(_ verdict: MathVerdict.Verdict, _ reason: String) -> MathVerdict {
            MathVerdict(verdict, extracted: answer.text, rule: answer.rule, reason: reason)
        }
        if let expected = gold.number {
            if answer.isList { return verdict(.wrong, "several answers are offered, expected one number") }
            if let number = NumberParser.parse(answer.text) {
                return ExactNumber.same(expected, number)
                    ? verdict(.correct, "the numbers are equal") : verdict(.wrong, "the numbers differ")
            }
        }
        let found = MathText.canonical(answer.text)
        guard !found.isEmpty, answer.text.utf8.count <= ExactNumber.Limit.bytes else {
            return verdict(.unparsable, "the answer is empty or too long")
        }
        if found == gold.canonical { return verdict(.correct, "the spellings are equal") }
        if gold.number == nil, GoldAnswer.isSameWord(found, gold.canonical) {
            return verdict(.correct, "the words are equal")
        }
        return gold.number == nil
            ? verdict(.wrong, "the spellings differ") : verdict(.unparsable, "the answer is not a number")
    }
}

/// A gold answer that was read once.
struct GoldAnswer: Sendable {
    /// Its value, if it is a number.
    let number: ExactNumber?
    /// Its canonical spelling.
    let canonical: String

    /// Reads a gold answer; `nil` if there is nothing in it that an answer could equal.
    init?(_ text: String, form: MathConfiguration.GoldForm) {
        guard let answer = Self.answer(in: text, form: form), answer.utf8.count <= ExactNumber.Limit.bytes else {
            return nil
        }
        number = form == .choice || form == .string ? nil : NumberParser.parse(answer)
        canonical = MathText.canonical(answer)
        guard !canonical.isEmpty, Self.isBalanced(canonical) else { return nil }
    }

    private static func answer(in text: String, form: MathConfiguration.GoldForm) -> String? {
        switch form {
        case .choice, .string: return text
        case .bare:
            guard text.utf8.count > 0 else { return nil }
            guard text.contains("####") || text.contains("\\boxed") else { return text }
        case .text:
            // A gold answer that is one formula is that formula, not a number inside it.
            if NumberParser.parse(text) != nil || MathText.isFormula(text) { return text }
        }
        guard case .found(let answer) = AnswerExtraction.extract(from: text), !answer.isList else {
            return form == .text ? text : nil
        }
        return answer.text
    }

    /// Whether two answers are the same word, whatever the capitals and the font: `\text{TRUE}` and `True`.
    static func isSameWord(_ a: String, _ b: String) -> Bool {
        a.utf8.count >= 4 && a.utf8.allSatisfy(MathText.isLetter) && a.lowercased() == b.lowercased()
    }

    private static func isBalanced(_ text: String) -> Bool {
        var depth = 0
        var escaped = false
        for byte in text.utf8 {
            if escaped {
                escaped = false
            } else if byte == 0x5C {
                escaped = true
            } else if byte == 0x7B {
                depth += 1
            } else if byte == 0x7D {
                depth -= 1
                if depth < 0 { return false }
            }
        }
        return depth == 0
    }
}
