/// Which rule found the answer in a completion.
public enum ExtractionRule: String, CaseIterable, Sendable {
    /// The last `\boxed{…}` (or `\fbox{…}`).
    case boxed
    /// The last boxes, joined by "and", "or" or commas: one answer that is a list.
    case boxedList = "boxed_list"
    /// What follows the last "answer is", "Answer:" or "####".
    case phrase
    /// The last `<answer>…</answer>`.
    case answerTag = "answer_tag"
    /// The formula in `$…$`, `\(…\)` or `\[…\]` with which the text ends.
    case lastFormula = "last_formula"
    /// The last number of the text.
    case lastNumber = "last_number"
}

/// The answer found in a completion.
public struct ExtractedAnswer: Hashable, Sendable {
    /// The answer as it was written (unicode signs spelled as LaTeX, blanks on both sides taken off).
    public let text: String
    /// The rule that found it.
    public let rule: ExtractionRule
    /// Whether several answers were offered; a list never equals a single value.
    public let isList: Bool
}

/// Finds a completion's final answer, in time linear in the completion's length.
///
/// In this order, and never falling back once a rule applies:
/// 1. The last `\boxed{…}`, braces nested. Boxes joined by and, or, commas are one list. A box left open at the end is no answer.
/// 2. What follows the last "answer is", "Answer:" (any capitals) or "####", to the end of the sentence or line; a number there
///    is taken alone if nothing that follows changes it, and so is the only number of the sentence.
/// 3. The last `<answer>…</answer>`.
/// 4. The formula with which the text ends; else the last number, if it stands alone: not part of a formula, a list or a choice ("42 or 43").
///
/// A thought (`… </think>`) is ignored when text follows it. In a completion that ends inside its thought, rule 4 does not
/// apply: the number it broke off at is nobody's answer.
public enum AnswerExtraction {
    /// What came of it.
    public enum Outcome: Hashable, Sendable {
        /// An answer.
        case found(ExtractedAnswer)
        /// None, and why.
        case none(reason: String)
    }

    /// Bytes of a completion that are looked at, from its end.
    public static let maximumBytes = 1 << 20

    /// Bytes at the end in which the last number is looked for: an answer further up was not the conclusion.
    static let lastNumberBytes = 2048

    /// The final answer of a completion.
    public static func extract(from completion: String) -> Outcome {
        let tail = String(decoding: completion.utf8.suffix(maximumBytes), as: UTF8.self)
        let unfinished = ThinkTags.endsInThought(tail)
        let bytes = MathText.normalized(ThinkTags.answer(in: tail) ?? tail[...])
        switch BoxScanner.lastBoxes(in: bytes) {
        case .open: return .none(reason: "the last \\boxed{ is never closed")
        case .boxes(let contents):
            let texts = contents.map { text(of: bytes[$0]) }
            if texts.count > 1 { return found(texts.joined(separator: ", "), .boxedList, isList: true) }
            return found(texts.first ?? "", .boxed)
        case .none: break
        }
        if let start = AnswerPhrase.lastEnd(in: bytes) {
            let (text, isList) = AnswerPhrase.answer(in: bytes, from: start)
            return found(text, .phrase, isList: isList)
        }
        switch lastTag(in: bytes) {
        case .some(.some(let range)): return found(text(of: bytes[range]), .answerTag)
        case .some(.none): return .none(reason: "the last <answer> is never closed")
        case .none: break
        }
        if unfinished { return .none(reason: "the completion ends inside its thought") }
        if let formula = AnswerPhrase.lastFormula(in: bytes) { return found(formula, .lastFormula) }
        let first = max(0, bytes.count - lastNumberBytes)
        switch StandaloneNumber.last(in: Array(bytes[first...])) {
        case .number(let text): return found(text, .lastNumber)
        case .refused(let reason): return .none(reason: reason)
        case .none: return .none(reason: "no box, answer phrase, answer tag or number")
        }
    }

    private static func found(_ text: String, _ rule: ExtractionRule, isList: Bool = false) -> Outcome {
        text.isEmpty
            ? .none(reason: "the answer found by the rule \(rule.rawValue) is empty")
            : .found(ExtractedAnswer(text: text, rule: rule, isList: isList))
    }

    private static func text(of bytes: ArraySlice<UInt8>) -> String { MathText.string(MathText.trimmed(bytes)) }

    /// What stands in the last answer tags. Outer `nil`: there are none; inner `nil`: they are never closed.
    private static func lastTag(in bytes: [UInt8]) -> Range<Int>?? {
        let open = Array("<answer>".utf8)
        guard let start = ByteSearch.last(of: open, in: bytes) else { return nil }
        let first = start + open.count
        let close = ByteSearch.first(of: Array("</answer>".utf8), in: bytes, from: first)
        return .some(close.map { first..<$0 })
    }
}
