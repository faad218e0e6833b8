/// "The answer is …", "Answer: …", "#### …": where the phrase ends, and which text after it is the answer.
enum AnswerPhrase {
    /// A phrase that announces an answer.
    struct Mark {
        /// Where it begins.
        let start: Int
        /// Where what it announces begins.
        let end: Int
        /// Whether it says "final answer", and so outdoes a box before it.
        let isFinal: Bool
    }

    /// Longest sentence that is taken for an answer.
    private static let maximumBytes = 1000

    private static let word = Array("answer".utf8)
    private static let final = Array("final".utf8)
    private static let hashes = Array("####".utf8)

    /// The last phrase of a text.
    static func last(in bytes: [UInt8]) -> Mark? {
        var start = bytes.count - hashes.count
        while start >= 0 {
            if bytes[start] == 0x23, ByteSearch.matches(hashes, in: bytes, at: start) {
                return Mark(start: start, end: start + hashes.count, isFinal: false)
            }
            if bytes[start] | 0x20 == 0x61, let end = phraseEnd(in: bytes, at: start) {
                return Mark(start: start, end: end, isFinal: isFinal(bytes, before: start))
            }
            start -= 1
        }
        return nil
    }

    private static func isFinal(_ bytes: [UInt8], before start: Int) -> Bool {
        var index = start
        while index > 0, bytes[index - 1] == 0x20 { index -= 1 }
        guard index >= final.count else { return false }
        for offset in final.indices where bytes[index - final.count + offset] | 0x20 != final[offset] { return false }
        return true
    }

    /// The end of "answer is" or "answer:" at an offset, whatever the capitals, with bold marks between.
    private static func phraseEnd(in bytes: [UInt8], at start: Int) -> Int? {
        guard bytes.count - start >= word.count else { return nil }
        for index in word.indices where bytes[start + index] | 0x20 != word[index] { return nil }
        if start > 0, MathText.isWord(bytes[start - 1]) || bytes[start - 1] == 0x3C || bytes[start - 1] == 0x2F {
            return nil
        }
        var index = start + word.count
        while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x2A { index += 1 }
        guard index < bytes.count else { return nil }
        if bytes[index] == 0x3A { return index + 1 }
        guard bytes.count - index > 2, bytes[index] | 0x20 == 0x69, bytes[index + 1] | 0x20 == 0x73,
            !MathText.isWord(bytes[index + 2])
        else { return nil }
        return index + 2
    }

    /// The answer after a phrase.
    ///
    /// - Returns: The formula right there; a number if it stands alone right there; the sentence if all of it is
    ///   mathematics; its only number; its last formula; else the whole sentence, which will hardly equal anything.
    static func answer(in bytes: [UInt8], from start: Int) -> (text: String, isList: Bool) {
        var first = start
        while first < bytes.count, bytes[first] <= 0x20 || [0x2A, 0x3A, 0x22, 0x60].contains(bytes[first]) {
            first += 1
        }
        if ByteSearch.matches([0x5C, 0x22], in: bytes, at: first) { first += 2 }
        let sentence = first..<sentenceEnd(in: bytes, from: first)
        let formula = FormulaSpan.last(in: bytes, sentence)
        if let formula, formula.whole.lowerBound == first, isClean(bytes, after: formula.whole.upperBound) {
            return (formula.text, formula.isList)
        }
        if let end = NumberSpan.end(in: bytes, from: first), StandaloneNumber.isClean(bytes, after: end) {
            return (text(bytes[first..<end]), false)
        }
        let whole = text(bytes[sentence])
        if AnswerReader.isMathematics(whole) { return (whole, false) }
        if let number = StandaloneNumber.only(in: bytes[sentence]) { return (number, false) }
        if let formula, !formula.isList, !ProseWords.denies(text(bytes[first..<formula.whole.lowerBound])),
            isClean(bytes, after: formula.whole.upperBound)
        {
            return (formula.text, false)
        }
        return (whole, isChoice(bytes[sentence]))
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { MathText.string(MathText.trimmed(bytes)) }

    /// Whether the sentence ends behind a formula, or goes on without changing it.
    private static func isClean(_ bytes: [UInt8], after end: Int) -> Bool {
        end < bytes.count && bytes[end] == 0x5C || StandaloneNumber.isClean(bytes, after: end)
    }

    /// A sentence ends with its line, or with a full stop before a blank that does not belong to "i.e." or a formula.
    private static func sentenceEnd(in bytes: [UInt8], from start: Int) -> Int {
        var index = start
        var isInFormula = false
        while index < bytes.count, index - start < maximumBytes {
            let byte = bytes[index]
            if byte == 0x5C, index + 1 < bytes.count {
                let next = bytes[index + 1]
                if next == 0x28 || next == 0x5B { isInFormula = true }
                if next == 0x29 || next == 0x5D { isInFormula = false }
                index += 2
                continue
            }
            if byte == 0x24 { isInFormula.toggle() }
            if byte == 0x0A || byte == 0x0D, !isInFormula || bytes[start] == 0x24 && bytes[index - 1] != 0x24 {
                return index
            }
            let isLast = index + 1 >= bytes.count || bytes[index + 1] <= 0x20 || bytes[index + 1] == 0x2A
            if byte == 0x2E, isLast, !isInFormula, !isAbbreviation(bytes, at: index) { return index }
            if byte == 0x3C, index + 1 < bytes.count, bytes[index + 1] == 0x2F || bytes[index + 1] == 0x7C {
                return index
            }
            index += 1
        }
        return min(index, bytes.count)
    }

    /// The second full stop of "i.e." and "e.g.".
    private static func isAbbreviation(_ bytes: [UInt8], at index: Int) -> Bool {
        index >= 3 && bytes[index - 2] == 0x2E && MathText.isLetter(bytes[index - 1])
            && MathText.isLetter(bytes[index - 3])
    }

    private static func isChoice(_ sentence: ArraySlice<UInt8>) -> Bool {
        let words = MathText.string(sentence).lowercased().split { !$0.isLetter && !$0.isNumber }
        return words.contains("or") || words.contains("and")
    }
}
