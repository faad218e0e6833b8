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
    /// The whole text: it is nothing but mathematics.
    case whole
    /// The last formula in `$…$`, `\(…\)` or `\[…\]`.
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
/// 1. The last `\boxed{…}`, braces nested. Boxes joined by and, or, commas are one list. A box left open at the end is no
///    answer. Only a "final answer" announced behind the last box outdoes it.
/// 2. What follows the last "answer is", "Answer:" (any capitals) or "####", to the end of the sentence or line, or what
///    stands in the last `<answer>…</answer>`, whichever begins later.
/// 3. The whole text, if it is one line of mathematics.
/// 4. The last formula, if the text after it only closes the sentence.
/// 5. The last number, if it stands alone: not part of a formula, a list or a choice ("42 or 43").
///
/// A thought (`… </think>`) is ignored when text follows it. In a completion that ends inside its thought, rules 3 to 5 do
/// not apply: the number it broke off at is nobody's answer.
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

    /// Bytes at the end in which the last number or formula is looked for: an answer further up was not the conclusion.
    static let closingBytes = 4096

    /// The final answer of a completion.
    public static func extract(from completion: String) -> Outcome {
        extract(from: completion, prefersPhrase: false, isGold: false)
    }

    /// The final answer, with a "final answer" phrase before any box (`prefersPhrase`), or of a gold answer in prose.
    static func extract(from completion: String, prefersPhrase: Bool, isGold: Bool) -> Outcome {
        let tail = String(decoding: completion.utf8.suffix(maximumBytes), as: UTF8.self)
        let hasTags = tail.utf8.contains(0x3C)
        let unfinished = hasTags && ThinkTags.endsInThought(tail)
        let body = hasTags ? ThinkTags.answer(in: tail) ?? tail[...] : tail[...]
        let bytes = withoutTurnMarks(MathText.normalized(body))
        let mark = AnswerPhrase.last(in: bytes)
        let boxes = BoxScanner.lastBoxes(in: bytes, isGold: isGold)
        if let mark, mark.isFinal, outdoes(mark, boxes, prefersPhrase), let answer = phrase(in: bytes, mark) {
            return answer
        }
        switch boxes {
        case .open: return .none(reason: "the last \\boxed{ is never closed")
        case .boxes(let contents, let end): return boxed(bytes, contents, end)
        case .none: break
        }
        let tag = lastTag(in: bytes)
        if let mark, mark.start > tag?.start ?? -1 {
            return phrase(in: bytes, mark) ?? .none(reason: "nothing follows the answer phrase")
        }
        if let tag {
            guard let content = tag.content else { return .none(reason: "the last <answer> is never closed") }
            return found(text(of: bytes[content]), .answerTag)
        }
        if unfinished { return .none(reason: "the completion ends inside its thought") }
        return closing(of: bytes)
    }

    // MARK: Rules

    /// Whether a "final answer" phrase goes before the boxes.
    private static func outdoes(_ mark: AnswerPhrase.Mark, _ boxes: BoxScanner.Result, _ prefersPhrase: Bool) -> Bool {
        switch boxes {
        case .none: false
        case .open: prefersPhrase
        case .boxes(_, let end): prefersPhrase || mark.start >= end
        }
    }

    private static func phrase(in bytes: [UInt8], _ mark: AnswerPhrase.Mark) -> Outcome? {
        let (text, isList) = AnswerPhrase.answer(in: bytes, from: mark.end)
        return text.isEmpty ? nil : found(text, .phrase, isList: isList)
    }

    private static func boxed(_ bytes: [UInt8], _ contents: [Range<Int>], _ end: Int) -> Outcome {
        let texts = contents.map { text(of: bytes[$0]) }
        if texts.count > 1 { return found(texts.joined(separator: ", "), .boxedList, isList: true) }
        guard let text = texts.first, !text.isEmpty else { return found("", .boxed) }
        return found(text + FormulaSpan.percentSign(in: bytes, after: end, limit: bytes.count).0, .boxed)
    }

    /// The answer of a text without boxes, phrases and tags.
    private static func closing(of bytes: [UInt8]) -> Outcome {
        let body = MathText.trimmed(bytes[...])
        if body.count <= FormulaSpan.maximumBytes, isOneLine(body), AnswerReader.isMathematics(MathText.string(body)) {
            return found(MathText.string(body), .whole)
        }
        let first = max(0, bytes.count - closingBytes)
        let end = Array(bytes[first...])
        if let formula = FormulaSpan.last(in: end, 0..<end.count), isConclusion(end, formula.whole) {
            return found(formula.text, .lastFormula, isList: formula.isList)
        }
        switch StandaloneNumber.last(in: end) {
        case .number(let text): return found(text, .lastNumber)
        case .refused(let reason): return .none(reason: reason)
        case .none: return .none(reason: "no box, answer phrase, answer tag, formula or number")
        }
    }

    private static func isOneLine(_ body: ArraySlice<UInt8>) -> Bool {
        !body.contains(0x0A) || body.starts(with: "$$".utf8) || body.starts(with: "\\[".utf8)
            || body.starts(with: "\\begin".utf8)
    }

    /// Whether nothing around the last formula says that it is not the answer.
    private static func isConclusion(_ bytes: [UInt8], _ formula: Range<Int>) -> Bool {
        let rest = bytes[formula.upperBound...]
        guard rest.count <= 300, !rest.contains(where: MathText.isDigit), !rest.contains(0x3F) else { return false }
        guard !ProseWords.denies(MathText.string(rest)) else { return false }
        let before = MathText.string(bytes[..<formula.lowerBound].suffix(24)).lowercased()
        guard let word = before.split(whereSeparator: { !$0.isLetter }).last, before.hasSuffix(" ") else { return true }
        let isHedge = ProseWords.changingBefore.contains(String(word))
        return !isHedge || ["between", "of", "to", "by", "times", "over"].contains(word)
    }

    private static func found(_ text: String, _ rule: ExtractionRule, isList: Bool = false) -> Outcome {
        text.isEmpty
            ? .none(reason: "the answer found by the rule \(rule.rawValue) is empty")
            : .found(ExtractedAnswer(text: text, rule: rule, isList: isList))
    }

    // MARK: Text

    private static func text(of bytes: ArraySlice<UInt8>) -> String { MathText.string(MathText.trimmed(bytes)) }

    /// The text before the first `<|im_end|>` and its like: what follows is another turn.
    private static func withoutTurnMarks(_ bytes: [UInt8]) -> [UInt8] {
        let start = bytes.firstIndex { $0 > 0x20 } ?? 0
        var index = start + 1
        while index < bytes.count {
            if bytes[index] == 0x3C, index + 1 < bytes.count, bytes[index + 1] == 0x7C,
                turnMarks.contains(where: { ByteSearch.matches($0, in: bytes, at: index) })
            {
                return Array(bytes[..<index])
            }
            index += 1
        }
        return bytes
    }

    private static let turnMarks = ["<|im_", "<|endof", "<|eot"].map { Array($0.utf8) }

    /// The last answer tag and what stands in it; no content if it is never closed.
    private static func lastTag(in bytes: [UInt8]) -> (start: Int, content: Range<Int>?)? {
        let open = Array("<answer>".utf8)
        guard let start = ByteSearch.last(of: open, in: bytes) else { return nil }
        let first = start + open.count
        let close = ByteSearch.first(of: Array("</answer>".utf8), in: bytes, from: first)
        return (start, close.map { first..<$0 })
    }
}

extension AnswerExtraction.Outcome {
    /// The same if its rule is one of some; else nothing, and why.
    func allowed(_ rules: Set<ExtractionRule>) -> Self {
        guard case .found(let answer) = self, !rules.contains(answer.rule) else { return self }
        return .none(reason: "the answer was found by the rule \(answer.rule.rawValue), which is not allowed here")
    }
}
