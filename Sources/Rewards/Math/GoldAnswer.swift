/// Finds the answer in a gold answer.
enum GoldAnswer {
    /// The answer's text; `nil` if there is none.
    static func text(of gold: String, _ configuration: MathConfiguration) -> String? {
        switch configuration.goldForm {
        case .choice, .string:
            return gold.trimmed.isEmpty ? nil : gold.trimmed
        case .bare:
            guard gold.contains("####") || gold.contains("\\boxed") else { return gold.trimmed.isEmpty ? nil : gold }
        case .text:
            if !gold.contains("\\boxed"), AnswerReader.isMathematics(gold) { return gold }
        }
        guard case .found(let answer) = AnswerExtraction.extract(from: gold, prefersPhrase: false, isGold: true) else {
            return configuration.goldForm == .text && !gold.trimmed.isEmpty ? gold : nil
        }
        return answer.text
    }
}

/// Multiple choice, and answers that must be met word for word.
enum ChoiceAnswer {
    static func verdict(
        _ gold: String, _ extraction: AnswerExtraction.Outcome, _ configuration: MathConfiguration
    ) -> MathVerdict {
        let answer: ExtractedAnswer
        switch extraction {
        case .none(let reason): return MathVerdict(.unparsable, reason: reason)
        case .found(let found): answer = found
        }
        func verdict(_ verdict: MathVerdict.Verdict, _ reason: String) -> MathVerdict {
            MathVerdict(verdict, extracted: answer.text, rule: answer.rule, reason: reason)
        }
        let isLetter = gold.utf8.count == 1 && gold.utf8.allSatisfy(MathText.isLetter)
        guard configuration.goldForm == .choice || isLetter else {
            return AnswerReader.words(answer.text) == AnswerReader.words(gold)
                ? verdict(.correct, "the words are equal") : verdict(.wrong, "the words differ")
        }
        guard let expected = letter(of: gold) else {
            return MathVerdict(.goldUnparsable, reason: "the gold answer is no letter")
        }
        guard !answer.isList, let found = letter(of: answer.text) else {
            return verdict(.unparsable, "the answer is not one letter")
        }
        return found == expected ? verdict(.correct, "the choices are equal") : verdict(.wrong, "the choices differ")
    }

    /// The letter of `B`, `(B)`, `\text{(B) } 42`, `B. two`; `nil` if there is none, or more than one.
    static func letter(of text: String) -> Character? {
        let bytes = MathText.unwrapped(MathText.normalized(text)[...])
        var body = MathText.string(bytes)
        for command in ["\\textbf", "\\text", "\\mathrm", "\\mathbf", "\\mbox"] {
            body = body.replacing(command, with: "")
        }
        body = String(body.filter { !"{}*$".contains($0) }).trimmed
        var rest = body[...]
        let isBracketed = rest.first == "("
        if isBracketed { rest = rest.dropFirst() }
        guard let letter = rest.first, letter.isASCII, letter.isLetter else { return nil }
        rest = rest.dropFirst()
        if rest.isEmpty { return letter }
        guard let mark = rest.first, isBracketed ? mark == ")" : ").:".contains(mark) else { return nil }
        rest = rest.dropFirst()
        // (A) or (B): another letter in brackets is another choice.
        let others = rest.split { !$0.isLetter }.contains { $0.count == 1 && $0.first?.isUppercase == true }
        return others ? nil : letter
    }
}
