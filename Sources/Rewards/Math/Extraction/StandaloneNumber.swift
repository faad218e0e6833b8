/// Numbers in prose: whether one stands alone or is part of a formula, a list, a choice.
enum StandaloneNumber {
    enum Result: Equatable {
        /// No digit at all.
        case none
        /// The last number can't be taken for an answer.
        case refused(reason: String)
        /// The last number, as written.
        case number(String)
    }

    /// The last number of a text. If it does not stand alone there is no answer: an earlier number is never taken instead.
    static func last(in bytes: [UInt8]) -> Result {
        var result = Result.none
        var index = 0
        while index < bytes.count {
            guard let start = start(in: bytes, at: index) else {
                index += 1
                continue
            }
            guard let end = NumberSpan.end(in: bytes, from: start), end > index else {
                result = .refused(reason: "the last number is part of something that is not a number")
                index += 1
                while index < bytes.count, MathText.isDigit(bytes[index]) { index += 1 }
                continue
            }
            if isClean(bytes, before: start), isClean(bytes, after: end) {
                result = .number(MathText.string(MathText.trimmed(bytes[start..<end])))
            } else {
                result = .refused(reason: "the last number does not stand alone")
            }
            index = end + raisedUnit(bytes, at: end)
        }
        return result
    }

    /// The only number of a sentence, if it stands alone and nothing in the sentence denies it or offers a choice.
    static func only(in sentence: ArraySlice<UInt8>) -> String? {
        let bytes = Array(sentence)
        guard case .number(let text) = last(in: bytes), numbers(in: bytes) == 1 else { return nil }
        return ProseWords.denies(MathText.string(bytes)) ? nil : text
    }

    /// How many numbers begin in a text.
    private static func numbers(in bytes: [UInt8]) -> Int {
        var count = 0
        var index = 0
        while index < bytes.count {
            if let start = start(in: bytes, at: index) {
                count += 1
                index = max(index + 1, NumberSpan.end(in: bytes, from: start) ?? index + 1)
            } else {
                index += 1
            }
        }
        return count
    }

    private static let fractions = ["\\frac", "\\dfrac", "\\tfrac"].map { Array($0.utf8) }

    /// Where the number begins whose first digit, point or fraction is at an offset: at the sign before it, if it has one.
    private static func start(in bytes: [UInt8], at index: Int) -> Int? {
        let byte = bytes[index]
        let isPoint = byte == 0x2E && index + 1 < bytes.count && MathText.isDigit(bytes[index + 1])
        guard
            MathText.isDigit(byte) || isPoint
                || fractions.contains(where: { ByteSearch.matches($0, in: bytes, at: index) })
        else { return nil }
        var start = index
        if start > 0, bytes[start - 1] == 0x24 {  // $: a currency sign, or the beginning of a formula
            start -= 1
            if start > 0, bytes[start - 1] == 0x5C { start -= 1 } else { start += 1 }
        }
        guard start > 0, bytes[start - 1] == 0x2D || bytes[start - 1] == 0x2B else { return start }
        let previous = bytes[..<(start - 1)].last { $0 != 0x20 }
        let isOperator =
            previous.map { MathText.isWord($0) && start >= 2 && bytes[start - 2] != 0x20 || $0 == 0x29 } ?? false
        return isOperator ? start : start - 1
    }

    /// Whether what stands before a number leaves it alone.
    static func isClean(_ bytes: [UInt8], before start: Int) -> Bool {
        var index = start - 1
        if index >= 0, MathText.isWord(bytes[index]) || bytes[index] == 0x2E { return false }
        if index >= 0, bytes[index] == 0x24 { index -= 1 }
        while index >= 0, bytes[index] == 0x20 || bytes[index] == 0x2A && index > 0 && bytes[index - 1] == 0x2A {
            index -= bytes[index] == 0x20 ? 1 : 2
        }
        guard index >= 0 else { return true }
        let byte = bytes[index]
        if MathText.isDigit(byte) { return false }
        if MathText.isLetter(byte) {
            var first = index
            while first > 0, MathText.isLetter(bytes[first - 1]), index - first < 24 { first -= 1 }
            if first > 0, bytes[first - 1] == 0x5C || bytes[first - 1] == 0x5F { return false }
            let word = MathText.string(bytes[first...index]).lowercased()
            if word == "by" { return !isDivision(bytes, before: first) }
            return !ProseWords.changingBefore.contains(word)
        }
        if byte == 0x2C {  // a comma: "1, 2" is a list, "So, 5" is not
            let previous = bytes[..<index].last { $0 != 0x20 && $0 != 0x24 }
            return previous.map { MathText.isLetter($0) } ?? true
        }
        if byte == 0x5D || byte == 0x5B || byte == 0x28 {  // ] [ (: only those that belong to \] \[ \(
            return index > 0 && bytes[index - 1] == 0x5C
        }
        if byte == 0x3D { return isValueOfEquation(bytes, equals: index) }
        if byte == 0x3A { return index + 1 < start }
        return ![0x2B, 0x2D, 0x2A, 0x2F, 0x5E, 0x5F, 0x7B, 0x3C, 0x26, 0x5C, 0x7C, 0x29, 0x21, 0x7D, 0x25].contains(
            byte)
    }

    /// The length of a unit with its exponent: the 2 of `m^{2}` is no number of its own.
    private static func raisedUnit(_ bytes: [UInt8], at start: Int) -> Int {
        let word = word(in: bytes, at: start)
        let end = start + word.utf8.count
        let isRaised = ["^{2}", "^{3}"].contains { ByteSearch.matches(Array($0.utf8), in: bytes, at: end) }
        return isRaised && Units.isKnown(word) ? word.utf8.count + 4 : 0
    }

    /// "divided by 4", unlike "increases by 4".
    private static func isDivision(_ bytes: [UInt8], before index: Int) -> Bool {
        let text = MathText.string(bytes[..<index].suffix(24)).lowercased()
        let word = text.split { !$0.isLetter }.last.map(String.init) ?? ""
        return ["divided", "multiplied", "times", "divisible", "modulo", "squared"].contains(word)
            || text.trimmed.last?.isNumber == true
    }

    /// Whether what stands before an equals sign is computed to the number after it: arithmetic (`9 * 2 = 18`), a single
    /// variable (`x = 5`) or a word (`total = 5`). The 0 of `x^2 - 5x + 6 = 0` is no answer.
    private static func isValueOfEquation(_ bytes: [UInt8], equals: Int) -> Bool {
        var letters = 0
        var signs = 0
        var index = equals - 1
        while index >= 0, equals - index <= 200 {
            let byte = bytes[index]
            if byte == 0x24 || byte == 0x0A || byte == 0x3D || byte == 0x3A { break }
            if MathText.isLetter(byte) {
                let last = index
                while index > 0, MathText.isLetter(bytes[index - 1]) { index -= 1 }
                let isCommand = index > 0 && bytes[index - 1] == 0x5C
                let isProse =
                    last - index >= 2 || shortWords.contains(MathText.string(bytes[index...last]).lowercased())
                if !isCommand, isProse { break }
                if !isCommand || !arithmetic.contains(MathText.string(bytes[index...last])) { letters += 1 }
            } else if byte >= 0x80 {
                letters += 1
            } else if byte != 0x20 {
                signs += 1
            }
            index -= 1
        }
        return letters == 0 || letters == 1 && signs == 0
    }

    private static let shortWords: Set<String> = ["so", "is", "we", "be", "it", "as"]
    private static let arithmetic: Set<String> = ["times", "cdot", "frac", "dfrac", "tfrac", "left", "right", "div"]

    /// Whether what stands after a number leaves it alone.
    static func isClean(_ bytes: [UInt8], after end: Int) -> Bool {
        guard end < bytes.count else { return true }
        let next = end + 1 < bytes.count ? bytes[end + 1] : 0x20
        switch bytes[end] {
        case 0x0A, 0x0D, 0x60, 0x22: return true
        case 0x20, 0x09: return isCleanAfterBlank(bytes, end)
        case 0x24: return isClean(bytes, after: end + 1)
        case 0x2E: return next <= 0x20 || [0x24, 0x2A, 0x5C, 0x3C, 0x22, 0x29].contains(next)
        case 0x2C, 0x3B: return next <= 0x20 && isCleanAfterBlank(bytes, end + 1)
        case 0x3A: return next <= 0x20
        case 0x2A: return next == 0x2A && isClean(bytes, after: end + 2)
        case 0x3C: return next == 0x2F || next == 0x7C
        case 0x5C:  // \) and \] close a formula; \text{…} may be a unit
            if ["€", "£", "¥", "₹", "¢"].contains(where: {
                ByteSearch.matches(Array("\\text{\($0)}".utf8), in: bytes, at: end)
            }) {
                return true
            }
            return next == 0x29 || next == 0x5D ? isClean(bytes, after: end + 2) : false
        case let byte where MathText.isLetter(byte):
            let word = word(in: bytes, at: end)
            let isPower = ["^{2}", "^{3}"].contains {
                ByteSearch.matches(Array($0.utf8), in: bytes, at: end + word.utf8.count)
            }
            return (word.utf8.count > 1 || isPower) && Units.isKnown(word)
        default:
            let rest = bytes[end...].prefix(3)
            return rest.starts(with: Array("€".utf8)) || rest.starts(with: Array("£".utf8))
        }
    }

    private static func isCleanAfterBlank(_ bytes: [UInt8], _ start: Int) -> Bool {
        var index = start
        while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
        guard index < bytes.count else { return true }
        let next = index + 1 < bytes.count ? bytes[index + 1] : 0x20
        switch bytes[index] {
        case 0x0A, 0x0D, 0x2C, 0x2E, 0x3B, 0x60, 0x22: return true
        case 0x21: return index > start
        case 0x2A: return next == 0x2A
        case 0x28: return MathText.isLetter(next)
        case 0x3C: return next == 0x2F || next == 0x7C
        case 0x24: return next <= 0x20
        case 0x5C: return next == 0x29 || next == 0x5D
        case let byte where MathText.isLetter(byte):
            let word = word(in: bytes, at: index)
            let isLong = word.utf8.count > 1 || Units.isKnown(word)
            return isLong && !ProseWords.changing.contains(word.lowercased())
        default: return bytes[index...].starts(with: Array("€".utf8))
        }
    }

    private static func word(in bytes: [UInt8], at start: Int) -> String {
        MathText.string(bytes[start...].prefix(24).prefix(while: MathText.isLetter))
    }
}
