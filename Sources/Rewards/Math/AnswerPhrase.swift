/// "The answer is …", "Answer: …", "#### …": where the phrase ends, and which text after it is the answer.
enum AnswerPhrase {
    /// Longest sentence that is taken for an answer.
    private static let maximumBytes = 1000

    private static let word = Array("answer".utf8)
    private static let hashes = Array("####".utf8)

    /// Where the last phrase ends.
    static func lastEnd(in bytes: [UInt8]) -> Int? {
        var start = bytes.count - hashes.count
        while start >= 0 {
            if ByteSearch.matches(hashes, in: bytes, at: start) { return start + hashes.count }
            if let end = phraseEnd(in: bytes, at: start) { return end }
            start -= 1
        }
        return nil
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
    /// - Returns: A formula in `$…$` or a number, if it stands alone right there; else the sentence's only number; else the
    ///   whole sentence, which will hardly equal anything. `isList` tells that the answer offers several.
    static func answer(in bytes: [UInt8], from start: Int) -> (text: String, isList: Bool) {
        var first = start
        while first < bytes.count, bytes[first] <= 0x20 || bytes[first] == 0x2A || bytes[first] == 0x3A { first += 1 }
        let sentence = first..<sentenceEnd(in: bytes, from: first)
        if let (content, end) = mathSpan(in: bytes, sentence) {
            if StandaloneNumber.isClean(bytes, after: end) { return (text(bytes[content]), false) }
        } else if let (_, end) = NumberParser.prefix(of: bytes, at: first), StandaloneNumber.isClean(bytes, after: end)
        {
            return (text(bytes[first..<end]), false)
        } else if let number = StandaloneNumber.only(in: bytes[sentence]) {
            return (number, false)
        }
        return (text(bytes[sentence]), isChoice(bytes[sentence]))
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { MathText.string(MathText.trimmed(bytes)) }

    /// The formula with which a text ends, if it does.
    static func lastFormula(in bytes: [UInt8]) -> String? {
        var end = bytes.count
        while end > 0, bytes[end - 1] <= 0x20 || bytes[end - 1] == 0x2E { end -= 1 }
        for (open, close) in spans where ByteSearch.matches(close, in: bytes, at: end - close.count) {
            let limit = max(0, end - close.count - maximumBytes)
            var start = end - close.count - open.count
            while start >= limit {
                if ByteSearch.matches(open, in: bytes, at: start), start + open.count < end - close.count {
                    return text(bytes[(start + open.count)..<(end - close.count)])
                }
                if bytes[start] == 0x0A, close == [0x24] { return nil }
                start -= 1
            }
        }
        return nil
    }

    /// A sentence ends with its line, or with a full stop before a blank.
    private static func sentenceEnd(in bytes: [UInt8], from start: Int) -> Int {
        var index = start
        while index < bytes.count, index - start < maximumBytes {
            let byte = bytes[index]
            if byte == 0x0A || byte == 0x0D { return index }
            if byte == 0x2E, index + 1 >= bytes.count || bytes[index + 1] <= 0x20 { return index }
            if byte == 0x3C, index + 1 < bytes.count, bytes[index + 1] == 0x2F || bytes[index + 1] == 0x7C {
                return index
            }
            index += 1
        }
        return index
    }

    private static let spans: [([UInt8], [UInt8])] = [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")].map {
        (Array($0.0.utf8), Array($0.1.utf8))
    }

    /// The formula at the beginning of a sentence, and where it ends.
    private static func mathSpan(in bytes: [UInt8], _ sentence: Range<Int>) -> (content: Range<Int>, end: Int)? {
        for (open, close) in spans where ByteSearch.matches(open, in: bytes, at: sentence.lowerBound) {
            let first = sentence.lowerBound + open.count
            // A full stop inside the formula ends the "sentence" early; look a little further for the delimiter.
            let limit = min(bytes.count, first + maximumBytes)
            var index = first
            while index < limit {
                if ByteSearch.matches(close, in: bytes, at: index), index > first {
                    return (first..<index, index + close.count)
                }
                if bytes[index] == 0x0A, open[0] == 0x24, open.count == 1 { break }
                index += bytes[index] == 0x5C ? 2 : 1
            }
        }
        return nil
    }

    private static func isChoice(_ sentence: ArraySlice<UInt8>) -> Bool {
        let words = MathText.string(sentence).lowercased().split { !$0.isLetter && !$0.isNumber }
        return words.contains("or") || words.contains("and")
    }
}
